"""Which tables a catalog has, and which of them a run writes. Reads only.

One serves. While a catalog changes its model another, `<table>__next`, is filled to take its place; afterwards the
old one stands by as `<table>__previous`. What each holds is a row of vectorshelf.catalogs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from vectorshelf.store.db import Cursor, query
from vectorshelf.store.table import ServingTable, Standby
from vectorshelf.store.waiting import Log, lock_row

Role = Literal["serving"] | Standby


@dataclass(frozen=True)
class Standing:
    """A table as it stands: everything up to `loaded_as_of` in vectors of `model` (None: nothing was loaded yet).

    `dimensions` is None when there is no such table, or it has no column for vectors yet.
    """

    table: str
    loaded_as_of: datetime | None
    loaded_by: str | None
    model: str | None
    dimensions: int | None
    changed_rows: int = 0
    unvacuumed: int = 0
    changes_as_of: datetime | None = None

    def may_take(self, model: str, dimensions: int) -> bool:
        """True when vectors of that model can stand in it."""
        return self.dimensions == dimensions and self.model in (None, model)


@dataclass(frozen=True)
class Target:
    """The table a run writes. With `replaces`, it stands by until it is filled, and then takes that one's place.

    `stands` is False where it was not made yet: before prepare, in a dry run, for a date older than the table.
    """

    table: ServingTable
    replaces: ServingTable | None = None
    serving: Standing | None = None
    stands: bool = True

    def is_past(self, as_of: datetime) -> bool:
        """True when readers have a newer snapshot, so that one of `as_of` may change nothing."""
        held = self.serving.loaded_as_of if self.serving else None
        return held is not None and as_of < held


def shelf_of(catalog: str, standby: Standby) -> str:
    """The key of a standby's row in vectorshelf.catalogs. No catalog's name has a colon."""
    return f"{catalog}:{standby}"


def lock(cur: Cursor, catalog: str, log: Log | None = None) -> None:
    """Hold the catalog's own row to the transaction's end: no table takes another's place meanwhile, no load begins.

    The load that fills a table which stands by takes it, too, for its one transaction: history is the catalog's. `log`
    is told who has it when there is somebody to wait for.
    """
    lock_row(cur, catalog, log=log)


def lock_all(cur: Cursor, catalog: str) -> None:
    """Hold the rows of all tables of the catalog to the transaction's end, in the order in which everybody does."""
    cur.execute(query("lock_standings"), {"catalog": catalog})


def read(cur: Cursor, catalog: str) -> dict[Role, Standing]:
    """Every table of the catalog by its role; empty for one that was never run."""
    cur.execute(query("standings"), {"catalog": catalog})
    return {role: Standing(*rest) for role, *rest in cur.fetchall()}


def bytes_of(cur: Cursor, table: ServingTable) -> int:
    """What the table and its indexes take on disk; 0 when there is none."""
    cur.execute("SELECT coalesce(pg_total_relation_size(to_regclass(%s)), 0)", (table.label,))
    (size,) = cur.fetchone() or (0,)
    return int(size)


def target(cur: Cursor, catalog: str, table: ServingTable, model: str) -> Target:
    """Where a run of this catalog writes, whose `table` is to hold vectors of `model`."""
    return choose_target(read(cur, catalog), table, model)


def choose_target(found: Mapping[Role, Standing], table: ServingTable, model: str) -> Target:
    """The table itself, or the one to take its place when it holds vectors that no others may stand beside. Pure."""
    serving = found.get("serving")
    if serving is None or serving.table != table.label or serving.dimensions is None:
        return Target(table)
    if serving.may_take(model, table.dimensions):
        return Target(table, serving=serving)
    following, waiting = table.standby("next"), found.get("next")
    stands = waiting is not None and waiting.table == following.label and waiting.model == model
    stands = stands and waiting is not None and waiting.dimensions == table.dimensions
    return Target(following, replace(table, dimensions=serving.dimensions), serving, stands)
