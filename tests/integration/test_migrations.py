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


def test_a_database_that_is_ahead_is_left_alone(conn):
    with db.transaction(conn) as cur:
        cur.execute("INSERT INTO vectorshelf.migrations (version) VALUES (999)")
    with pytest.raises(ConfigurationError, match="at version 999, this program knows"):
        migrations.migrate(conn)


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
