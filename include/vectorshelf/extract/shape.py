"""Which source column feeds which field of a product, and whether a file has the columns it must have."""

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from vectorshelf.catalog.model import Catalog
from vectorshelf.catalog.text import TextTemplate
from vectorshelf.errors import SourceError
from vectorshelf.extract.dated import row_date
from vectorshelf.extract.product import storable

_COLUMNS_SHOWN = 40
_NAME_SHOWN = 60
_TRUE = frozenset({"true", "1", "1.0", "yes", "y", "t", "deleted"})


@dataclass(frozen=True)
class Shape:
    """What a catalog wants of its source's columns. `label` names the source in messages."""

    label: str
    id: str
    name: str
    category: str | None
    deleted: str | None
    template: TextTemplate
    updated_at: str | None = None
    tz: tzinfo = UTC

    @classmethod
    def of(cls, catalog: Catalog, label: str) -> "Shape":
        """The shape a catalog file describes."""
        columns = catalog.columns
        mapped = (columns.id, columns.name, columns.category, columns.deleted)
        return cls(label, *mapped, catalog.text_template, columns.updated_at, catalog.tz)

    @property
    def mapped(self) -> frozenset[str]:
        """The columns that are fields of their own; every other one goes to the attributes."""
        columns = (self.id, self.name, self.category, self.deleted, self.updated_at)
        return frozenset(column for column in columns if column is not None)

    @property
    def needed(self) -> dict[str, str]:
        """Every column that must be there, with the key of the catalog file that asks for it."""
        fields = {
            self.id: "columns.id",
            self.name: "columns.name",
            self.category: "columns.category, null for none",
            self.deleted: "columns.deleted",
            self.updated_at: "columns.updated_at",
        }
        keys = {column: key for column, key in fields.items() if column is not None}
        return keys | {column: "text" for column in self.template.columns if column not in keys}

    def date_of(self, value: object) -> datetime | None:
        """A row's own date from its `updated_at` value; None for a catalog without. Raises ValueError, saying why."""
        return None if self.updated_at is None else row_date(value, self.tz)

    def check(self, names: Collection[str]) -> None:
        """Raise SourceError unless every needed column is among these."""
        absent = {column: key for column, key in self.needed.items() if column not in names}
        if absent:
            raise SourceError(absence(self.label, absent, names))

    def check_unrepeated(self, names: Sequence[str]) -> None:
        """Raise SourceError when a needed column is there twice: nobody can tell which one is meant."""
        for column, key in self.needed.items():
            if (times := names.count(column)) > 1:
                raise SourceError(f"{self.label} has {times} columns called {column!r} ({key}): rename all but one")


def absence(label: str, absent: dict[str, str], names: Iterable[str]) -> str:
    """One sentence: which columns are not there, who asks for them, what is there, and what may be meant."""
    there = [name for name in names if name]
    wanted = ", ".join(f"{column!r} ({key})" for column, key in absent.items())
    shown = ", ".join(storable(name[:_NAME_SHOWN]) for name in there[:_COLUMNS_SHOWN]) or "none"
    more = f" and {len(there) - _COLUMNS_SHOWN} more" if len(there) > _COLUMNS_SHOWN else ""
    meant = {column: _alike(column, there) for column in absent}
    hints = "".join(f"; is {found!r} the {column!r}?" for column, found in meant.items() if found)
    return f"{label} has no column {wanted}; it has: {shown}{more}{hints}"


def is_true(value: str) -> bool:
    """What a `deleted` column says: true, 1, yes, y, t and deleted (in any case) are true, all else is not."""
    return value.strip().lower() in _TRUE


def unique_names(header: Iterable[str]) -> list[str]:
    """Column names without repeats: an empty one is `column_N` (its position), a repeated one gets `_2`, `_3`…"""
    given = [name or f"column_{position}" for position, name in enumerate(header, start=1)]
    taken, names = set(given), []
    seen: set[str] = set()
    for name in given:
        unique, number = name, 1
        while unique in seen or (number > 1 and unique in taken):
            number += 1
            unique = f"{name}_{number}"
        seen.add(unique)
        names.append(unique)
    return names


def _alike(column: str, there: list[str]) -> str | None:
    folded = {name.strip().casefold(): name for name in there}
    found = difflib.get_close_matches(column.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None
