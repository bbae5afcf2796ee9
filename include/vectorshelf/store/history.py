"""Dated validity: what every whole snapshot said, as stretches of loaded dates in which a product stood unchanged.

Snapshots come in any order, overlapping, repeated; the rows end the same, because each load replaces exactly what is
said of its own date: the stretch from it to the next loaded date. Vectors are not copied: a row names its text's hash,
its date names the space. Everything here runs in the load's transaction, under the catalog's lock.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from psycopg2 import sql

from vectorshelf.errors import BrakeError, TransientError
from vectorshelf.store import fence, staging
from vectorshelf.store.db import Connection, Cursor, autocommit, query

if TYPE_CHECKING:
    from vectorshelf.store.merge import Change

_SINCE = sql.SQL("coalesce(%(since)s::timestamptz, '-infinity')")
_UNTIL = sql.SQL("coalesce(%(until)s::timestamptz, 'infinity')")

_ANALYZE_FROM = 0.1
"""Statistics are renewed when this share of a catalog changed: autovacuum's own measure, without its delay."""


@dataclass(frozen=True)
class Comparison:
    """A staged snapshot against what history says of its date, in products. `before`: how many it says were on sale."""

    products: int
    changed: int
    gone: int
    before: int


@dataclass(frozen=True)
class Pruned:
    """What a prune removed. `first`: the oldest date that can still be asked for; None: there is no history."""

    first: datetime | None
    dates: int = 0
    versions: int = 0


def record(cur: Cursor, change: "Change", *, allow_losses: bool = True) -> int | None:
    """Enter the run's snapshot under its date and return how many products differ there from what was known.

    Without `history: true` only the date is noted, so that nobody is answered with the one before it, and the result is
    None; so it is for a run that is not a whole snapshot, which leaves no trace. Raises TransientError when a vector is
    missing in the store, and BrakeError as `check_losses` unless losses are allowed, or somebody else looks for them.
    """
    if not change.whole:
        return None
    if not change.history:
        cur.execute(query("history_note"), change.values)
        return None
    found = compare(cur, change)
    check_losses(cur, found, change, allow=allow_losses)
    return write(cur, change, found)


def compare(cur: Cursor, change: "Change") -> Comparison:
    """Find the products that differ, once in a transaction: `write` reads them. Every vector is in the store then."""
    _keep_vectors(cur, change)
    change.execute(cur, "history_compare")
    row = cur.fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return Comparison(*row)


def check_losses(cur: Cursor, found: Comparison, change: "Change", *, allow: bool) -> None:
    """Raise BrakeError when a snapshot that no table's brake sees lacks more than the catalog allows, or shows a lack.

    Half a file would stand in the history for good. It is told by the loaded date before it, which has the products
    that it lacks; where dates are loaded backwards, once that one comes: of the two then, a person must say which is
    wrong. What is said already, or repeats what was on sale before, was looked at.
    """
    if allow or not found.changed:
        return
    _check_later(cur, change)
    if found.gone <= change.max_delete_fraction * found.before or not _is_preceded(cur, change):
        return
    raise BrakeError(
        f"the snapshot of {change.as_of:%Y-%m-%d %H:%M %Z} lacks {found.gone:,} of the {found.before:,} products that "
        f"the history of {change.catalog} has at that date ({found.gone / found.before:.0%}, the limit is "
        f"{change.max_delete_fraction:.0%}); nothing was changed. Look whether the file is complete; if it is, raise "
        "max_delete_fraction or allow deletions for this run"
    )


def _check_later(cur: Cursor, change: "Change") -> None:
    change.execute(cur, "history_lost_later")
    later, lost, products = cur.fetchone() or (None, 0, 0)
    if later is None or lost <= change.max_delete_fraction * products:
        return
    raise BrakeError(
        f"the snapshot of {later:%Y-%m-%d %H:%M %Z}, which is loaded, lacks {lost:,} of the {products:,} products of "
        f"this one of {change.as_of:%Y-%m-%d %H:%M %Z} ({lost / products:.0%}, the limit is "
        f"{change.max_delete_fraction:.0%}); nothing was changed. Look which of the two files is wrong: if the loaded "
        "one, load its date again from a whole file, then this one; if so many products did go, allow deletions for "
        "this run"
    )


def write(cur: Cursor, change: "Change", found: Comparison) -> int:
    """Make the date what `compare` saw staged; returns the products that differ. The same snapshot again: none."""
    if found.changed:
        cur.execute(query("history_neighbours"), change.values)
        before, after = cur.fetchone() or (None, None)
        # The first of all dates speaks also for the time before it, so that an older one finds most of it said already.
        values = {**change.values, "since": None if before is None else change.as_of, "until": after}
        for statement in ("history_cut", "history_fill"):
            staging.run_statement(cur, statement, change.names, values, since=_SINCE, until=_UNTIL)
    cur.execute(query("history_remember"), {**change.values, "products": found.products})
    return found.changed


def refresh_statistics(conn: Connection, changed: int) -> None:
    """After a load that changed much of the history. On its own: ANALYZE holds a lock that no two may have at once."""
    with autocommit(conn) as cur:
        cur.execute("SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = 'vectorshelf.history'::regclass")
        (rows,) = cur.fetchone() or (0,)
        if changed > _ANALYZE_FROM * rows:
            cur.execute("ANALYZE vectorshelf.history")


def prune(cur: Cursor, catalog: str, before: datetime) -> Pruned:
    """Forget the loaded dates before the one in force at `before`: from `before` on every answer stays as it was.

    Holds the catalog's lock to the end of the transaction. Vectors stay in the store.
    """
    fence.lock(cur, catalog)
    values = {"catalog": catalog, "before": before}
    cur.execute(
        "SELECT max(as_of) FILTER (WHERE as_of <= %(before)s), min(as_of) FROM vectorshelf.history_dates"
        " WHERE catalog = %(catalog)s AND space IS NOT NULL",
        values,
    )
    in_force, oldest = cur.fetchone() or (None, None)
    if in_force is None or in_force == oldest:
        return Pruned(oldest)
    first = {"catalog": catalog, "first": in_force}
    cur.execute(
        "SELECT (SELECT count(*) FROM vectorshelf.history_dates"
        "        WHERE catalog = %(catalog)s AND space IS NOT NULL AND as_of < %(first)s),"
        "       (SELECT count(*) FROM vectorshelf.history WHERE catalog = %(catalog)s AND valid_to <= %(first)s)",
        first,
    )
    dates, versions = cur.fetchone() or (0, 0)
    cur.execute(query("history_prune"), first)
    return Pruned(in_force, int(dates), int(versions))


def _is_preceded(cur: Cursor, change: "Change") -> bool:
    cur.execute(
        "SELECT EXISTS (SELECT FROM vectorshelf.history_dates"
        " WHERE catalog = %(catalog)s AND space IS NOT NULL AND as_of <= %(as_of)s)",
        change.values,
    )
    (found,) = cur.fetchone() or (False,)
    return bool(found)


def _keep_vectors(cur: Cursor, change: "Change") -> None:
    """History points into the store, so what only the table still has goes back there."""
    if not _missing(cur, change):
        return
    change.execute(cur, "history_keep_vectors")
    if missing := _missing(cur, change):
        raise TransientError(
            f"{missing:,} products have no vector in the store, which the history needs: run plan and embed again; "
            "in Airflow, clear the run from plan on"
        )


def _missing(cur: Cursor, change: "Change") -> int:
    change.execute(cur, "history_missing")
    (missing,) = cur.fetchone() or (0,)
    return int(missing)
