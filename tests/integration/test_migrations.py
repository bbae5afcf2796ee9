"""The schema moves forward once, whoever starts at the same time, and never backwards."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from tests import postgres
from tests.integration.shelves import make_shelf
from tests.integration.test_preflight import run
from vectorshelf.errors import ConfigurationError
from vectorshelf.store import db, migrations
from vectorshelf.store.table import ServingTable


def migrate(url: SecretStr) -> list[int]:
    with db.connect(url) as conn:
        return migrations.migrate(conn)


def test_eight_runs_that_start_at_once_migrate_once(postgres_server):
    run(postgres_server, "CREATE DATABASE together TEMPLATE template0")
    try:
        url = SecretStr(postgres.on_database(postgres_server, "together"))
        with ThreadPoolExecutor(8) as pool:
            applied = list(pool.map(migrate, [url] * 8))
        assert sorted(applied) == [[]] * 7 + [migrations.versions()]
    finally:
        run(postgres_server, "DROP DATABASE together WITH (FORCE)")


def at_version_one(conn: db.Connection) -> None:
    """As the first version left a database."""
    with db.transaction(conn) as cur:
        cur.execute(db.query("schema"))
        cur.execute(db.query("migration_001"))
        cur.execute("INSERT INTO vectorshelf.migrations (version) VALUES (1)")


def test_what_was_refused_and_promised_before_claims_came_is_kept(postgres_server):
    run(postgres_server, "CREATE DATABASE older TEMPLATE template0")
    try:
        with db.connect(SecretStr(postgres.on_database(postgres_server, "older"))) as conn:
            at_version_one(conn)
            with db.transaction(conn) as cur:
                cur.execute(_OLD_ROWS)
            migrations.migrate(conn)
            with db.transaction(conn) as cur:
                cur.execute("SELECT kind, space FROM vectorshelf.quarantine ORDER BY kind")
                assert cur.fetchall() == [("row", 0), ("text", 1)]
                cur.execute("SELECT cost_usd::float8 FROM vectorshelf.requests ORDER BY request_id")
                assert cur.fetchall() == [(0.5,), (4.0,)]
    finally:
        run(postgres_server, "DROP DATABASE older WITH (FORCE)")


_OLD_ROWS = """
INSERT INTO vectorshelf.spaces (model, dimensions) VALUES ('m', 8);
INSERT INTO vectorshelf.runs (run_id, catalog, as_of, request)
VALUES ('r', 'shop', now(), '{"catalog": {"embedding": {"model": "m", "dimensions": 8}}}');
INSERT INTO vectorshelf.quarantine (catalog, kind, fingerprint, reason, run_id)
VALUES ('shop', 'row', 'a', 'no name', 'r'), ('shop', 'text', 'b', 'rejected', 'r');
INSERT INTO vectorshelf.requests
    (run_id, catalog, shard, space, texts, tokens, bytes, cost_usd, seconds, held_usd, held_until)
VALUES ('r', 'shop', 0, 1, 1, 1, 1, 0.5, 1, NULL, NULL), ('r', 'shop', 0, 1, 1, 1, 1, 0.5, 0, 4, now())
"""


def test_a_database_that_is_ahead_is_left_alone(conn):
    with db.transaction(conn) as cur:
        cur.execute("INSERT INTO vectorshelf.migrations (version) VALUES (999)")
    with pytest.raises(ConfigurationError, match="at version 999, this program knows"):
        migrations.migrate(conn)


def test_snapshots_from_before_there_was_history_are_known_to_have_been_loaded(postgres_server):
    """So that a question about such a date is refused, and not answered with one loaded later for an earlier date."""
    run(postgres_server, "CREATE DATABASE older TEMPLATE template0")
    try:
        url = SecretStr(postgres.on_database(postgres_server, "older"))
        with db.connect(url) as conn, db.transaction(conn) as cur:
            cur.execute(db.query("schema"))
            for version in (found for found in migrations.versions() if found < 4):
                migrations._apply(cur, version)
            request = '{"catalog": {"mode": "%s"}, "limit": %s}'
            for run_id, status, mode, limit in (
                ("loaded", "success", "snapshot", "null"),
                ("failed", "failed", "snapshot", "null"),
                ("planned", "planned", "snapshot", "null"),
                ("delta", "success", "delta", "null"),
                ("preview", "success", "snapshot", "5"),
            ):
                cur.execute(
                    "INSERT INTO vectorshelf.runs (run_id, catalog, as_of, request, status)"
                    " VALUES (%s, 'shop', '2026-11-01', %s, %s)",
                    (run_id, request % (mode, limit), status),
                )
        migrate(url)
        with db.connect(url) as conn, db.transaction(conn) as cur:
            cur.execute("SELECT run_id, space FROM vectorshelf.history_dates")
            assert cur.fetchall() == [("loaded", None)]
    finally:
        run(postgres_server, "DROP DATABASE older WITH (FORCE)")


def test_versions_have_no_gaps():
    assert migrations.versions() == list(range(1, len(migrations.versions()) + 1))


@pytest.mark.parametrize(
    ("before", "after"), [("RESET (fillfactor)", ["fillfactor=85"]), ("SET (fillfactor = 70)", ["fillfactor=70"])]
)
def test_a_serving_table_from_before_leaves_room_in_its_pages_unless_somebody_chose(conn, before, after):
    table = ServingTable("public", "products", 4)
    make_shelf(conn, table)
    with db.transaction(conn) as cur:
        cur.execute(f"ALTER TABLE products {before}")
        cur.execute(db.query("migration_003"))
        cur.execute("SELECT reloptions FROM pg_class WHERE oid = 'products'::regclass")
        assert cur.fetchone() == (after,)


def test_a_table_that_a_vacuum_has_in_hand_stops_no_migration(conn, database_url):
    make_shelf(conn, ServingTable("public", "products", 4))
    with db.transaction(conn) as cur:
        cur.execute("ALTER TABLE products RESET (fillfactor)")
    with db.connect(database_url) as vacuum, db.transaction(vacuum) as busy:
        busy.execute("LOCK TABLE products IN SHARE UPDATE EXCLUSIVE MODE")
        with db.transaction(conn) as cur:
            cur.execute(db.query("migration_003"))
            cur.execute("SELECT reloptions FROM pg_class WHERE oid = 'products'::regclass")
            assert cur.fetchone() == (None,)
            cur.execute("SHOW lock_timeout")
            assert cur.fetchone() == ("0",)  # later migrations wait as they always did
