"""What the store needs to know of a user's serving table, and nothing more."""

from dataclasses import dataclass
from typing import Literal

from psycopg2 import sql

Metric = Literal["cosine", "ip", "l2"]
Storage = Literal["vector", "halfvec"]

OPERATORS: dict[Metric, str] = {"cosine": "<=>", "ip": "<#>", "l2": "<->"}
OPERATOR_CLASSES: dict[Metric, str] = {"cosine": "cosine_ops", "ip": "ip_ops", "l2": "l2_ops"}


@dataclass(frozen=True)
class ServingTable:
    """The user's table: where it is, how wide its vectors are, how they are compared, what its vector index holds.

    `storage` halfvec: the index is over `embedding::halfvec(dimensions)`, half as large. The table keeps full numbers.
    """

    schema: str
    name: str
    dimensions: int
    metric: Metric = "cosine"
    storage: Storage = "vector"

    @property
    def cast(self) -> sql.Composable:
        """What turns a `vector` into what the index holds. A search must compare the same expression, to use it."""
        if self.storage == "vector":
            return sql.SQL("")
        return sql.SQL("::halfvec({})").format(sql.Literal(self.dimensions))

    @property
    def candidates(self) -> int:
        """How many times the results wanted an index search must fetch, for the best by full numbers to be among them.

        Halved numbers are off by a thousandth at most: neighbours change places with the next ones, not with far ones.
        """
        return 1 if self.storage == "vector" else 2

    @property
    def operator_class(self) -> str:
        """pgvector's name of how the index compares."""
        return f"{self.storage}_{OPERATOR_CLASSES[self.metric]}"

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
