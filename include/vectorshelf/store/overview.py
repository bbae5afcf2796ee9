"""One catalog at a glance: rows, last run, quarantine, recall, money. Reads only, and quickly."""

from datetime import UTC
from typing import Any

from psycopg2 import sql

from vectorshelf.store.db import Cursor, query
from vectorshelf.store.table import ServingTable


def is_migrated(cur: Cursor) -> bool:
    """False in a database where no run has been yet."""
    cur.execute("SELECT to_regclass('vectorshelf.runs') IS NOT NULL")
    (found,) = cur.fetchone() or (False,)
    return bool(found)


def of_catalog(cur: Cursor, catalog: str, table: ServingTable) -> dict[str, Any]:
    """Figures by the keys of `vectorshelf status --json`. `rows` is counted, not estimated.

    `table_as_of` is the newest data that the table holds, which after a backfill is not the one that ran last.
    """
    cur.execute(query("overview"), {"catalog": catalog})
    columns = [column.name for column in cur.description or ()]
    row = cur.fetchone() or (None,) * len(columns)
    found: dict[str, Any] = dict(zip(columns, row, strict=True))
    found["spent_usd_month"] = float(found["spent_usd_month"] or 0)
    as_of = found["table_as_of"]
    found["table_as_of"] = as_of.astimezone(UTC).isoformat() if as_of else None
    return {**found, "rows": _rows(cur, table)}


def _rows(cur: Cursor, table: ServingTable) -> int:
    cur.execute("SELECT to_regclass(%s) IS NOT NULL", (table.identifier.as_string(cur),))
    (exists,) = cur.fetchone() or (False,)
    if not exists:
        return 0
    cur.execute(sql.SQL("SELECT count(*) FROM {}").format(table.identifier))
    (rows,) = cur.fetchone() or (0,)
    return int(rows)
