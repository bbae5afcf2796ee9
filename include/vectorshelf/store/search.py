"""Search a serving table, by meaning or by meaning and words together. Reads only."""

from typing import Any, NamedTuple

import psycopg2
from psycopg2 import sql

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.db import Connection, query, transaction
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


def search(conn: Connection, table: ServingTable, vector: str, k: int = 10, category: str | None = None) -> list[Hit]:
    """The `k` products nearest to `vector` (pgvector's text form), best first.

    Raises ConfigurationError when the table has no search function yet, or holds vectors of another width.
    """
    return _run(conn, "search", table, {"query": vector, "k": k, "category": category})


def search_hybrid(
    conn: Connection, table: ServingTable, vector: str, text: str, k: int = 10, category: str | None = None
) -> list[Hit]:
    """The `k` best of two rankings: nearness to `vector`, and the words of `text` in name and category."""
    values = {"query": vector, "text": text, "k": k, "pool": max(POOL, k), "category": category}
    return _run(conn, "search_hybrid", table, values)


def stored_model(conn: Connection, table: ServingTable) -> str | None:
    """Whose vectors the table holds, or None when it holds none yet."""
    with transaction(conn) as cur:
        cur.execute("SELECT to_regclass(%s) IS NOT NULL", (table.identifier.as_string(cur),))
        (there,) = cur.fetchone() or (False,)
        if not there:
            return None
        cur.execute(sql.SQL("SELECT model FROM {} WHERE model IS NOT NULL LIMIT 1").format(table.identifier))
        row = cur.fetchone()
        return str(row[0]) if row else None


def _parts(table: ServingTable) -> dict[str, sql.Composable]:
    nearest = sql.SQL("{}(%(query)s::vector, %(pool)s, %(category)s)").format(table.search_function)
    return {"function": table.search_function, "nearest": nearest, "products": table.identifier}


def _run(conn: Connection, statement: str, table: ServingTable, values: dict[str, Any]) -> list[Hit]:
    with transaction(conn) as cur:
        try:
            cur.execute(sql.SQL(query(statement)).format(**_parts(table)), values)
        except (psycopg2.errors.UndefinedFunction, psycopg2.errors.UndefinedTable) as error:
            raise ConfigurationError(
                f"table {table.label} cannot be searched yet: run its catalog once with `vectorshelf run`"
            ) from error
        except psycopg2.errors.InvalidParameterValue as error:
            raise ConfigurationError(f"cannot search {table.label}: {error.diag.message_primary}") from error
        return [Hit(*row) for row in cur.fetchall()]
