"""Compare what was staged with what is served, and merge it in set-based statements under the version fence."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from psycopg2 import sql

from vectorshelf.errors import BrakeError, TransientError
from vectorshelf.store import fence, history, staging, standings
from vectorshelf.store.db import Cursor, query
from vectorshelf.store.halves import overflow_explained
from vectorshelf.store.table import ServingTable


@dataclass(frozen=True)
class Change:
    """What a run means to its table: the facts of the merge, the same for plan and load.

    `snapshot` compares the run with the fence as one; `whole` (a snapshot read to its end) deletes what is missing.
    `history` enters it under its date, also when the table has gone on to a newer one.
    `around` makes a whole one compare row by row as well: it is older than a delta that the table holds.
    `replaces` is the table that serves, where `table` stands by to take its place; the brake on deletions looks at it.
    """

    catalog: str
    run_id: str
    names: staging.Names
    table: ServingTable
    space: int
    model: str
    as_of: datetime
    snapshot: bool
    whole: bool
    max_delete_fraction: float
    max_quarantine_fraction: float
    history: bool = False
    around: bool = False
    replaces: ServingTable | None = None

    @property
    def shelf(self) -> str:
        """The row of vectorshelf.catalogs that says what `table` holds."""
        return self.catalog if self.replaces is None else standings.shelf_of(self.catalog, "next")

    @property
    def values(self) -> dict[str, Any]:
        """The bound values of the merge's statements."""
        return {
            "catalog": self.catalog,
            "run_id": self.run_id,
            "space": self.space,
            "model": self.model,
            "as_of": self.as_of,
            "whole": self.whole,
            "unfenced": self.whole and not self.around,
        }

    def execute(self, cur: Cursor, statement: str) -> None:
        """Run one of the merge's statements on this run's tables."""
        fenced = sql.SQL(query("fenced"))
        staging.run_statement(cur, statement, self.names, self.values, table=self.table.identifier, fenced=fenced)

    def under(self, current: fence.Fence) -> "Change":
        """The change as it is under this fence."""
        return replace(self, around=self.whole and current.has_changes_after(self.as_of))


@dataclass(frozen=True)
class Difference:
    """How the staged rows differ from the table, in products."""

    new: int = 0
    changed: int = 0
    attributes_changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    before: int = 0  # rows in the table

    @property
    def writes(self) -> int:
        """Rows the merge inserts, updates or deletes."""
        return self.new + self.changed + self.attributes_changed + self.deleted

    @property
    def staged(self) -> int:
        """Products the run brought that are not deletions."""
        return self.new + self.changed + self.attributes_changed + self.unchanged

    @property
    def counts(self) -> dict[str, int]:
        """The figures of a run's report."""
        return {name: value for name, value in asdict(self).items() if name != "before"}


@dataclass(frozen=True)
class Merged:
    """What a merge did. `superseded`: a newer snapshot was loaded before, so the table was not changed.

    `refused` counts the products left out because the model refused their text, `history` those that differ from what
    the history said of this date (None: it was not entered there).
    """

    difference: Difference
    refused: int = 0
    superseded: bool = False
    history: int | None = None
    replacing: Difference | None = None
    """For a table that stands by: how its rows differ from the one that serves."""

    @property
    def reported(self) -> Difference:
        """What people want to know: how readers' table differs, whichever table was written."""
        return self.replacing or self.difference


def difference(cur: Cursor, change: Change) -> Difference:
    """Count what the merge would do now. Reads only."""
    return _counted(cur, change.under(fence.read(cur, change.catalog, change.table.label)))


def _counted(cur: Cursor, change: Change) -> Difference:
    change.execute(cur, "difference")
    row = cur.fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return Difference(*row)


def replacement(cur: Cursor, change: Change) -> Difference:
    """How the staged rows differ from the table that serves. Its vectors are of another model: all are exchanged, and
    a swap spares no row, however new.
    """
    served = _counted(cur, replace(change, table=change.replaces or change.table, around=False))
    return replace(served, changed=served.staged - served.new, attributes_changed=0, unchanged=0)


def check_deletions(diff: Difference, change: Change, *, allow: bool) -> None:
    """Raise BrakeError when a snapshot would delete more of what readers have than the catalog allows."""
    if not change.whole or allow or diff.before == 0:
        return
    if diff.deleted > change.max_delete_fraction * diff.before:
        served = change.replaces or change.table
        raise BrakeError(
            f"this snapshot would delete {diff.deleted:,} of the {diff.before:,} products in {served.label} "
            f"({diff.deleted / diff.before:.0%}, the limit is {change.max_delete_fraction:.0%}); nothing was changed. "
            "Look whether the file is complete; if it is, raise max_delete_fraction or allow deletions for this run"
        )


def check_rejects(rejected: int, usable: int, limit: float) -> None:
    """Raise BrakeError when more than `limit` of what was read could not be used."""
    total = rejected + usable
    if rejected > limit * total:
        raise BrakeError(
            f"{rejected:,} of {total:,} rows could not be used ({rejected / total:.0%}, the limit is {limit:.0%}), "
            "the table was not changed. `vectorshelf quarantine list` shows why; mend the source, "
            "or raise max_quarantine_fraction if so many are expected"
        )


def merge(
    cur: Cursor,
    change: Change,
    *,
    allow_deletes: bool,
    unusable: int = 0,
    log: Callable[[str], None] | None = None,
) -> Merged:
    """Make the table what the run says it is, in the caller's transaction, holding the catalog's lock to its end.

    `unusable` rows went to quarantine before; together with the refused texts they must not be too many.
    A run older than the snapshot that is loaded changes nothing but the history. `log` is told whom it waits for.
    Raises BrakeError (mass delete, too many refused texts) and TransientError (vectors missing that embed should have
    stored) before the table was written.
    """
    if change.replaces:
        fence.lock(cur, change.catalog, log)  # history is the catalog's, whichever of its tables is filled
    current = fence.lock(cur, change.shelf, log)
    if current.is_past(change.as_of):
        return _superseded(cur, change, allow_deletes=allow_deletes, unusable=unusable)
    change = change.under(current)
    current.check_space(change.model, change.table.dimensions, change.table.label)
    change.execute(cur, "drop_unembeddable")
    refused = cur.rowcount
    diff = difference(cur, change)
    # From all that is staged, whatever the table takes of it; a brake undoes it. A table without a snapshot has none.
    braked = (diff.before > 0 and current.loaded_as_of is not None) or change.replaces is not None
    dated = history.record(cur, change, allow_losses=allow_deletes or braked)
    if not change.values["unfenced"]:
        change.execute(cur, "drop_fenced")
    _check_vectors(cur, change)
    check_rejects(unusable + refused, diff.staged, change.max_quarantine_fraction)
    replacing = replacement(cur, change) if change.replaces else None
    check_deletions(replacing or diff, change, allow=allow_deletes)
    _write(cur, change, diff)
    return Merged(diff, refused, history=dated, replacing=replacing)


def remember(
    cur: Cursor,
    change: Change,
    *,
    allow_deletes: bool,
    unusable: int = 0,
    log: Callable[[str], None] | None = None,
) -> Merged:
    """Leave the tables as they are, which are newer, and enter the snapshot in the history. Raises as `merge` does."""
    fence.lock(cur, change.catalog, log)
    return _superseded(cur, change, allow_deletes=allow_deletes, unusable=unusable)


def _superseded(cur: Cursor, change: Change, *, allow_deletes: bool, unusable: int) -> Merged:
    """A newer snapshot is loaded: the table stays. What would have stopped this one keeps it out of the history."""
    if not (change.history and change.whole):
        return Merged(Difference(), superseded=True, history=history.record(cur, change))
    change.execute(cur, "drop_unembeddable")
    refused = cur.rowcount
    found = history.compare(cur, change)
    check_rejects(unusable + refused, found.products, change.max_quarantine_fraction)
    history.check_losses(cur, found, change, allow=allow_deletes)
    return Merged(Difference(), refused, superseded=True, history=history.write(cur, change, found))


def _write(cur: Cursor, change: Change, diff: Difference) -> None:
    if diff.deleted:
        change.execute(cur, "delete_gone" if change.whole else "delete_marked")
    if not change.snapshot:
        change.execute(cur, "bury_marked")
        change.execute(cur, "date_rows")
        fence.move_changes(cur, change.shelf, change.as_of)
    if not change.whole:
        change.execute(cur, "touch_unchanged")
    if diff.attributes_changed:
        change.execute(cur, "update_attributes")
    if diff.new + diff.changed:
        with overflow_explained(change.table):
            change.execute(cur, "upsert")
    if change.whole:
        fence.move(cur, change.shelf, change.as_of, change.run_id)
    fence.set_model(cur, change.shelf, change.model)
    _count_for_upkeep(cur, change, diff)


def _check_vectors(cur: Cursor, change: Change) -> None:
    change.execute(cur, "count_missing_vectors")
    (missing,) = cur.fetchone() or (0,)
    if missing:
        raise TransientError(
            f"{missing:,} products have no vector yet: run plan and embed again; in Airflow, clear the run from plan on"
        )


def _count_for_upkeep(cur: Cursor, change: Change, diff: Difference) -> None:
    if diff.writes:
        cur.execute(
            "UPDATE vectorshelf.catalogs SET changed_rows = changed_rows + %s, unvacuumed = unvacuumed + %s"
            " WHERE catalog = %s",
            (diff.new + diff.changed + diff.deleted, diff.writes, change.shelf),
        )
