"""A database that cannot hold a catalog is refused before any work, with the command that mends it."""

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from pydantic import SecretStr

from tests import postgres
from vectorshelf.errors import ConfigurationError, TransientError
from vectorshelf.store import db, migrations, preflight


@pytest.fixture
def bare_url(postgres_server: str) -> Iterator[str]:
    """A database without pgvector, without our schema, and with a role `guest` that owns nothing."""
    run(postgres_server, "CREATE DATABASE bare TEMPLATE template0")
    run(postgres_server, "DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
    yield postgres.on_database(postgres_server, "bare")
    run(postgres_server, "DROP DATABASE bare WITH (FORCE)")


def run(url: str, statement: str) -> None:
    conn = psycopg2.connect(url)
    conn.autocommit = True
    conn.cursor().execute(statement)
    conn.close()


def as_guest(url: str) -> SecretStr:
    parts = urlsplit(url)
    return SecretStr(urlunsplit(parts._replace(netloc=parts.netloc.replace("postgres:", "guest:", 1))))


def check(url: SecretStr, schema: str = "public") -> None:
    with db.connect(url) as conn, db.transaction(conn) as cur:
        preflight.check_server(cur, schema)


def test_a_fresh_database_of_a_superuser_passes(bare_url):
    check(SecretStr(bare_url))


def test_a_role_that_may_not_create_the_extension_gets_the_superusers_command(bare_url):
    with pytest.raises(ConfigurationError, match="as a superuser run `CREATE EXTENSION vector;` in bare"):
        check(as_guest(bare_url))


def test_a_role_without_create_on_the_database_gets_the_grant(bare_url):
    run(bare_url, "CREATE EXTENSION vector")
    with pytest.raises(ConfigurationError, match='GRANT CREATE ON DATABASE "bare" TO "guest"'):
        check(as_guest(bare_url))


def test_a_role_that_may_not_create_tables_gets_the_grant(bare_url):
    run(bare_url, "CREATE EXTENSION vector")
    run(bare_url, "GRANT CREATE ON DATABASE bare TO guest")
    with pytest.raises(ConfigurationError, match='GRANT USAGE, CREATE ON SCHEMA "public" TO "guest"'):
        check(as_guest(bare_url))


def test_a_role_with_those_grants_can_do_the_whole_setup(bare_url):
    run(bare_url, "CREATE EXTENSION vector")
    run(bare_url, "GRANT CREATE ON DATABASE bare TO guest")
    run(bare_url, "GRANT USAGE, CREATE ON SCHEMA public TO guest")
    check(as_guest(bare_url))
    with db.connect(as_guest(bare_url)) as conn:
        assert migrations.migrate(conn) == migrations.versions()


def test_a_missing_schema_is_named(bare_url):
    with pytest.raises(ConfigurationError, match="no schema shop in database bare"):
        check(SecretStr(bare_url), "shop")


def test_a_schema_with_an_awkward_name_is_found(bare_url):
    run(bare_url, 'CREATE SCHEMA "select"')
    check(SecretStr(bare_url), "select")


def test_old_versions_are_refused_by_name():
    assert "Postgres 13 serves database x" in (preflight._about_version(130004, "x") or "")
    old = {"database": "x", "installed": "0.5.1", "offered": "0.8.5", "may_create_extension": True, "role": "r"}
    assert "ALTER EXTENSION vector UPDATE" in (preflight._about_extension(old) or "")
    assert "install its package" in (preflight._about_extension({**old, "installed": None, "offered": None}) or "")


def test_a_full_disk_is_refused_with_the_figure(conn, monkeypatch):
    monkeypatch.setattr(preflight, "MIN_FREE_BYTES", 10**18)
    with pytest.raises(ConfigurationError, match="MB free, a run needs at least"), db.transaction(conn) as cur:
        preflight.check_server(cur, "public")


def test_an_unreachable_server_is_worth_another_try_and_its_password_is_not_shown():
    url = SecretStr("postgresql://nobody:hunter2@127.0.0.1:1/none")
    with pytest.raises(TransientError) as raised, db.connect(url):
        pass
    assert "hunter2" not in str(raised.value)


def test_a_database_that_does_not_exist_is_a_configuration_error(postgres_server):
    with pytest.raises(ConfigurationError, match='"nowhere" does not exist'):
        check(SecretStr(postgres.on_database(postgres_server, "nowhere")))
