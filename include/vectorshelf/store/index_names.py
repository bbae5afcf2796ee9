"""What the indexes of a serving table are called. Names fit Postgres's 63 bytes for any table a catalog may name."""

from dataclasses import dataclass

from psycopg2 import sql

from vectorshelf.store.table import ServingTable


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
        base = f"{table.name}_vector_idx"
        return cls(table.schema, base, f"{base}_new", f"{base}_old", f"{table.name}_category_idx")

    def identifier(self, name: str) -> sql.Identifier:
        """`"schema"."name"`: an index lives in its table's schema."""
        return sql.Identifier(self.schema, name)
