"""Lock a catalog's row, and say for whom we wait where somebody has it."""

from collections.abc import Callable
from typing import Any

from psycopg2 import sql

from vectorshelf.store.db import Cursor, query

Log = Callable[[str], None]


def lock_row(cur: Cursor, shelf: str, columns: str = "catalog", log: Log | None = None) -> tuple[Any, ...] | None:
    """Hold the row of the catalog, or of a table standing by, until the transaction ends; its `columns`, or None.

    `log` is told who holds it when there is somebody to wait for. A holder that dies, or whose connection is lost,
    frees the row with its transaction.
    """
    names = sql.SQL(", ").join(sql.Identifier(name) for name in columns.split(", "))
    statement = sql.SQL("SELECT {} FROM vectorshelf.catalogs WHERE catalog = %s FOR UPDATE").format(names)
    cur.execute(statement + sql.SQL(" SKIP LOCKED"), (shelf,))
    row = cur.fetchone()
    if row is None:
        if log is not None and (holder := _holder(cur, shelf)):
            log(f"waiting for {holder}, which is at work on catalog {shelf}")
        cur.execute(statement, (shelf,))
        row = cur.fetchone()
    return row


def _holder(cur: Cursor, shelf: str) -> str | None:
    """Who has the catalog's row, as `pg_stat_activity` names it; None when it was let go meanwhile, or is not there."""
    cur.execute(query("who_loads"), {"catalog": shelf})
    row = cur.fetchone()
    if row is None:
        return None
    name, pid, seconds = row
    return f"{name or 'a session without a name'} (server process {pid}, for {seconds} s by now)"
