"""Search a serving table, by meaning or by meaning and words together. Reads only."""

from typing import Any, NamedTuple

import psycopg2
from psycopg2 import sql

from vectorshelf.errors import ConfigurationError, TransientError
from vectorshelf.store.db import Connection, Cursor, query, transaction
from vectorshelf.store.spaces import Space
from vectorshelf.store.table import ServingTable

POOL = 50
"""How deep hybrid search looks into each ranking, at least: rows further down no longer change the first page."""


class Hit(NamedTuple):
    """One product found. `score`: see `search_function`; in hybrid search the sum of 1/(60 + rank)."""

    id: str
    name: str
    category: str
    attributes: dict[str, Any] | None
    score: float


class OtherSpaceError(TransientError):
    """The table holds vectors of another model than the query's by now: embed the text again, with that one."""

    def __init__(self, table: str, held: Space) -> None:
        super().__init__(f"{table} holds vectors of {held.model} ({held.dimensions:,} dimensions): search again")
        self.held = held


def search(
    conn: Connection,
    table: ServingTable,
    vector: str,
    k: int = 10,
    category: str | None = None,
    of: Space | None = None,
) -> list[Hit]:
    """The `k` products nearest to `vector` (pgvector's text form), best first.

    `of` is the query's space; OtherSpaceError says that the table has another. Raises ConfigurationError when the
    table has no search function yet, or holds vectors of another width.
    """
    return _run(conn, "search", table, {"query": vector, "k": k, "category": category}, of)


def search_hybrid(  # noqa: PLR0917  the options of a search
    conn: Connection,
    table: ServingTable,
    vector: str,
    text: str,
    k: int = 10,
    category: str | None = None,
    of: Space | None = None,
) -> list[Hit]:
    """The `k` best of two rankings: nearness to `vector`, and the words of `text` in name and category."""
    values = {"query": vector, "text": text, "k": k, "pool": max(POOL, k), "category": category}
    return _run(conn, "search_hybrid", table, values, of)


def stored_space(conn: Connection, table: ServingTable) -> Space | None:
    """Whose vectors the table holds, or None when it holds none yet."""
    with transaction(conn) as cur:
        cur.execute("SELECT to_regclass(%s) IS NOT NULL", (table.identifier.as_string(cur),))
        (there,) = cur.fetchone() or (False,)
        return _space(cur, table) if there else None


def _parts(table: ServingTable) -> dict[str, sql.Composable]:
    nearest = sql.SQL("{}(%(query)s::vector, %(pool)s, %(category)s)").format(table.search_function)
    return {"function": table.search_function, "nearest": nearest, "products": table.identifier}


def _space(cur: Cursor, table: ServingTable) -> Space | None:
    """From now on to the transaction's end no other table can take this one's name: reading it locks it."""
    cur.execute(sql.SQL(query("stored_space")).format(table=table.identifier))
    row = cur.fetchone()
    return Space(*row) if row else None


def _run(conn: Connection, statement: str, table: ServingTable, values: dict[str, Any], of: Space | None) -> list[Hit]:
    with transaction(conn) as cur:
        try:
            held = _space(cur, table) if of else None
            if held != of and held is not None:
                raise OtherSpaceError(table.label, held)
            cur.execute(sql.SQL(query(statement)).format(**_parts(table)), values)
        except (psycopg2.errors.UndefinedFunction, psycopg2.errors.UndefinedTable) as error:
            raise ConfigurationError(
                f"table {table.label} cannot be searched yet: run its catalog once with `vectorshelf run`"
            ) from error
        except (psycopg2.errors.InvalidParameterValue, psycopg2.errors.NumericValueOutOfRange) as error:
            raise ConfigurationError(f"cannot search {table.label}: {error.diag.message_primary}") from error
        return [Hit(*row) for row in cur.fetchall()]
