"""What people ask between runs: search, status, quarantine. Reads, except for requeue."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

from vectorshelf.catalog.model import Catalog, Embedding
from vectorshelf.errors import ConfigurationError, TransientError
from vectorshelf.pipeline import embedding
from vectorshelf.pipeline.context import connected, serving_table
from vectorshelf.settings import Settings
from vectorshelf.store import db, ledger, migrations, overview, time_travel
from vectorshelf.store import quarantine as quarantines
from vectorshelf.store import search as searches
from vectorshelf.store.spaces import Space
from vectorshelf.store.writers import as_text

_TRIES = 3


def search(
    catalog: Catalog,
    text: str,
    settings: Settings,
    *,
    k: int = 10,
    mode: Literal["vector", "hybrid"] = "vector",
    category: str | None = None,
) -> dict[str, Any]:
    """The `k` products nearest to `text`, best first, and the milliseconds the database took.

    The text is embedded by the table's own model, also while the catalog file names another one already.
    Raises ConfigurationError when the catalog was never loaded into this database.
    """
    table = serving_table(catalog)
    with connected(settings, f"search {catalog.name}") as conn:
        held = searches.stored_space(conn, table)
        for _ in range(_TRIES):
            asked = as_loaded(conn, catalog, held)
            vector = query_vector(asked, text, settings)
            space = Space(asked.embedding.model, asked.embedding.dimensions)
            started = time.perf_counter()
            try:
                if mode == "hybrid":
                    hits = searches.search_hybrid(conn, table, vector, text, k, category, of=space)
                else:
                    hits = searches.search(conn, table, vector, k, category, of=space)
            except searches.OtherSpaceError as error:  # the table changed its model since we looked
                held = error.held
                continue
            milliseconds = (time.perf_counter() - started) * 1000
            return {"results": [hit._asdict() for hit in hits], "milliseconds": round(milliseconds, 2)}
    raise TransientError(f"{table.label} changes its model again and again: search again when that is over")


def query_vector(catalog: Catalog, text: str, settings: Settings) -> str:
    """A search text's vector by the catalog's model, in pgvector's text form."""
    if not text.strip():
        raise ConfigurationError("the search text is empty: say what to look for")
    return as_text(embedding.embed_query(catalog, text, settings))


def as_loaded(conn: db.Connection, catalog: Catalog, held: Space | None) -> Catalog:
    """The catalog with the `embedding` section that vectors of the space `held` were made with, by the ledger."""
    found = catalog.embedding
    if held is None or held == (found.model, found.dimensions):
        return catalog
    section = None
    with db.transaction(conn) as cur:
        if overview.is_migrated(cur):
            section = ledger.embedding_of(cur, catalog.name, *held)
    if section is None:
        raise ConfigurationError(
            f"{catalog.name} was loaded with {held.model} ({held.dimensions:,} dimensions), the catalog file says "
            f"{found.model} ({found.dimensions:,}), and the two cannot be compared: "
            f"run `vectorshelf run {catalog.name}` with the new model first, or set embedding.model back"
        )
    return catalog.model_copy(update={"embedding": Embedding.model_validate(section)})


def status(catalogs: Sequence[Catalog], settings: Settings) -> dict[str, Any]:
    """Each catalog's rows, last run, quarantine, recall against its target, and dollars spent this month."""
    with connected(settings, "status") as conn, db.transaction(conn) as cur:
        known = overview.is_migrated(cur)
        entries = [_entry(cur, catalog) if known else {**_EMPTY, "name": catalog.name} for catalog in catalogs]
    for entry, catalog in zip(entries, catalogs, strict=True):
        entry["recall_target"] = catalog.index.recall_target
    return {"catalogs": entries}


def quarantine_list(catalog: Catalog, settings: Settings, limit: int = 1000) -> list[dict[str, Any]]:
    """What the catalog's runs put aside, newest first, at most `limit`."""
    with connected(settings, f"quarantine {catalog.name}") as conn:
        migrations.migrate(conn)
        with db.transaction(conn) as cur:
            return [asdict(item) for item in quarantines.listing(cur, catalog.name, limit)]


def quarantine_count(catalog: Catalog, settings: Settings) -> int:
    """How much of the catalog is put aside."""
    with connected(settings, f"quarantine {catalog.name}") as conn, db.transaction(conn) as cur:
        return quarantines.count(cur, catalog.name)


def quarantine_requeue(catalog: Catalog, settings: Settings) -> int:
    """Let the catalog's next run try everything again that was put aside; returns how many."""
    with connected(settings, f"quarantine {catalog.name}") as conn:
        migrations.migrate(conn)
        with db.transaction(conn) as cur:
            return quarantines.requeue(cur, catalog.name)


_EMPTY: dict[str, Any] = {
    "name": "",
    "rows": 0,
    "table_as_of": None,
    "last_run": None,
    "quarantine": 0,
    "recall": None,
    "recall_target": None,
    "spent_usd_month": 0.0,
    "history": None,
}


def _entry(cur: db.Cursor, catalog: Catalog) -> dict[str, Any]:
    found = overview.of_catalog(cur, catalog.name, serving_table(catalog))
    return {**_EMPTY, "name": catalog.name, **found, "history": time_travel.span(cur, catalog.name)}
