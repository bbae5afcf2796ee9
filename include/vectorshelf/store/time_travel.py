"""Questions to a catalog's history: the loaded date in force at a moment, a search as of it, the dates there are.

Reads only. What history cannot answer is refused with the reason, never answered with something near it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2
from psycopg2 import sql

from vectorshelf.errors import ConfigurationError
from vectorshelf.store import as_of_function
from vectorshelf.store.db import Cursor, query
from vectorshelf.store.search import POOL, Hit
from vectorshelf.store.table import ServingTable


@dataclass(frozen=True)
class LoadedDate:
    """One snapshot that history knows. `model` None: it was loaded while no history was kept."""

    as_of: datetime
    products: int | None
    model: str | None
    dimensions: int | None
    run_id: str


def is_there(cur: Cursor) -> bool:
    """False in a database that no run of this version has migrated yet."""
    cur.execute("SELECT to_regclass('vectorshelf.history_dates') IS NOT NULL")
    (found,) = cur.fetchone() or (False,)
    return bool(found)


def in_force(cur: Cursor, catalog: str, moment: datetime) -> LoadedDate:
    """The newest loaded date at or before `moment`. Raises ConfigurationError where history has no answer."""
    if not is_there(cur):
        raise ConfigurationError(f"{catalog} keeps no history yet: set `history: true` in its catalog file and run it")
    with _explained():
        cur.execute(query("history_in_force"), {"catalog": catalog, "moment": moment})
        row = cur.fetchone()
    assert row is not None  # noqa: S101 - the function raises where it has no row
    return LoadedDate(*row)


def search(
    cur: Cursor, table: ServingTable, moment: datetime, vector: str, k: int = 10, category: str | None = None
) -> list[Hit]:
    """The `k` products of that date nearest to `vector` (pgvector's text form), best first, exactly."""
    statement = sql.SQL(query("search_as_of")).format(function=as_of_function.identifier(table))
    values = {"query": vector, "moment": moment, "k": k, "category": category}
    return _hits(cur, statement, values)


def search_hybrid(
    cur: Cursor,
    catalog: str,
    table: ServingTable,
    moment: datetime,
    *,
    vector: str,
    text: str,
    k: int = 10,
    category: str | None = None,
) -> list[Hit]:
    """The `k` best of that date by meaning and by words, as `search.search_hybrid` finds them in the table."""
    nearest = sql.SQL("{}(%(query)s::vector, %(moment)s, %(pool)s, %(category)s)")
    statement = sql.SQL(query("search_hybrid")).format(
        nearest=nearest.format(as_of_function.identifier(table)), products=sql.SQL(query("history_products"))
    )
    values = {
        "catalog": catalog,
        "query": vector,
        "text": text,
        "moment": moment,
        "k": k,
        "pool": max(POOL, k),
        "category": category,
    }
    return _hits(cur, statement, values)


def dates(cur: Cursor, catalog: str) -> list[LoadedDate]:
    """Every date that was loaded, oldest first, also those that history does not know."""
    cur.execute(query("history_dates"), {"catalog": catalog})
    return [LoadedDate(*row) for row in cur.fetchall()]


def versions(cur: Cursor, catalog: str) -> int:
    """Rows of history: one per product and stretch of dates in which it stood unchanged."""
    cur.execute("SELECT count(*) FROM vectorshelf.history WHERE catalog = %s", (catalog,))
    (count,) = cur.fetchone() or (0,)
    return int(count)


def span(cur: Cursor, catalog: str) -> dict[str, Any] | None:
    """How many dates can be asked for, the first and the last of them; None when there are none."""
    if not is_there(cur):
        return None
    cur.execute(
        "SELECT count(*), min(as_of), max(as_of) FROM vectorshelf.history_dates"
        " WHERE catalog = %s AND space IS NOT NULL",
        (catalog,),
    )
    count, first, last = cur.fetchone() or (0, None, None)
    return {"dates": count, "first": first, "last": last} if count else None


def _hits(cur: Cursor, statement: sql.Composed, values: dict[str, Any]) -> list[Hit]:
    with _explained():
        cur.execute(statement, values)
        return [Hit(*row) for row in cur.fetchall()]


@contextmanager
def _explained() -> Iterator[None]:
    """The functions' own refusals say what is wrong and, as a hint, what to do."""
    try:
        yield
    except (psycopg2.errors.NoDataFound, psycopg2.errors.InvalidParameterValue) as error:
        words = [error.diag.message_primary, error.diag.message_hint]
        raise ConfigurationError(": ".join(filter(None, words))) from error
    except psycopg2.errors.UndefinedFunction as error:
        raise ConfigurationError(
            "the table has no function to search its past with: run its catalog once with `history: true`"
        ) from error
