"""A run's own staging table: unlogged, filled in bulk, safe to drop, rebuilt by running extract again."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from psycopg2 import sql
from psycopg2.extras import execute_values

from vectorshelf.errors import TransientError
from vectorshelf.store.db import Cursor, query

PAGE_ROWS = 1000
"""Rows per INSERT statement: past some hundred the statement's fixed cost no longer shows."""

StagedRow = tuple[int, str, str, str, str, str, bytes, bool, datetime | None]
"""(line, id, name, category, attributes as JSON text, embedded text, its sha256, deleted, the row's own date)."""


Row = TypeVar("Row")


class Names:
    """The identifiers of one run's tables, from its number in the ledger."""

    def __init__(self, run_no: int) -> None:
        self.staging = sql.Identifier("vectorshelf", f"staging_{run_no}")
        self.pending = sql.Identifier("vectorshelf", f"pending_{run_no}")


def create(cur: Cursor, names: Names) -> None:
    """Make the run's staging table, empty, whatever an earlier try left."""
    _execute(cur, "create_staging", names)


def add(cur: Cursor, names: Names, rows: Sequence[StagedRow]) -> None:
    """Append rows in one bulk statement per thousand."""
    statement = sql.SQL("INSERT INTO {} (line, id, name, category, attributes, text, sha256, deleted, dated) VALUES %s")
    execute_values(
        cur,
        statement.format(names.staging).as_string(cur),
        rows,
        template="(%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s)",
        page_size=PAGE_ROWS,
    )


def quarantine_duplicates(cur: Cursor, names: Names, *, catalog: str, run_id: str) -> int:
    """Snapshot files: the first row of an id stays, later ones go to quarantine. Returns how many went."""
    _execute(cur, "quarantine_duplicates", names, {"catalog": catalog, "run_id": run_id})
    return cur.rowcount


def keep_last(cur: Cursor, names: Names) -> int:
    """Delta files are logs of changes: an id's newest row stays (the last, or the one dated last), the others go."""
    _execute(cur, "keep_last", names)
    return cur.rowcount


def seal(cur: Cursor, names: Names) -> int:
    """Index the finished table for the joins of plan and load; returns its row count."""
    _execute(cur, "seal_staging", names)
    cur.execute(sql.SQL("SELECT count(*) FROM {}").format(names.staging))
    (rows,) = cur.fetchone() or (0,)
    return int(rows)


def check_intact(cur: Cursor, names: Names, expected: int) -> None:
    """Raise TransientError unless the staging table is there with its rows.

    Unlogged tables are emptied when Postgres recovers from a crash, and an empty snapshot would delete everything.
    """
    cur.execute("SELECT to_regclass(%s)", (names.staging.as_string(cur),))
    (found,) = cur.fetchone() or (None,)
    if found is not None:
        cur.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(names.staging))
        (filled,) = cur.fetchone() or (False,)
        if filled or expected == 0:
            return
    raise TransientError(
        f"the staging table of this run has lost its {expected:,} rows (the database restarted, or a teardown ran): "
        "run extract again; in Airflow, clear the run from the extract task on"
    )


def staged_bytes(cur: Cursor, names: Names) -> int:
    """What the staged products' ids, names, categories and attributes take in Postgres."""
    _execute(cur, "staged_bytes", names)
    (size,) = cur.fetchone() or (0,)
    return int(size)


def drop_left_behind(cur: Cursor, catalog: str) -> None:
    """Drop what ended runs of the catalog left (a teardown that failed), and what killed ones did a week ago."""
    cur.execute(
        "SELECT run_no FROM vectorshelf.runs WHERE catalog = %s"
        " AND (status <> 'running' OR started_at < now() - interval '7 days')"
        " AND coalesce(to_regclass(format('vectorshelf.staging_%%s', run_no)),"
        "              to_regclass(format('vectorshelf.pending_%%s', run_no))) IS NOT NULL",
        (catalog,),
    )
    for (run_no,) in cur.fetchall():
        drop(cur, Names(run_no))


def drop(cur: Cursor, names: Names) -> None:
    """Drop what the run staged. Safe to repeat."""
    cur.execute(sql.SQL("DROP TABLE IF EXISTS {}, {}").format(names.staging, names.pending))


def run_statement(cur: Cursor, name: str, names: Names, values: dict[str, Any], **parts: sql.Composable) -> None:
    """Execute `store/sql/<name>.sql` with this run's tables (and other identifiers) composed and values bound."""
    _execute(cur, name, names, values, **parts)


def _execute(
    cur: Cursor, name: str, names: Names, values: dict[str, Any] | None = None, **parts: sql.Composable
) -> None:
    statement = sql.SQL(query(name)).format(staging=names.staging, pending=names.pending, **parts)
    cur.execute(statement, values)


def in_pages(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Cut a stream into lists of at most `size` rows."""
    page: list[Row] = []
    for row in rows:
        page.append(row)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page
