"""The version fence: two runs of one catalog, in any order, end in the table of the later `as_of`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.db import Cursor, query
from vectorshelf.store.waiting import lock_row

_COLUMNS = "loaded_as_of, loaded_by, model, changes_as_of"


@dataclass(frozen=True)
class Fence:
    """What the serving table holds: everything up to `loaded_as_of` (None: no whole snapshot was loaded yet).

    `changes_as_of` is the newest delta that was merged into it (None: none).
    """

    loaded_as_of: datetime | None = None
    loaded_by: str | None = None
    model: str | None = None
    changes_as_of: datetime | None = None
    dimensions: int | None = None  # of the table itself; known when the fence is locked

    def is_past(self, as_of: datetime) -> bool:
        """True when a newer snapshot is loaded, so that a run of `as_of`, snapshot or delta, may change nothing."""
        return self.loaded_as_of is not None and as_of < self.loaded_as_of

    def has_changes_after(self, as_of: datetime) -> bool:
        """True when a newer delta is in the table, so that a snapshot of `as_of` must go around its rows."""
        return self.changes_as_of is not None and as_of < self.changes_as_of

    def check_space(self, model: str, dimensions: int, table: str) -> None:
        """Raise ConfigurationError when a run would put vectors beside others that they cannot be compared with."""
        if self.model not in (None, model) or self.dimensions not in (None, dimensions):
            held = f"{self.model or 'no model'} ({self.dimensions or dimensions:,} dimensions)"
            raise ConfigurationError(
                f"{table} holds vectors of {held}, the catalog says {model} ({dimensions:,}), and the two cannot be "
                "compared: run the whole catalog again, from prepare on and without --limit, which changes the table's "
                "model; or name another `table` and load it from the start"
            )


def read(cur: Cursor, catalog: str, table: str) -> Fence:
    """The fence of a table of the catalog's, open when nothing was loaded. It may move until `lock` is held."""
    cur.execute(
        f"SELECT {_COLUMNS} FROM vectorshelf.catalogs"  # noqa: S608 - fixed text
        " WHERE %s IN (catalog, standby_of) AND table_name = %s",
        (catalog, table),
    )
    row = cur.fetchone()
    return Fence(*row) if row else Fence()


def lock(cur: Cursor, shelf: str, log: Callable[[str], None] | None = None) -> Fence:
    """Hold the row of the catalog, or of a table standing by, until the transaction ends: who loads it, too, waits.

    `log` is told who holds it when there is somebody to wait for. A holder that dies, or whose connection is lost,
    frees the row with its transaction.
    """
    row = lock_row(cur, shelf, _COLUMNS, log)
    if row is None:
        raise ConfigurationError(f"the database knows no catalog {shelf}: run prepare first")
    # A statement of its own: the one that waited for the lock still sees the table that was there before.
    cur.execute(query("width_of_shelf"), {"shelf": shelf})
    (dimensions,) = cur.fetchone() or (None,)
    return replace(Fence(*row), dimensions=dimensions)


def move_changes(cur: Cursor, shelf: str, as_of: datetime) -> None:
    """Record that the table holds the delta of `as_of`."""
    cur.execute(
        "UPDATE vectorshelf.catalogs SET changes_as_of = greatest(changes_as_of, %s)"
        " WHERE catalog = %s AND (changes_as_of < %s OR changes_as_of IS NULL)",
        (as_of, shelf, as_of),
    )


def move(cur: Cursor, shelf: str, as_of: datetime, run_id: str) -> None:
    """Record that the table now holds the snapshot of `as_of`."""
    cur.execute(
        "UPDATE vectorshelf.catalogs SET loaded_as_of = %s, loaded_by = %s WHERE catalog = %s",
        (as_of, run_id, shelf),
    )


def set_model(cur: Cursor, shelf: str, model: str) -> None:
    """Record whose vectors the table holds."""
    cur.execute(
        "UPDATE vectorshelf.catalogs SET model = %s WHERE catalog = %s AND model IS DISTINCT FROM %s",
        (model, shelf, model),
    )
