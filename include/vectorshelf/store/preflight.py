"""Look at the database before any work: versions, extension, privileges, free disk. Changes nothing."""

import shutil
from pathlib import Path

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.db import Cursor, query

MIN_POSTGRES = 16
"""The oldest major version the tests run on."""

MIN_PGVECTOR = (0, 8)
"""Iterative index scans, which filtered search rests on, came with pgvector 0.8.0."""

MIN_FREE_BYTES = 512 * 1024 * 1024
"""Less than this on the database's disk and even a small run may leave Postgres unable to write its log."""


def check_server(cur: Cursor, schema: str) -> None:
    """Raise ConfigurationError, with the remedy, when this database cannot hold a catalog in `schema`."""
    cur.execute(query("preflight"), {"schema": schema})
    row = cur.fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    columns = [column.name for column in cur.description or ()]
    found = dict(zip(columns, row, strict=True))
    complaint = (
        _about_version(int(found["server_version"]), str(found["database"]))
        or _about_extension(found)
        or _about_privileges(found, schema)
    )
    if complaint:
        raise ConfigurationError(complaint)
    free = free_disk(cur)
    if free is not None and free < MIN_FREE_BYTES:
        raise ConfigurationError(
            f"the disk of the database has {free / 1e6:,.0f} MB free, a run needs at least "
            f"{MIN_FREE_BYTES / 1e6:,.0f} MB: free some space or move the data directory"
        )


def free_disk(cur: Cursor) -> int | None:
    """Free bytes below the server's data directory, or None when it is not on this machine or not shown to us."""
    cur.execute(
        "SELECT current_setting('data_directory', true) WHERE pg_has_role('pg_read_all_settings', 'USAGE')"
        " AND (inet_server_addr() IS NULL OR inet_server_addr() <<= inet '127.0.0.0/8')"
    )
    row = cur.fetchone()
    if row is None or row[0] is None:
        return None
    try:
        return shutil.disk_usage(Path(row[0])).free
    except OSError:
        return None  # a tunnel or a container: loopback, but another machine's path


def _about_version(version_num: int, database: str) -> str | None:
    if version_num // 10_000 >= MIN_POSTGRES:
        return None
    return (
        f"Postgres {version_num // 10_000} serves database {database}, vectorshelf needs {MIN_POSTGRES} or later: "
        "point DATABASE_URL at a newer server"
    )


def _about_extension(found: dict[str, object]) -> str | None:
    database, installed, offered = found["database"], found["installed"], found["offered"]
    if installed is None and offered is None:
        return "the server has no pgvector: install its package (for Debian: postgresql-18-pgvector), then run again"
    if installed is None and not found["may_create_extension"]:
        return (
            f"pgvector is not enabled in database {database} and role {found['role']} may not enable it: "
            f"as a superuser run `CREATE EXTENSION vector;` in {database}"
        )
    version = str(installed or offered)
    if _numbers(version) < MIN_PGVECTOR:
        remedy = "as a superuser run `ALTER EXTENSION vector UPDATE;`" if installed else "install a newer package"
        return f"pgvector {version} is too old, vectorshelf needs 0.8 or later: {remedy}"
    return None


def _about_privileges(found: dict[str, object], schema: str) -> str | None:
    role, database = found["role"], found["database"]
    if not found["own_schema_usable"]:
        return (
            f"role {role} may not create or use schema vectorshelf: as its owner or a superuser run "
            f'`GRANT CREATE ON DATABASE "{database}" TO "{role}";`, or create the schema with that role as owner'
        )
    if not found["may_create_temporary"]:
        return (
            f"role {role} may not create temporary tables: as its owner or a superuser run "
            f'`GRANT TEMPORARY ON DATABASE "{database}" TO "{role}";`'
        )
    if not found["schema_exists"]:
        return f"there is no schema {schema} in database {database}: create it, or change `table` in the catalog file"
    if not found["schema_usable"]:
        return (
            f"role {role} may not create tables in schema {schema}: "
            f'run `GRANT USAGE, CREATE ON SCHEMA "{schema}" TO "{role}";`, or name another schema in `table`'
        )
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
