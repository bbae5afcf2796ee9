"""What a backfill would embed and cost, before any run is made: reads every date's source, changes and pays nothing."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from vectorshelf.catalog import ticks_of
from vectorshelf.catalog.model import Catalog
from vectorshelf.embed.packing import RequestSize, least_requests, request_size
from vectorshelf.embed.prices import batch_price, cost_usd
from vectorshelf.embed.tokens import byte_length, calibrated, estimated
from vectorshelf.errors import SkippedError, SourceError
from vectorshelf.extract import Product, Reject, read_products
from vectorshelf.pipeline import batching
from vectorshelf.pipeline.context import connected
from vectorshelf.pipeline.extraction import connection_of
from vectorshelf.pipeline.money import price_of_catalog
from vectorshelf.pipeline.progress import SILENT, Progress
from vectorshelf.settings import Settings
from vectorshelf.store import db, foreign, staging
from vectorshelf.store.forecast import Wanted

_PAGE_ROWS = 5000


@dataclass
class DatePlan:
    """One run: its products, and of their texts those that neither the store nor an earlier date has."""

    as_of: str
    products: int = 0
    rejected: int = 0
    texts: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    requests: int = 0
    minutes: float = 0.0
    batch: bool = False
    note: str | None = None


def forecast(
    catalog: Catalog, first: date, last: date, settings: Settings, progress: Progress = SILENT
) -> dict[str, Any]:
    """The runs from one day to another, both included: figures per date and in total, and Airflow's command for them.

    Figures rest on the catalog's own limits and on what its model's texts took so far. Memory holds a page of rows;
    distinct texts are in a temporary table. A date that cannot be read has the reason as its `note`. Costs are those of
    ordinary requests: runs with `batch` go through the Batch API, which saves `batch_saves_usd`.
    """
    ticks = ticks_of(first, last, catalog)
    embedding = catalog.embedding
    with connected(settings, f"plan {catalog.name}") as conn:
        with db.transaction(conn) as cur:
            wanted = Wanted(cur, catalog.name, embedding.model, embedding.dimensions)
        ratio = calibrated(*wanted.past_usage)
        progress.start("plan", len(ticks), "dates")
        plans = []
        for start, as_of in ticks:
            plans.append(_of_date(conn, catalog, wanted, ratio, start, as_of, settings))
            progress.advance("plan", 1)
        _note_losses(plans, catalog)
    totals = {key: sum(getattr(plan, key) for plan in plans) for key in ("texts", "tokens", "requests")}
    progress.finish("plan", f"{totals['texts']:,} texts to embed for {len(plans)} dates")
    return {
        "catalog": catalog.name,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "dates": [asdict(plan) for plan in plans],
        **totals,
        "cost_usd": round(sum(plan.cost_usd for plan in plans), 8),
        "batch_saves_usd": round(sum(plan.cost_usd - _halved(plan, catalog) for plan in plans), 8),
        "minutes": round(sum(plan.minutes for plan in plans), 2),
        "backfill": _command(catalog, ticks),
    }


def _of_date(  # noqa: PLR0917  all of one date's run
    conn: db.Connection,
    catalog: Catalog,
    wanted: Wanted,
    ratio: float,
    start: datetime,
    as_of: datetime,
    settings: Settings,
) -> DatePlan:
    plan, size = DatePlan(as_of.astimezone(UTC).isoformat()), 0
    try:
        for page in staging.in_pages(_rows(catalog, start, as_of, settings), _PAGE_ROWS):
            products = [row for row in page if isinstance(row, Product)]
            texts = [(row.sha256, byte_length(row.text)) for row in products if not row.deleted]
            with db.transaction(conn) as cur:
                new, bytes_ = wanted.add(cur, texts)
            plan.products += len(products)
            plan.rejected += len(page) - len(products)
            plan.texts, size = plan.texts + new, size + bytes_
    except SkippedError as nothing:
        plan.note = f"skipped: {nothing}"
    except SourceError as error:
        plan.note = f"would fail: {error}"
    plan.tokens = estimated(size, plan.texts, ratio)
    plan.cost_usd = cost_usd(plan.tokens, price_of_catalog(catalog))
    plan.requests, plan.minutes = _requests(catalog, plan.texts, plan.tokens)
    plan.batch = batching.choice(catalog, "backfill", plan.texts, plan.cost_usd, plan.minutes).use
    return plan


def _note_losses(plans: list[DatePlan], catalog: Catalog) -> None:
    """Name what a person should look at: far fewer products than on the date before, and unusable rows."""
    before = 0
    for plan in plans:
        if plan.note:
            continue
        unusable = f"{plan.rejected:,} of {plan.products + plan.rejected:,} rows cannot be used"
        if plan.rejected > catalog.max_quarantine_fraction * (plan.products + plan.rejected):
            plan.note = f"would be stopped: {unusable}"
        elif catalog.mode == "snapshot" and plan.products < (1 - catalog.max_delete_fraction) * before:
            plan.note = f"is the file whole? It has {before - plan.products:,} products fewer than the date before it"
        else:
            before, plan.note = plan.products, unusable if plan.rejected else None


def _halved(plan: DatePlan, catalog: Catalog) -> float:
    return cost_usd(plan.tokens, batch_price(price_of_catalog(catalog))) if plan.batch else plan.cost_usd


def _rows(catalog: Catalog, start: datetime, as_of: datetime, settings: Settings) -> Iterator[Product | Reject]:
    query = catalog.source.query
    rows = None
    if query is not None:
        rows = partial(foreign.stream_query, connection_of(catalog, settings), query, start, as_of)
    return read_products(catalog, as_of=as_of, start=start, opener=settings.opener, rows_of_query=rows)


def _requests(catalog: Catalog, texts: int, tokens: int) -> tuple[int, float]:
    """How many requests, and the minutes they take at the catalog's limits."""
    embedding = catalog.embedding
    if embedding.provider == "local":
        return least_requests(texts, tokens, RequestSize()), 0.0
    size = request_size(embedding.requests_per_minute, embedding.tokens_per_minute, tokens)
    requests = least_requests(texts, tokens, size)
    requests = max(requests, math.ceil(texts / embedding.max_texts_per_request))
    minutes = max(tokens / embedding.tokens_per_minute, requests / embedding.requests_per_minute)
    return requests, round(minutes, 4)


def _command(catalog: Catalog, ticks: list[tuple[datetime, datetime]]) -> str | None:
    """Airflow names a run by where its interval begins, not by the date of its data: its dates are earlier."""
    if catalog.schedule is None:
        return None
    return (
        f"airflow backfill create --dag-id embed_{catalog.name} --from-date {ticks[0][0].isoformat()}"
        f" --to-date {ticks[-1][0].isoformat()} --run-backwards --max-active-runs 4"
    )
