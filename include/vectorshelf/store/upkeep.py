"""VACUUM and ANALYZE after a load, as far as the table changed. Outside any transaction; blocks no reader, no load."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from psycopg2 import sql

from vectorshelf.store.db import Connection, autocommit, query, transaction
from vectorshelf.store.session import PATIENT, session_settings
from vectorshelf.store.table import ServingTable

UpkeepAction = Literal["vacuumed", "analyzed", "skipped"]

ANALYZE_IS_ENOUGH = 0.05
"""New rows only, and no more than this share: nothing to clear away, and autovacuum marks their pages in time."""


CANNOT_WAIT = 0.2
"""A backfill's runs leave the vacuum to the last of them until this share of the rows was written: autovacuum's own."""


@dataclass(frozen=True)
class TableHealth:
    """What the server knows of a table: its estimate of rows, dead rows not cleared away, pages all visible."""

    rows: int
    dead: int
    visible: float  # share of the pages that an index-only scan need not look at


@dataclass(frozen=True)
class VacuumOutcome:
    """What was done and why, and how the table was left."""

    action: UpkeepAction
    reason: str
    health: TableHealth
    seconds: float = 0.0


def choose_upkeep(unvacuumed: int, health: TableHealth, *, later: bool = False) -> tuple[UpkeepAction, str]:
    """What `unvacuumed` rows written or deleted call for, or can wait for `later`. Pure."""
    if unvacuumed == 0:
        return "skipped", "nothing changed since the last vacuum"
    if later and unvacuumed < CANNOT_WAIT * health.rows:
        return "skipped", f"{unvacuumed:,} rows written or deleted; the last run of the backfill vacuums"
    if health.dead == 0 and health.rows > 0 and unvacuumed <= ANALYZE_IS_ENOUGH * health.rows:
        return "analyzed", f"{unvacuumed:,} new rows and no dead ones: statistics are enough"
    return "vacuumed", f"{unvacuumed:,} rows written or deleted since the last vacuum"


def vacuum(
    conn: Connection,
    table: ServingTable,
    *,
    catalog: str,
    later: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> VacuumOutcome:
    """Do what the change counter calls for, and take what was dealt with off the counter. What waits stays on it.

    `conn` must not be inside a transaction. What a load adds meanwhile stays on the counter.
    """
    start = clock()
    with autocommit(conn) as cur:
        cur.execute("SELECT unvacuumed FROM vectorshelf.catalogs WHERE catalog = %s", (catalog,))
        (unvacuumed,) = cur.fetchone() or (0,)
    action, reason = choose_upkeep(unvacuumed, read_health(conn, table), later=later)
    if action != "skipped":
        _run(conn, table, action)
        with transaction(conn) as cur:
            cur.execute(
                "UPDATE vectorshelf.catalogs SET unvacuumed = greatest(0, unvacuumed - %s) WHERE catalog = %s",
                (unvacuumed, catalog),
            )
    after = read_health(conn, table)
    return VacuumOutcome(action, reason + _what_stays(action, after), after, clock() - start)


def _what_stays(action: UpkeepAction, after: TableHealth) -> str:
    """Dead rows that a vacuum could not take: their number and what to look for."""
    if action != "vacuumed" or not after.dead:
        return ""
    return (
        f"; {after.dead:,} dead rows stay until the transactions end that were open before the load "
        "(pg_stat_activity.xact_start, pg_replication_slots.xmin), and the next vacuum clears them away"
    )


def read_health(conn: Connection, table: ServingTable) -> TableHealth:
    """The server's statistics of the table, this session's own share of them included."""
    with autocommit(conn) as cur:
        cur.execute("SELECT pg_stat_force_next_flush()")
        cur.execute(query("table_health"), {"table": table.identifier.as_string(cur)})
        row = cur.fetchone()
        assert row is not None  # noqa: S101 - the query has one row
        return TableHealth(*row)


def _run(conn: Connection, table: ServingTable, action: UpkeepAction) -> None:
    # TRUNCATE false: giving pages back to the system is the one thing in VACUUM that locks readers out.
    # The index vacuum runs in parallel by itself where there are two indexes large enough.
    statement = "VACUUM (ANALYZE, TRUNCATE false) {}" if action == "vacuumed" else "ANALYZE {}"
    with session_settings(conn, PATIENT), autocommit(conn) as cur:
        cur.execute(sql.SQL(statement).format(table.identifier))
