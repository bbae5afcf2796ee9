"""The extract task's work: source rows into staging pages, rejects into quarantine, duplicates settled."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from pydantic import SecretStr

from vectorshelf.catalog.model import Catalog
from vectorshelf.errors import ConfigurationError, SourceError
from vectorshelf.extract import Product, Reject, read_products
from vectorshelf.pipeline.context import Run
from vectorshelf.pipeline.progress import Progress
from vectorshelf.settings import Settings
from vectorshelf.store import db, foreign, ledger, quarantine, staging

PAGE_ROWS = 5000
"""Rows held in memory while they are staged: about 5 MB at 1 KB a product."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Where the first interval of a SQL source starts when nothing was loaded before and nobody says otherwise."""


def stage(run: Run, settings: Settings, progress: Progress) -> dict[str, int]:
    """Fill the run's staging table from its source and return the counts of the extract stage."""
    with db.transaction(run.conn) as cur:
        staging.create(cur, run.names)
        quarantine.forget_rows_of_run(cur, run.run_id)
    try:
        rejected = _stage_pages(run, _products(run, settings), progress)
    except SourceError:
        with db.transaction(run.conn) as cur:  # a damaged source changes nothing, its rejects included
            quarantine.forget_rows_of_run(cur, run.run_id)
        raise
    with db.transaction(run.conn) as cur:
        duplicates = _settle_duplicates(cur, run)
        extracted = staging.seal(cur, run.names)
    quarantined = rejected + duplicates
    return {"extracted": extracted, "quarantined": quarantined, "duplicates": duplicates}


def _stage_pages(run: Run, rows: Iterator[Product | Reject], progress: Progress) -> int:
    """Write pages of rows as they come; returns how many were rejected. Memory holds one page."""
    rejected = 0
    for page in staging.in_pages(rows, PAGE_ROWS):
        products = [row for row in page if isinstance(row, Product)]
        rejects = [_rejected(row) for row in page if isinstance(row, Reject)]
        with db.transaction(run.conn) as cur:
            staging.add(cur, run.names, products)
            quarantine.add(cur, run.catalog.name, run.run_id, rejects)
        rejected += len(rejects)
        progress.advance("extract", len(page))
    return rejected


def _products(run: Run, settings: Settings) -> Iterator[Product | Reject]:
    """The run's source as a stream. `start` is the request's, or the end of the last successful run's interval."""
    request, source = run.request, run.catalog.source
    start = request.start
    if start is None:
        with db.transaction(run.conn) as cur:
            start = ledger.previous_as_of(cur, run.catalog.name, run.catalog.table, request.as_of) or EPOCH
    rows_of_query = None
    if source.connection is not None and source.query is not None and request.source is None:
        url = connection_of(run.catalog, settings)
        rows_of_query = partial(foreign.stream_query, url, source.query, start, request.as_of)

    return read_products(
        run.catalog,
        as_of=request.as_of,
        start=start,
        source=request.source,
        opener=settings.opener,
        rows_of_query=rows_of_query,
        limit=request.limit,
        may_be_empty=request.allow_delete,
    )


def connection_of(catalog: Catalog, settings: Settings) -> SecretStr:
    """The URL of a SQL source's connection. Raises ConfigurationError when nobody has set it."""
    name = catalog.source.connection or ""
    url = settings.connections.get(name.lower())
    if url is None:
        raise ConfigurationError(
            f"catalog {catalog.name}: no connection is called {name!r}: add it in Airflow (Admin, Connections), "
            f"or set AIRFLOW_CONN_{name.upper()} to its URL"
        )
    return url


def _settle_duplicates(cur: db.Cursor, run: Run) -> int:
    """How many rows went to quarantine because a snapshot had their id before. A delta keeps the last of each."""
    if run.catalog.mode == "delta":
        staging.keep_last(cur, run.names)
        return 0
    return staging.quarantine_duplicates(cur, run.names, catalog=run.catalog.name, run_id=run.run_id)


def _rejected(row: Reject) -> quarantine.Rejected:
    fingerprint = hashlib.sha256(f"{row.id}\x00{row.raw}".encode("utf-8", "surrogateescape")).digest()
    return quarantine.Rejected("row", fingerprint, row.id, row.line, row.reason, row.raw)
