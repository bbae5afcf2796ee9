"""The serving table is made, taken over, or refused with what to change; nothing of the user's is retyped."""

import psycopg2
import pytest

from tests.integration.products import TABLE, Item, Shelf, as_rows, day
from vectorshelf.errors import ConfigurationError, TransientError
from vectorshelf.store import db, serving
from vectorshelf.store.table import ServingTable


def prepare(conn, table: ServingTable = TABLE, catalog: str = "shop") -> None:
    with db.transaction(conn) as cur:
        serving.ensure_table(cur, catalog, table)


def execute(conn, statement: str) -> None:
    with db.transaction(conn) as cur:
        cur.execute(statement)


def test_the_table_is_made_once_and_found_again(conn):
    prepare(conn)
    prepare(conn)
    execute(conn, "INSERT INTO products (id, name, category) VALUES ('1', 'x', '')")


def test_a_second_catalog_may_not_take_the_same_table(conn):
    prepare(conn)
    with pytest.raises(ConfigurationError, match=r"public\.products already belongs to another catalog"):
        prepare(conn, catalog="other")


def test_other_dimensions_than_the_table_holds_are_refused_with_both_numbers(conn):
    prepare(conn)
    with pytest.raises(ConfigurationError, match=r"holds vector\(4\), the catalog says 8 dimensions"):
        prepare(conn, ServingTable("public", "products", 8))


def test_the_tutorials_table_is_taken_over_and_its_rows_are_embedded(conn):
    execute(
        conn,
        "CREATE TABLE products (id text PRIMARY KEY, name text NOT NULL, category text NOT NULL,"
        " attributes jsonb, embedding vector(4))",
    )
    execute(conn, "INSERT INTO products VALUES ('a', 'apple', 'things', '{\"price\": 1}', '[0,0,0,1]')")
    shelf = Shelf(conn)
    merged = shelf.load(1, {"a": Item("apple")})
    assert merged.difference.changed == 1
    assert shelf.rows() == as_rows({"a": Item("apple")})


@pytest.mark.parametrize(
    ("ddl", "message"),
    [
        ("CREATE TABLE products (id bigint PRIMARY KEY, name text, category text)", "id is bigint, must be text"),
        ("CREATE TABLE products (id text PRIMARY KEY, name text)", "category is missing, must be text"),
        ("CREATE TABLE products (id text, name text, category text)", "ADD PRIMARY KEY"),
        (
            "CREATE TABLE products (id text PRIMARY KEY, name text, category text, price int NOT NULL)",
            r"columns that no run fills \(price\)",
        ),
        ("CREATE VIEW products AS SELECT 1 AS id", "is not a table"),
        (
            "CREATE TABLE products (id text PRIMARY KEY, name text, category text, attributes text)",
            "attributes is text",
        ),
    ],
)
def test_a_table_of_another_shape_is_refused(conn, ddl, message):
    execute(conn, ddl)
    with pytest.raises(ConfigurationError, match=message):
        prepare(conn)


def test_a_catalog_that_moves_to_a_new_table_starts_with_an_open_fence_and_finds_the_old_one_again(conn):
    shelf = Shelf(conn)
    shelf.load(5, {"a": Item("apple")})
    prepare(conn, ServingTable("public", "products_new", 4))
    assert shelf.loaded_as_of() is None
    prepare(conn)
    assert shelf.loaded_as_of() == day(5)
    assert shelf.load(3, {"a": Item("old apple")}).superseded


def test_taking_a_table_over_does_not_queue_readers_behind_a_long_one(conn, database_url):
    execute(conn, "CREATE TABLE products (id text PRIMARY KEY, name text NOT NULL, category text NOT NULL)")
    with psycopg2.connect(database_url.get_secret_value()) as reader, reader.cursor() as cur:
        cur.execute("SELECT * FROM products")
        with pytest.raises(TransientError, match="lock timeout"):
            prepare(conn)
    prepare(conn)


def test_an_id_with_quotes_and_percent_signs_is_bound_not_pasted(conn):
    shelf = Shelf(conn)
    items = {"a'; DROP TABLE products; --": Item("100% 'wool' \"x\" {y} %s")}
    shelf.load(1, items)
    assert shelf.rows() == as_rows(items)
