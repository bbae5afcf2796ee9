"""What people ask of a catalog's past: search as of a date, the dates there are. And forgetting old ones."""

import time
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from vectorshelf.catalog.model import Catalog
from vectorshelf.pipeline.context import connected, serving_table
from vectorshelf.pipeline.questions import as_loaded, query_vector
from vectorshelf.settings import Settings
from vectorshelf.store import db, history, migrations, time_travel
from vectorshelf.store.spaces import Space


def search_as_of(
    catalog: Catalog,
    text: str,
    moment: datetime,
    settings: Settings,
    *,
    k: int = 10,
    mode: Literal["vector", "hybrid"] = "vector",
    category: str | None = None,
) -> dict[str, Any]:
    """What a search of the table would have found at `moment`, with the loaded date that answered as `as_of`.

    The text is embedded by the model that the date was loaded with. Raises ConfigurationError, before it is embedded,
    where history has no answer: before its first date, for a date loaded without it, for the future.
    """
    table = serving_table(catalog)
    with connected(settings, f"search {catalog.name}") as conn:
        with db.transaction(conn) as cur:
            loaded = time_travel.in_force(cur, catalog.name, moment)
        space = Space(loaded.model, loaded.dimensions) if loaded.model and loaded.dimensions else None
        vector = query_vector(as_loaded(conn, catalog, space), text, settings)
        started = time.perf_counter()
        with db.transaction(conn) as cur:
            if mode == "hybrid":
                hits = time_travel.search_hybrid(
                    cur, catalog.name, table, loaded.as_of, vector=vector, text=text, k=k, category=category
                )
            else:
                hits = time_travel.search(cur, table, loaded.as_of, vector, k, category)
        milliseconds = (time.perf_counter() - started) * 1000
    results = [hit._asdict() for hit in hits]
    return {"results": results, "milliseconds": round(milliseconds, 2), "as_of": loaded.as_of}


def loaded_dates(catalog: Catalog, settings: Settings) -> dict[str, Any]:
    """Every date the catalog was loaded for, oldest first, and how many rows of history they take together."""
    with connected(settings, f"history {catalog.name}") as conn, db.transaction(conn) as cur:
        there = time_travel.is_there(cur)
        dates = time_travel.dates(cur, catalog.name) if there else []
        versions = time_travel.versions(cur, catalog.name) if there else 0
    return {"catalog": catalog.name, "versions": versions, "dates": [asdict(date) for date in dates]}


def prune_history(catalog: Catalog, before: datetime, settings: Settings) -> dict[str, Any]:
    """Forget the dates before the one in force at `before`; from `before` on every answer stays as it was."""
    with connected(settings, f"history {catalog.name}") as conn:
        migrations.migrate(conn)
        with db.transaction(conn) as cur:
            return {"catalog": catalog.name, **asdict(history.prune(cur, catalog.name, before))}
