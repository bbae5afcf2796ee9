"""What the store needs to know of a user's serving table, and nothing more."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from psycopg2 import sql

Metric = Literal["cosine", "ip", "l2"]
Storage = Literal["vector", "halfvec"]
Standby = Literal["next", "previous"]

OPERATORS: dict[Metric, str] = {"cosine": "<=>", "ip": "<#>", "l2": "<->"}
OPERATOR_CLASSES: dict[Metric, str] = {"cosine": "cosine_ops", "ip": "ip_ops", "l2": "l2_ops"}

_NAME_BYTES = 63
_DIGEST = 8


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

        Halved numbers (from 0.00006 on) are off by a thousandth at most: neighbours change places with the next ones,
        not with far ones.
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
    def search_name(self) -> str:
        """`search_<table>`, without its schema."""
        return fitted(f"search_{self.name}")

    @property
    def search_function(self) -> sql.Identifier:
        """`"schema"."search_<table>"`, quoted."""
        return sql.Identifier(self.schema, self.search_name)

    @property
    def label(self) -> str:
        """`schema.table` for messages."""
        return f"{self.schema}.{self.name}"

    def standby(self, kind: Standby) -> "ServingTable":
        """`<table>__next`, filled while this one serves, or `<table>__previous`, which served before it."""
        return replace(self, name=f"{self.name}__{kind}")


def fitted(name: str, room: int = _NAME_BYTES) -> str:
    """The name, or where it is longer than `room` bytes its beginning and a digest of the whole of it.

    A catalog's table has at most 48 characters, all of them ASCII; a user's own index may be called anything.
    """
    encoded = name.encode()
    if len(encoded) <= room:
        return name
    beginning = encoded[: room - _DIGEST - 1].decode("utf-8", "ignore")
    return f"{beginning}_{sha256(encoded).hexdigest()[:_DIGEST]}"
