"""Bring the machinery's schema forward, one numbered file at a time. Never backwards, never twice."""

from importlib import resources

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.db import Connection, Cursor, query, transaction

# Any constant will do, as long as nothing else in the database locks it: "vecshelf" in ASCII, as a bigint.
_LOCK = int.from_bytes(b"vecshelf", "big")
_PREFIX = "migration_"


def migrate(conn: Connection) -> list[int]:
    """Apply what is missing, in one transaction under an advisory lock, and return the numbers applied.

    Two runs that start at once are safe: the second waits, then finds nothing to do.
    Raises ConfigurationError when the database is newer than this code.
    """
    with transaction(conn) as cur:
        cur.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        cur.execute(query("schema"))
        cur.execute("SELECT coalesce(max(version), 0) FROM vectorshelf.migrations")
        (current,) = cur.fetchone() or (0,)
        known = versions()
        if current > known[-1]:
            raise ConfigurationError(
                f"the database's schema vectorshelf is at version {current}, this program knows {known[-1]}: "
                "upgrade vectorshelf here to the version that the other runs use"
            )
        missing = [version for version in known if version > current]
        for version in missing:
            _apply(cur, version)
        return missing


def versions() -> list[int]:
    """The numbers of the migrations that ship with this version, in order."""
    files = resources.files("vectorshelf.store").joinpath("sql").iterdir()
    names = (file.name.removesuffix(".sql") for file in files)
    return sorted(int(name.removeprefix(_PREFIX)) for name in names if name.startswith(_PREFIX))


def _apply(cur: Cursor, version: int) -> None:
    cur.execute(query(f"{_PREFIX}{version:03d}"))
    cur.execute("INSERT INTO vectorshelf.migrations (version) VALUES (%s)", (version,))
