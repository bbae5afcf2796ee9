"""VACUUM when there is something to clear away, ANALYZE when that is enough, nothing on a quiet night."""

import threading

import psycopg2
import pytest

from tests.integration.shelves import CATALOG, clustered, count_changed, make_shelf, stock
from vectorshelf.store.db import autocommit, transaction
from vectorshelf.store.table import ServingTable
from vectorshelf.store.upkeep import read_health, vacuum

TABLE = ServingTable("public", "products", 16)


@pytest.fixture
def shelf(conn):
    make_shelf(conn, TABLE)
    with transaction(conn) as cur:
        cur.execute("ALTER TABLE products SET (autovacuum_enabled = false)")
    stock(conn, TABLE, clustered(2_000, 16))
    vacuum(conn, TABLE, catalog=CATALOG)
    return TABLE


def vacuums(conn) -> tuple[int, int]:
    """How often the server vacuumed and analyzed the table."""
    with autocommit(conn) as cur:
        cur.execute("SELECT pg_stat_force_next_flush()")
        cur.execute("SELECT vacuum_count, analyze_count FROM pg_stat_user_tables WHERE relname = 'products'")
        return cur.fetchone()


def counter(conn) -> int:
    with transaction(conn) as cur:
        cur.execute("SELECT unvacuumed FROM vectorshelf.catalogs WHERE catalog = %s", (CATALOG,))
        return cur.fetchone()[0]


def test_a_first_load_is_vacuumed_and_leaves_every_page_visible_and_statistics(conn, shelf):
    assert vacuums(conn) == (1, 1)
    health = read_health(conn, TABLE)
    assert (health.rows, health.dead, health.visible) == (2_000, 0, 1.0)
    assert counter(conn) == 0


def test_a_quiet_night_is_skipped(conn, shelf):
    outcome = vacuum(conn, TABLE, catalog=CATALOG)
    assert outcome.action == "skipped"
    assert vacuums(conn) == (1, 1)


def test_a_few_new_rows_are_only_analyzed(conn, shelf):
    stock(conn, TABLE, clustered(50, 16, seed=3), first=10_000)
    assert vacuum(conn, TABLE, catalog=CATALOG).action == "analyzed"
    assert vacuums(conn) == (1, 2)
    assert counter(conn) == 0


def test_dead_rows_are_cleared_away_and_none_is_left(conn, shelf):
    with transaction(conn) as cur:
        cur.execute("UPDATE products SET updated_at = now() WHERE id LIKE 'p1%'")
        count_changed(cur, cur.rowcount)
    outcome = vacuum(conn, TABLE, catalog=CATALOG)
    assert outcome.action == "vacuumed"
    assert (outcome.health.dead, outcome.health.visible) == (0, 1.0)


def test_dead_rows_that_somebody_may_still_read_are_pointed_out(conn, database_url, shelf):
    reader = psycopg2.connect(database_url.get_secret_value())
    reader.set_session(isolation_level="REPEATABLE READ")
    reader.cursor().execute("SELECT count(*) FROM products")
    with transaction(conn) as cur:
        cur.execute("DELETE FROM products WHERE id LIKE 'p19%'")
        deleted = cur.rowcount
        count_changed(cur, deleted)
    outcome = vacuum(conn, TABLE, catalog=CATALOG)
    reader.close()
    assert f"{deleted} dead rows stay until the transactions end" in outcome.reason
    assert outcome.health.dead == deleted
    assert outcome.health.visible < 1


def test_what_another_session_deleted_is_known_here(conn, database_url, shelf):
    loader = psycopg2.connect(database_url.get_secret_value())
    with transaction(loader) as cur:
        cur.execute("DELETE FROM products WHERE id = 'p1'")
        count_changed(cur, 1)
    loader.close()
    for _ in range(250):  # the server counts a session's work when the session ends, which takes it a moment
        if read_health(conn, TABLE).dead:
            break
        with autocommit(conn) as cur:
            cur.execute("SELECT pg_sleep(0.02)")
    assert vacuum(conn, TABLE, catalog=CATALOG).action == "vacuumed"


def test_a_vacuum_that_has_to_wait_outlasts_the_roles_timeout(conn, database_url, shelf):
    with transaction(conn) as cur:
        cur.execute("DELETE FROM products")
        count_changed(cur, 2_000)
    with autocommit(conn) as cur:
        cur.execute("SET statement_timeout = '300ms'")
    other = psycopg2.connect(database_url.get_secret_value())
    try:
        other.cursor().execute("LOCK TABLE products IN SHARE UPDATE EXCLUSIVE MODE")
        threading.Timer(1.0, other.rollback).start()
        assert vacuum(conn, TABLE, catalog=CATALOG).action == "vacuumed"
    finally:
        other.close()
