"""Defects the tutorials of this field warn of, or have. `docs/tutorial-defects.md` says which test rules out which."""

import re
from pathlib import Path

import psycopg2
import pytest

from tests.integration.shop import Row, Shop
from vectorshelf.store import db


@pytest.fixture
def shop(tmp_path, database_url) -> Shop:
    return Shop(tmp_path, database_url)


def products(count: int) -> list[Row]:
    return [(str(n), f"product number {n}", f"shelf {n % 7}", str(n)) for n in range(count)]


WRITING = re.compile(rb"(?m)^(?:.*LOG:  statement:)?\s*(?:INSERT INTO|UPDATE|DELETE FROM|COPY) ")


def writes_of(shop: Shop, day: int, rows: list[Row]) -> int:
    """How many statements wrote rows for a run of these products, by the server's own log."""
    [(folder, database)] = shop.query("SELECT current_setting('data_directory'), current_database()")
    log = Path(folder) / "log"
    before = log.stat().st_size
    execute(shop, f"ALTER DATABASE {database} SET log_statement = 'all'")
    try:
        shop.run(day, rows)
    finally:
        execute(shop, f"ALTER DATABASE {database} RESET log_statement")
    return len(WRITING.findall(log.read_bytes()[before:]))


def execute(shop: Shop, statement: str) -> None:
    assert shop.settings.database_url
    with db.connect(shop.settings.database_url) as conn, db.transaction(conn) as cur:
        cur.execute(statement)


@pytest.mark.parametrize("method", ["execute_values", "copy"])
def test_the_number_of_writes_does_not_follow_the_number_of_rows(tmp_path, database_url, method):
    shop = Shop(tmp_path, database_url, load={"method": method})
    few = writes_of(shop, 1, products(50))
    execute(shop, "DROP TABLE products; DELETE FROM vectorshelf.catalogs; DELETE FROM vectorshelf.vectors")
    many = writes_of(shop, 2, products(1_000))
    assert few > 5, "the server's log was not read"
    assert many <= few + 5, f"{few} writing statements for 50 rows, {many} for 1,000"


def test_a_vector_bound_without_the_cast_is_what_the_server_refuses(shop):
    shop.run(1, products(3))
    assert shop.settings.database_url
    with psycopg2.connect(shop.settings.database_url.get_secret_value()) as conn, conn.cursor() as cur:
        cur.execute("SELECT embedding::real[] FROM products LIMIT 1")
        (numbers,) = cur.fetchone()
        with pytest.raises(psycopg2.errors.UndefinedFunction):
            cur.execute("SELECT * FROM search_products(%s)", (numbers,))  # the tutorial's: a list, no cast
    assert shop.query("SELECT count(*) FROM products WHERE vector_dims(embedding) = 256") == [(3,)]


def test_statistics_are_those_of_the_loaded_table(shop):
    shop.run(1, products(500))
    assert shop.query("SELECT reltuples::int, relallvisible = relpages FROM pg_class WHERE relname = 'products'") == [
        (500, True)
    ]
    [(values,)] = shop.query("SELECT n_distinct FROM pg_stats WHERE tablename = 'products' AND attname = 'category'")
    assert values == 7


def test_the_planner_knows_after_a_night_that_changed_much(shop):
    shop.run(1, products(500))
    shop.run(2, products(1_500))
    assert shop.query("SELECT reltuples::int FROM pg_class WHERE relname = 'products'") == [(1_500,)]
