"""What the tasks ask of the model: the self-test, the estimate, the budget, a shard's vectors, a search's vector."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass

from vectorshelf.catalog.model import Catalog
from vectorshelf.embed.delivery import Figures, Paid
from vectorshelf.embed.embedder import (
    Dialect,
    Embedder,
    RefusedParameterError,
    Vectors,
    endpoint_of,
    open_embedder,
    query_vector,
)
from vectorshelf.embed.pace import Pace, SharedPace, Unpaced
from vectorshelf.embed.packing import RequestSize, request_size
from vectorshelf.embed.prices import cost_usd, price_of
from vectorshelf.embed.selftest import SelfTest, self_test
from vectorshelf.embed.shard import embed_shard
from vectorshelf.embed.tokens import calibrated, estimated
from vectorshelf.errors import BrakeError
from vectorshelf.pipeline.context import Run, connected
from vectorshelf.pipeline.progress import Progress
from vectorshelf.pipeline.request import RunRequest
from vectorshelf.settings import Settings
from vectorshelf.store import db, ledger, quarantine
from vectorshelf.store.limiter import Limiter
from vectorshelf.store.pacing import Limits
from vectorshelf.store.pending import Pending, pending_texts
from vectorshelf.store.vectors import save_response
from vectorshelf.store.writers import choose_method

Counts = dict[str, object]


@dataclass(frozen=True)
class Estimate:
    """What embedding will take: tokens by the calibrated ratio, dollars, requests, minutes at the configured limits."""

    tokens: int
    cost_usd: float
    requests: int
    minutes: float


def check_endpoint(catalog: Catalog, settings: Settings) -> SelfTest:
    """One tiny request. Raises ConfigurationError when the endpoint, the key or the model cannot be used."""

    async def ask() -> SelfTest:
        async with _closing(_embedder(catalog, settings)) as embedder:
            return await self_test(embedder)

    return asyncio.run(ask())


def record_check(cur: db.Cursor, run_id: str, catalog: Catalog, space: int, test: SelfTest) -> Counts:
    """Account for the tiny request (as shard -1); returns how the endpoint wants to be asked, for the shards."""
    cost = cost_usd(test.tokens, _price(catalog))
    ledger.record_request(cur, ledger.PaidRequest(run_id, catalog.name, -1, space, 0, test.tokens, 0, cost, 0.0))
    return {"dialect": asdict(test.dialect), "norm": test.norm}


def estimate(run: Run, todo: Pending) -> Estimate:
    """Tokens, dollars, requests and minutes of what is pending."""
    embedding = run.catalog.embedding
    with db.transaction(run.conn) as cur:
        ratio = calibrated(*ledger.past_usage(cur, run.space))
    tokens = estimated(todo.bytes, todo.texts, ratio) if todo.texts else 0
    size = _size(run.catalog, tokens)
    requests = max(-(-todo.texts // size.texts), -(-tokens // min(size.tokens, size.share)))
    minutes = max(tokens / embedding.tokens_per_minute, requests / embedding.requests_per_minute)
    is_local = embedding.provider == "local"
    return Estimate(tokens, cost_usd(tokens, _price(run.catalog)), requests, 0.0 if is_local else round(minutes, 2))


def check_budget(found: Estimate, request: RunRequest) -> None:
    """Raise BrakeError when the estimate is over the run's budget. Nothing has been paid by then."""
    budget = request.budget_usd
    if budget is not None and found.cost_usd > budget:
        raise BrakeError(
            f"embedding {found.tokens:,} tokens would cost about ${found.cost_usd:,.4f}, the budget is ${budget:,.4f}; "
            "nothing was paid. Raise max_cost_usd in the catalog file or for this run and start it again"
        )


def embed_pending(run: Run, shard: int, settings: Settings, progress: Progress) -> Counts:
    """Embed what the shard lacks; each response is committed as it comes. Returns the shard's counts."""
    with db.transaction(run.conn) as cur:
        prepared = ledger.stage_counts(cur, run.run_id, "prepare") or {}
        planned = ledger.stage_counts(cur, run.run_id, "plan") or {}
        past_usage = ledger.past_usage(cur, run.space)
    embedder = _embedder(run.catalog, settings, Dialect(**prepared.get("dialect", {})))
    desk = _Desk(run, shard)

    async def deliver() -> Figures:
        async with _closing(embedder):
            return await embed_shard(
                pending_texts(run.conn, run.row.run_no, shard, run.space, run.catalog.name),
                embedder,
                pace=pace,
                save=desk.save,
                on_reject=desk.reject,
                size=_size(run.catalog, int(planned.get("tokens", 0))),
                max_in_flight=run.catalog.embedding.max_in_flight,
                too_long=run.catalog.embedding.too_long,
                past_usage=past_usage,
                authorise=desk.authorise if run.request.budget_usd is not None else None,
                on_progress=lambda texts, _tokens: progress.advance("embed", texts),
            )

    with _pace(run.catalog, settings) as pace:
        done = asyncio.run(deliver())
    return {
        "texts": done.texts,
        "requests": done.requests,
        "tokens": done.tokens,
        "rejected": done.rejected,
        "truncated": done.truncated,
        "retries": done.retries,
        "refusals": done.refusals,
    }


def embed_query(catalog: Catalog, text: str, settings: Settings) -> Vectors:
    """The vector of one search text, shape (dimensions,)."""

    async def ask() -> Vectors:
        async with _closing(_embedder(catalog, settings)) as embedder:
            try:
                return await query_vector(embedder, text)
            except RefusedParameterError:  # a compatible server with a dialect of its own: find it out
                dialect = (await self_test(embedder)).dialect
        async with _closing(_embedder(catalog, settings, dialect)) as embedder:
            return await query_vector(embedder, text)

    return asyncio.run(ask())


class _Desk:
    """Where a shard's answers are committed: vectors with what they cost, refused texts with the reason."""

    def __init__(self, run: Run, shard: int) -> None:
        self._run = run
        self._shard = shard
        self._price = _price(run.catalog)

    def save(self, sha256s: Sequence[bytes], vectors: Vectors, paid: Paid) -> None:
        run = self._run
        cost = cost_usd(paid.tokens, self._price)
        request = ledger.PaidRequest(
            run.run_id,
            run.catalog.name,
            self._shard,
            run.space,
            paid.texts,
            paid.tokens,
            paid.bytes,
            cost,
            paid.seconds,
        )
        method = run.catalog.load.method
        resolved = choose_method(len(sha256s)) if method == "auto" else method
        save_response(run.conn, request, sha256s, vectors, resolved)

    def reject(self, sha256: bytes, text: str, reason: str) -> None:
        refused = quarantine.Rejected("text", sha256, None, None, reason, text)
        with db.transaction(self._run.conn) as cur:
            quarantine.add(cur, self._run.catalog.name, self._run.run_id, [refused])

    def authorise(self, tokens: int) -> None:
        """Raise BrakeError before a request that would take the run over its budget."""
        run, budget = self._run, self._run.request.budget_usd
        with db.transaction(run.conn) as cur:
            spent = ledger.paid(cur, run.row)["cost_usd"]
        cost = cost_usd(tokens, self._price)
        if budget is not None and spent + cost > budget and cost > 0:
            raise BrakeError(
                f"the next request would take this run to ${spent + cost:,.4f}, over its budget of ${budget:,.4f}; "
                "what was paid for is stored. Raise max_cost_usd and start the run again: it goes on from there"
            )


@contextmanager
def _pace(catalog: Catalog, settings: Settings) -> Iterator[Pace]:
    """The shared rate limit of the catalog's endpoint and model; none for the local model."""
    embedding = catalog.embedding
    if embedding.provider == "local":
        yield Unpaced()
        return
    with connected(settings, f"limiter {catalog.name}") as conn:
        limits = Limits(embedding.requests_per_minute, embedding.tokens_per_minute)
        pace = SharedPace(Limiter(conn, endpoint_of(embedding, settings.openai_base_url), embedding.model, limits))
        try:
            yield pace
        finally:
            pace.close()


@asynccontextmanager
async def _closing(embedder: Embedder) -> AsyncIterator[Embedder]:
    try:
        yield embedder
    finally:
        await embedder.close()


def _embedder(catalog: Catalog, settings: Settings, dialect: Dialect | None = None) -> Embedder:
    return open_embedder(
        catalog.embedding,
        api_key=settings.openai_api_key,
        base_url=settings.openai_base_url,
        dialect=dialect,
    )


def _price(catalog: Catalog) -> float:
    return price_of(catalog.embedding.model, catalog.embedding.usd_per_million_tokens)


def _size(catalog: Catalog, tokens: int) -> RequestSize:
    embedding = catalog.embedding
    if embedding.provider == "local":
        return RequestSize()
    return request_size(embedding.requests_per_minute, embedding.tokens_per_minute, tokens)
