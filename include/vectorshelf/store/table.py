"""What the store needs to know of a user's serving table, and nothing more."""

from dataclasses import dataclass
from typing import Literal

from psycopg2 import sql

Metric = Literal["cosine", "ip", "l2"]

OPERATORS: dict[Metric, str] = {"cosine": "<=>", "ip": "<#>", "l2": "<->"}
OPERATOR_CLASSES: dict[Metric, str] = {"cosine": "cosine_ops", "ip": "ip_ops", "l2": "l2_ops"}


@dataclass(frozen=True)
class ServingTable:
    """The user's table: where it is, how wide its vectors are, how they are compared."""

    schema: str
    name: str
    dimensions: int
    metric: Metric = "cosine"

    @property
    def identifier(self) -> sql.Identifier:
        """`"schema"."table"`, quoted."""
        return sql.Identifier(self.schema, self.name)

    @property
    def search_function(self) -> sql.Identifier:
        """`"schema"."search_<table>"`, quoted."""
        return sql.Identifier(self.schema, f"search_{self.name}")

    @property
    def label(self) -> str:
        """`schema.table` for messages."""
        return f"{self.schema}.{self.name}"
