"""What a night writes: nothing when nothing changed, as much as changed when something did."""

import re

import pytest

from tests.integration.shop import Row, Shop
from vectorshelf.store import db

ROWS = 1_000
WRITES = "SELECT n_tup_ins, n_tup_upd, n_tup_del, vacuum_count FROM pg_stat_user_tables WHERE relname = 'products'"


@pytest.fixture
def shop(tmp_path, database_url):
    found = Shop(tmp_path, database_url)
    found.run(1, products())
    return found


def products(retitled: int = 0, repriced: int = 0) -> list[Row]:
    return [
        (
            str(number),
            f"product {number}" + (", renewed" if number < retitled else ""),
            "things",
            "2.00" if repriced and number % (ROWS // repriced) == 7 else "1.00",
        )
        for number in range(ROWS)
    ]


def writes(shop: Shop) -> tuple[int, ...]:
    """Rows inserted, updated and deleted so far, vacuums so far."""
    shop.query("SELECT pg_stat_force_next_flush()")
    return shop.query(WRITES)[0]


def test_a_quiet_night_writes_no_row_leaves_no_dead_one_and_is_not_vacuumed(shop):
    before = writes(shop)
    figures = shop.run(2, products())
    assert (figures["unchanged"], figures["index"]["action"], figures["vacuum"]) == (ROWS, "kept", "skipped")
    assert writes(shop) == before
    assert dead(shop) == 0


def test_one_percent_changed_writes_one_percent_and_leaves_no_dead_row(shop):
    inserted, updated, deleted, vacuums = writes(shop)
    figures = shop.run(2, products(retitled=6, repriced=4))
    assert (figures["changed"], figures["attributes_changed"]) == (6, 4)
    assert writes(shop) == (inserted, updated + 10, deleted, vacuums + 1)
    assert dead(shop) == 0
    assert figures["index"]["action"] == "kept"


def test_new_prices_tell_no_index_so_that_no_vector_is_written_again(shop):
    """By the server's own count: updates that stayed on their page (HOT), one product in ten repriced."""
    before = hot(shop)
    entries = "SELECT pg_relation_size('products_vector_idx')"
    size = shop.query(entries)
    assert shop.run(2, products(repriced=100))["attributes_changed"] == 100
    assert hot(shop) == before + 100
    assert shop.query(entries) == size


def hot(shop: Shop) -> int:
    shop.query("SELECT pg_stat_force_next_flush()")
    return shop.query("SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'products'")[0][0]


def dead(shop: Shop) -> int:
    """Dead rows a vacuum still finds: the server's own count lags behind the sessions that made them."""
    with db.connect(shop.settings.database_url) as conn:
        with db.autocommit(conn) as cur:
            cur.execute("VACUUM (VERBOSE) products")
        [(removed, remain)] = re.findall(r"tuples: (\d+) removed, (\d+) remain", "".join(conn.notices))[:1]
    assert int(remain) == ROWS
    return int(removed)
