"""What people ask of a catalog's past: search as of a date, the dates there are. And forgetting old ones."""

import time
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from vectorshelf.catalog.model import Catalog
from vectorshelf.errors import ConfigurationError
from vectorshelf.pipeline.context import connected, serving_table
from vectorshelf.pipeline.questions import query_vector
from vectorshelf.settings import Settings
from vectorshelf.store import db, history, migrations, time_travel


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

    Raises ConfigurationError, before the text is embedded, where history has no answer: before its first date, for a
    date loaded without it, for the future, and for a date whose vectors are of another model than the catalog's.
    """
    table = serving_table(catalog)
    with connected(settings, f"search {catalog.name}") as conn:
        with db.transaction(conn) as cur:
            loaded = time_travel.in_force(cur, catalog.name, moment)
        _check_model(catalog, loaded)
        vector = query_vector(catalog, text, settings)
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


def _check_model(catalog: Catalog, loaded: time_travel.LoadedDate) -> None:
    wanted = catalog.embedding
    if (loaded.model, loaded.dimensions) != (wanted.model, wanted.dimensions):
        raise ConfigurationError(
            f"the snapshot of {loaded.as_of:%Y-%m-%dT%H:%M:%SZ} was loaded with {loaded.model} in {loaded.dimensions} "
            f"dimensions, the catalog says {wanted.model} in {wanted.dimensions}, and the two cannot be compared: set "
            f"embedding back for this question, or load the date again with the new model (its texts are embedded then)"
        )
