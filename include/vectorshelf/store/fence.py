"""The version fence: two runs of one catalog, in any order, end in the table of the later `as_of`."""

from dataclasses import dataclass
from datetime import datetime

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.db import Cursor


@dataclass(frozen=True)
class Fence:
    """What the serving table holds: everything up to `loaded_as_of` (None: nothing was loaded yet)."""

    loaded_as_of: datetime | None
    loaded_by: str | None

    def is_past(self, as_of: datetime) -> bool:
        """True when a newer snapshot is loaded, so that one of `as_of` may change nothing."""
        return self.loaded_as_of is not None and as_of < self.loaded_as_of


def read(cur: Cursor, catalog: str) -> Fence:
    """The fence as it is now. It may move until `lock` is held."""
    return _fetch(cur, catalog, "")


def lock(cur: Cursor, catalog: str) -> Fence:
    """Hold the catalog's row until the transaction ends: whoever loads the same catalog waits here."""
    return _fetch(cur, catalog, " FOR UPDATE")


def move(cur: Cursor, catalog: str, as_of: datetime, run_id: str) -> None:
    """Record that the table now holds the snapshot of `as_of`."""
    cur.execute(
        "UPDATE vectorshelf.catalogs SET loaded_as_of = %s, loaded_by = %s WHERE catalog = %s",
        (as_of, run_id, catalog),
    )


def _fetch(cur: Cursor, catalog: str, suffix: str) -> Fence:
    cur.execute(
        "SELECT loaded_as_of, loaded_by FROM vectorshelf.catalogs WHERE catalog = %s" + suffix,  # noqa: S608 - fixed
        (catalog,),
    )
    row = cur.fetchone()
    if row is None:
        raise ConfigurationError(f"the database knows no catalog {catalog}: run prepare first")
    return Fence(*row)
