"""Whatever the order and repetition of runs, the table ends as if each had run once, in date order.

Runs that overlap are in `test_merge.py`: the later one to take the catalog's lock finds what the other committed.
"""

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.products import Item, Shelf, as_rows
from vectorshelf.store import db

HISTORIES = int(os.environ.get("VECTORSHELF_HISTORIES", "100"))
RELAXED = settings(
    max_examples=HISTORIES,
    deadline=None,  # no test asserts on a clock
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # `reset` below empties the one database
)

ids = st.sampled_from("abcde")
items = st.builds(Item, text=st.sampled_from(["one", "two", "three"]), price=st.integers(1, 3))
snapshots = st.lists(st.dictionaries(ids, items), min_size=1, max_size=5)
deltas = st.lists(st.dictionaries(ids, st.one_of(items, st.just(Item("", deleted=True)))), min_size=1, max_size=5)


def orders(days: list[dict[str, Item]], data: st.DataObject) -> list[int]:
    """Every day at least once, some twice, in any order."""
    numbers = list(range(1, len(days) + 1))
    again = data.draw(st.lists(st.sampled_from(numbers), max_size=3))
    return data.draw(st.permutations(numbers + again))


def reset(conn) -> Shelf:
    with db.transaction(conn) as cur:
        cur.execute("DROP TABLE IF EXISTS public.products")
        cur.execute("TRUNCATE vectorshelf.catalogs, vectorshelf.tombstones, vectorshelf.runs CASCADE")
    return Shelf(conn)


@RELAXED
@given(days=snapshots, data=st.data())
def test_snapshots_in_any_order_end_as_the_last_one(conn, days, data):
    shelf = reset(conn)
    for number in orders(days, data):
        shelf.load(number, days[number - 1])
    assert shelf.rows() == as_rows(days[-1])


@RELAXED
@given(days=deltas, data=st.data())
def test_deltas_in_any_order_end_as_in_date_order(conn, days, data):
    shelf = reset(conn)
    for number in orders(days, data):
        shelf.load(number, days[number - 1], snapshot=False)
    expected: dict[str, Item] = {}
    for changes in days:
        expected |= changes
    assert shelf.rows() == as_rows(expected)
