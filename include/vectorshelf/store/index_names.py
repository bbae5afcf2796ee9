"""What the indexes of a serving table are called. Names fit Postgres's 63 bytes for any table a catalog may name."""

from dataclasses import dataclass

from psycopg2 import sql

from vectorshelf.store.table import ServingTable, fitted

_STEM_BYTES = 48  # with the longest suffix 63; a table that stands by has a longer name than a catalog may give


@dataclass(frozen=True)
class IndexNames:
    """`vector` serves; `building` and `retired` exist only while a build is going on, or after one was killed."""

    schema: str
    vector: str
    building: str
    retired: str
    category: str

    @classmethod
    def of(cls, table: ServingTable) -> "IndexNames":
        """The names for this table."""
        stem = fitted(table.name, _STEM_BYTES)
        base = f"{stem}_vector_idx"
        return cls(table.schema, base, f"{base}_new", f"{base}_old", f"{stem}_category_idx")

    @property
    def all(self) -> tuple[str, str, str, str]:
        """Every name, in an order that is the same for every table."""
        return self.vector, self.building, self.retired, self.category

    def identifier(self, name: str) -> sql.Identifier:
        """`"schema"."name"`: an index lives in its table's schema."""
        return sql.Identifier(self.schema, name)
