"""Whatever the order, repetition and contradiction of snapshots, history is a function of the last load of each date.

The rows themselves are compared, not only the answers: so storage is what the changes need and nothing more.
"""

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.dated import expected_stretches, state, stretches
from tests.integration.products import Item, Shelf, as_rows, day
from vectorshelf.store import db, history

HISTORIES = int(os.environ.get("VECTORSHELF_HISTORIES", "40"))
DAYS = 4

# Few products, states and days: what matters is how a day meets its neighbours, so equal ones must be common.
states = st.sampled_from([Item("one"), Item("one"), Item("one"), None, Item("one", price=2), Item("two")])
snapshots = st.fixed_dictionaries(dict.fromkeys("abc", states)).map(
    lambda found: {id_: item for id_, item in found.items() if item}
)
kinds = st.sampled_from(["load"] * 8 + ["limited", "prune"])  # limited: a preview, which is not entered
anything = st.lists(st.tuples(kinds, st.integers(1, DAYS), snapshots), min_size=3, max_size=10)
# Half of the time between two equal days, so that what a day cuts is resumed behind it and joined again.
steps = anything | st.builds(lambda same, rest: [*(("load", n, same) for n in (1, DAYS)), *rest], snapshots, anything)


def reset(conn) -> Shelf:
    with db.transaction(conn) as cur:
        cur.execute("DROP TABLE IF EXISTS public.products")
        cur.execute("TRUNCATE vectorshelf.catalogs, vectorshelf.runs CASCADE")
        cur.execute("TRUNCATE vectorshelf.history, vectorshelf.history_dates")
    return Shelf(conn)


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_history_is_what_each_dates_last_snapshot_said_in_whatever_order_they_came(conn, steps):
    shelf = reset(conn)
    known: dict[int, dict[str, Item]] = {}
    newest = 0
    for kind, number, products in steps:
        if kind == "load":
            shelf.load(number, products, history=True)
            known[number] = products
            newest = max(newest, number)
        elif kind == "limited":
            shelf.load(number, products, whole=False, history=True)
        else:
            with db.transaction(conn) as cur:
                history.prune(cur, shelf.catalog, day(number))
            first = max((date for date in known if date <= number), default=0)
            known = {date: said for date, said in known.items() if date >= first}
        assert stretches(shelf) == expected_stretches(known)
    for number in range(min(known, default=1), max(known, default=0) + 1):
        in_force = max(date for date in known if date <= number)
        assert state(shelf, number) == as_rows(known[in_force])
    if newest and all(kind == "load" for kind, _, _ in steps):
        assert shelf.rows() == as_rows(known[newest])
