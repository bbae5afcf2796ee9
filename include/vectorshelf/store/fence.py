"""The version fence: two runs of one catalog, in any order, end in the table of the later `as_of`."""

from dataclasses import dataclass
from datetime import datetime

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.db import Cursor


@dataclass(frozen=True)
class Fence:
    """What the serving table holds: everything up to `loaded_as_of` (None: nothing was loaded yet)."""

    loaded_as_of: datetime | None = None
    loaded_by: str | None = None
    model: str | None = None

    def is_past(self, as_of: datetime) -> bool:
        """True when a newer snapshot is loaded, so that one of `as_of` may change nothing."""
        return self.loaded_as_of is not None and as_of < self.loaded_as_of

    def check_model(self, model: str, table: str) -> None:
        """Raise ConfigurationError when a run that leaves rows in place would mix two models in one table."""
        if self.model not in (None, model):
            raise ConfigurationError(
                f"{table} holds vectors of {self.model}, the catalog says {model}, and vectors of two models cannot be "
                "compared: load a whole snapshot without --limit, or name another `table` and load it from the start"
            )


def read(cur: Cursor, catalog: str, table: str) -> Fence:
    """The fence of the catalog's table, open when nothing was loaded. It may move until `lock` is held."""
    cur.execute(
        "SELECT loaded_as_of, loaded_by, model FROM vectorshelf.catalogs WHERE catalog = %s AND table_name = %s",
        (catalog, table),
    )
    row = cur.fetchone()
    return Fence(*row) if row else Fence()


def lock(cur: Cursor, catalog: str) -> Fence:
    """Hold the catalog's row until the transaction ends: whoever loads the same catalog waits here."""
    cur.execute(
        "SELECT loaded_as_of, loaded_by, model FROM vectorshelf.catalogs WHERE catalog = %s FOR UPDATE", (catalog,)
    )
    row = cur.fetchone()
    if row is None:
        raise ConfigurationError(f"the database knows no catalog {catalog}: run prepare first")
    return Fence(*row)


def move(cur: Cursor, catalog: str, as_of: datetime, run_id: str) -> None:
    """Record that the table now holds the snapshot of `as_of`."""
    cur.execute(
        "UPDATE vectorshelf.catalogs SET loaded_as_of = %s, loaded_by = %s WHERE catalog = %s",
        (as_of, run_id, catalog),
    )


def set_model(cur: Cursor, catalog: str, model: str) -> None:
    """Record whose vectors the table holds."""
    cur.execute(
        "UPDATE vectorshelf.catalogs SET model = %s WHERE catalog = %s AND model IS DISTINCT FROM %s",
        (model, catalog, model),
    )
