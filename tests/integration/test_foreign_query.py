"""A SQL source on a real Postgres: streamed, bounded by the interval, read-only, and silent about secrets."""

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from pydantic import SecretStr

from vectorshelf.catalog.model import Catalog
from vectorshelf.errors import ConfigurationError, TransientError, VectorshelfError
from vectorshelf.extract import read_products
from vectorshelf.store.foreign import stream_query

START = datetime(2026, 11, 19, 2, tzinfo=UTC)
END = datetime(2026, 11, 20, 2, tzinfo=UTC)
MILLION = "SELECT n AS sku, repeat('x', 200) AS title FROM generate_series(1, 1000000) AS n"


@pytest.fixture
def shop(conn: psycopg2.extensions.connection) -> psycopg2.extensions.connection:
    """A shop's own table: five products, changed an hour apart around the interval's bounds."""
    with conn.cursor() as cur:
        cur.execute(
            "CREATE TABLE goods AS SELECT n AS sku, 'Lamp ' || n AS title, 9.50::numeric(8, 2) AS price,"
            " %s::timestamptz + (n - 2) * interval '12 hours' AS updated_at FROM generate_series(1, 5) AS n",
            (START,),
        )
    conn.commit()
    return conn


def rows(url: SecretStr, query: str, **options: int) -> list[dict[str, object]]:
    return list(stream_query(url, query, START, END, **options))


def test_rows_come_by_column_name_with_their_types(shop, database_url: SecretStr):
    first, *_ = rows(database_url, "SELECT sku, price, updated_at FROM goods ORDER BY sku")
    assert first["sku"] == 1
    assert first["price"] == Decimal("9.50")
    assert first["updated_at"] == datetime(2026, 11, 18, 14, tzinfo=UTC)


@pytest.mark.parametrize("batch", [1, 2, 5, 2000])
def test_every_row_comes_once_whatever_the_batch(shop, database_url: SecretStr, batch: int):
    found = rows(database_url, "SELECT sku FROM goods ORDER BY sku", batch=batch)
    assert [row["sku"] for row in found] == [1, 2, 3, 4, 5]


def test_the_intervals_bounds_are_bound_parameters(shop, database_url: SecretStr):
    query = "SELECT sku FROM goods WHERE updated_at >= %(start)s AND updated_at < %(end)s ORDER BY sku"
    assert [row["sku"] for row in rows(database_url, query)] == [2, 3]
    typed = "SELECT %(start)s AS s, pg_typeof(%(start)s)::text AS t, %(end)s = %(as_of)s AS same, '100%%' AS percent"
    assert rows(database_url, typed) == [{"s": START, "t": "timestamp with time zone", "same": True, "percent": "100%"}]


def test_a_query_without_rows_yields_none(shop, database_url: SecretStr):
    assert rows(database_url, "SELECT sku FROM goods WHERE false") == []


def test_the_server_has_produced_only_what_was_asked_for(conn, database_url: SecretStr):
    # Every row that the server produces takes a lock, and locks can be counted from another session.
    query = "SELECT n, pg_advisory_lock_shared(42, n) IS NULL AS locked FROM generate_series(1, 1000000) AS n"
    with closing(stream_query(database_url, query, START, END, batch=10)) as stream:
        next(stream)
        with conn.cursor() as cur:
            cur.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 42")
            assert cur.fetchone() == (10,)
            cur.execute(
                "SELECT state, query FROM pg_stat_activity WHERE application_name = 'vectorshelf source'"
                " AND datname = current_database()"
            )
            assert cur.fetchone() == ("idle in transaction", 'FETCH FORWARD 10 FROM "vectorshelf_source"')
        conn.rollback()


def test_memory_does_not_grow_with_the_result(database_url: SecretStr):
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            query = MILLION.replace("1000000", str(count))
            assert sum(1 for _ in stream_query(database_url, query, START, END)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert peak(100_000) <= 1.3 * peak(10_000)


def test_stopping_early_leaves_no_session_behind(conn, database_url: SecretStr):
    stream = stream_query(database_url, MILLION, START, END)
    next(stream)
    stream.close()
    with conn.cursor() as cur:
        cur.execute("SELECT pg_sleep(0.05)")  # a backend needs a moment to go
        for _ in range(100):
            cur.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vectorshelf source'"
                " AND datname = current_database()"
            )
            (sessions,) = cur.fetchone()
            if sessions == 0:
                return
            conn.rollback()
            cur.execute("SELECT pg_sleep(0.05)")
    pytest.fail("the source's session is still there")


def test_all_rows_are_of_one_snapshot(shop, database_url: SecretStr):
    with closing(stream_query(database_url, "SELECT sku FROM goods ORDER BY sku", START, END, batch=1)) as stream:
        found = [next(stream)["sku"]]
        with shop.cursor() as cur:
            cur.execute("DELETE FROM goods")
        shop.commit()
        found += [row["sku"] for row in stream]
    assert found == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("UPDATE goods SET price = 0 RETURNING sku", "syntax error"),
        ("WITH gone AS (DELETE FROM goods RETURNING sku) SELECT sku FROM gone", "data-modifying"),
        ("SELECT 1 AS sku; DELETE FROM goods", "read-only transaction"),
        ("SELECT sku FROM goods FOR UPDATE", "read-only transaction"),
        ("SELECT lo_create(0) AS sku", "read-only transaction"),
    ],
)
def test_a_query_that_writes_is_refused_and_changes_nothing(shop, database_url: SecretStr, query: str, reason: str):
    with pytest.raises(ConfigurationError, match=reason):
        rows(database_url, query)
    with shop.cursor() as cur:
        cur.execute("SELECT count(*), sum(price) FROM goods")
        assert cur.fetchone() == (5, Decimal("47.50"))


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT nothing FROM goods", 'column "nothing" does not exist'),
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELEC 1", "syntax error"),
        ("SELECT sku, sku FROM goods", "several columns called sku"),
        ("SELECT %(until)s", r"use %\(start\)s, %\(end\)s and %\(as_of\)s"),
        ("SELECT sku FROM goods WHERE title LIKE '%x'", "write %% for a percent sign"),
        ("SELECT sku FROM goods WHERE title LIKE '%'", "write %% for a percent sign"),
        ("SELECT '0044-03-15 BC'::date AS at", "cast the column in the query"),
    ],
)
def test_a_query_that_cannot_run_is_a_configuration_error(shop, database_url: SecretStr, query: str, reason: str):
    with pytest.raises(ConfigurationError, match=reason):
        rows(database_url, query)


def test_an_error_in_the_middle_of_the_rows_reaches_the_caller(shop, database_url: SecretStr):
    stream = stream_query(database_url, "SELECT 1 / (3 - sku) AS x FROM goods ORDER BY sku", START, END, batch=1)
    with pytest.raises(VectorshelfError, match="division by zero"):
        list(stream)


@pytest.fixture
def reader(conn: psycopg2.extensions.connection, database_url: SecretStr) -> Iterator[Callable[[str], SecretStr]]:
    """Makes the URL of a role whose password the server asks for, `right` being the right one."""
    conn.autocommit = True
    with conn.cursor() as cur:
        cur.execute("SHOW hba_file")
        rules = Path(cur.fetchone()[0])
        cur.execute("CREATE ROLE foreign_reader LOGIN PASSWORD 'right'")

    def url(password: str) -> SecretStr:
        parts = urlsplit(database_url.get_secret_value())
        return SecretStr(parts._replace(netloc=f"foreign_reader:{password}@").geturl())

    before = rules.read_text()
    try:
        rules.write_text(f"local all foreign_reader scram-sha-256\n{before}")
        _reload_until(conn, lambda: not _lets_in(url("wrong")))
        yield url
    finally:
        rules.write_text(before)
        _reload_until(conn, lambda: _lets_in(url("wrong")))
        with conn.cursor() as cur:
            cur.execute("DROP ROLE foreign_reader")


def test_a_wrong_password_is_a_configuration_error_that_does_not_tell_it(reader: Callable[[str], SecretStr]):
    assert rows(reader("right"), "SELECT 1 AS sku") == [{"sku": 1}]
    with pytest.raises(ConfigurationError, match="password authentication failed") as caught:
        rows(reader("hunter2"), "SELECT 1 AS sku")
    _assert_nowhere("hunter2", caught.value)


def test_a_malformed_url_is_a_configuration_error_that_does_not_tell_its_password():
    with pytest.raises(ConfigurationError) as caught:
        rows(SecretStr("postgres//shop:hunter2@db/shop"), "SELECT 1 AS sku")
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_not_there_is_worth_another_try(tmp_path: Path):
    with pytest.raises(TransientError):
        rows(SecretStr(f"postgresql://shop:hunter2@/shop?host={tmp_path}"), "SELECT 1 AS sku")


def test_a_server_that_goes_away_in_the_middle_is_worth_another_try(conn, database_url: SecretStr):
    stream = stream_query(database_url, MILLION, START, END)
    next(stream)
    with conn.cursor() as cur:
        cur.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'vectorshelf source' AND datname = current_database()"
        )
    with pytest.raises(TransientError):
        list(stream)


def test_a_query_becomes_products_end_to_end(shop, database_url: SecretStr):
    catalog = Catalog.model_validate(
        {
            "name": "shop",
            "source": {
                "connection": "shop_db",
                "query": "SELECT * FROM goods WHERE updated_at >= %(start)s AND updated_at < %(end)s ORDER BY sku",
            },
            "columns": {"id": "sku", "name": "title", "category": None},
            "mode": "delta",
            "table": "products",
        }
    )
    query = catalog.source.query
    found = list(
        read_products(catalog, as_of=END, rows_of_query=lambda: stream_query(database_url, query, START, END), limit=1)
    )
    assert [(row.line, row.id, row.name, row.text) for row in found] == [(1, "2", "Lamp 2", "Lamp 2")]
    assert found[0].attributes.startswith('{"price":9.50,"updated_at":"2026-11-19T02:00:00')


def _lets_in(url: SecretStr) -> bool:
    try:
        psycopg2.connect(url.get_secret_value()).close()
    except psycopg2.OperationalError:
        return False
    return True


def _reload_until(conn: psycopg2.extensions.connection, reached: Callable[[], bool]) -> None:
    """The server reads its rules some moment after it is told to."""
    with conn.cursor() as cur:
        cur.execute("SELECT pg_reload_conf()")
        for _ in range(200):
            if reached():
                return
            cur.execute("SELECT pg_sleep(0.05)")
    pytest.fail("the server did not take the rules")


def _assert_nowhere(secret: str, error: BaseException | None) -> None:
    while error is not None:
        assert secret not in str(error)
        error = error.__cause__ or error.__context__
