"""What the tasks ask of the model: the self-test, the estimate, the budget, a shard's vectors, a search's vector."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple, Protocol

from vectorshelf.catalog.model import Catalog
from vectorshelf.embed.asking import MONEY_PATIENCE, Asking
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
from vectorshelf.embed.packing import RequestSize, least_requests, request_size
from vectorshelf.embed.prices import cost_usd, price_of
from vectorshelf.embed.selftest import SelfTest, self_test
from vectorshelf.embed.shard import embed_shard
from vectorshelf.embed.tokens import calibrated, estimated
from vectorshelf.errors import BrakeError, ConfigurationError
from vectorshelf.pipeline.context import Run, connected
from vectorshelf.pipeline.money import NO_SHARD, Purse
from vectorshelf.pipeline.progress import Progress
from vectorshelf.settings import Settings
from vectorshelf.store import batches, db, ledger, quarantine
from vectorshelf.store.budget import MoneyPromisedError
from vectorshelf.store.limiter import Limiter
from vectorshelf.store.pacing import Limits
from vectorshelf.store.pending import Others, Pending, ShardTexts
from vectorshelf.store.session import notice_lost_clients
from vectorshelf.store.vectors import save_response
from vectorshelf.store.writers import choose_method

Counts = dict[str, object]


@dataclass(frozen=True)
class Estimate:
    """What embedding will take: tokens by the calibrated ratio, dollars, requests, minutes at the current limits."""

    tokens: int
    cost_usd: float
    requests: int
    minutes: float


def check_within_budget(catalog: Catalog, purse: Purse | None, settings: Settings) -> SelfTest | None:
    """Test the endpoint, unless the budget has not even that left: then nothing more will be asked of it."""
    try:
        return check_endpoint(catalog, purse, settings)
    except (BrakeError, MoneyPromisedError):
        return None


def check_endpoint(catalog: Catalog, purse: Purse | None, settings: Settings) -> SelfTest:
    """One tiny request. Raises ConfigurationError when the endpoint, the key or the model cannot be used.

    It waits its turn under the shared limit, which learns from its headers what the account really allows; so the
    schema must have been migrated by now. What it cost is for the caller to record (`record_check`).
    """

    async def ask() -> SelfTest:
        async with _closing(_embedder(catalog, settings)) as embedder:
            # A quiet night needs no money, so it does not wait for what is promised to others.
            return await self_test(Asking(embedder, pace, purse, clock=time.monotonic, money_patience=0.0))

    with _limiter(catalog, settings) as limiter, _pace(limiter) as pace:
        found = asyncio.run(ask())
    if catalog.index.metric == "ip" and not found.unit_norm:
        raise ConfigurationError(
            f"vectors of {catalog.embedding.model} have length {found.norm:.3g}, so by inner product long ones would "
            "win over similar ones: set index.metric to cosine"
        )
    return found


def record_check(cur: db.Cursor, run_id: str, catalog: Catalog, space: int, test: SelfTest) -> Counts:
    """Account for the tiny request; returns how the endpoint wants to be asked, for the shards."""
    cost = cost_usd(test.tokens, _price(catalog))
    request = ledger.PaidRequest(run_id, catalog.name, NO_SHARD, space, 0, test.tokens, 0, cost, 0.0, test.hold)
    ledger.record_request(cur, request)
    return {"dialect": asdict(test.dialect), "norm": test.norm}


def estimate(run: Run, todo: Pending, settings: Settings) -> Estimate:
    """Tokens, dollars, requests and minutes of what is pending, under the limits as they are known by now."""
    with db.transaction(run.conn) as cur:
        ratio = calibrated(*ledger.past_usage(cur, run.space))
    shards = [(texts, estimated(size, texts, ratio)) for texts, size in todo.shards]
    tokens = sum(tokens for _, tokens in shards)
    with _limiter(run.catalog, settings) as limiter:
        limits = _limits(limiter)
    size = _size(run.catalog, tokens, limits)
    requests = sum(least_requests(texts, tokens, size) for texts, tokens in shards)
    minutes = max(tokens / limits.tokens, requests / limits.requests)
    return Estimate(tokens, cost_usd(tokens, _price(run.catalog)), requests, round(minutes, 2))


def embed_pending(run: Run, shard: int, settings: Settings, progress: Progress) -> Counts:
    """Embed what the shard lacks; each response is committed as it comes. Returns the shard's counts."""
    with db.transaction(run.conn) as cur:
        prepared = ledger.stage_counts(cur, run.run_id, "prepare") or {}
        planned = ledger.stage_counts(cur, run.run_id, "plan") or {}
        past_usage = ledger.past_usage(cur, run.space)
    batches.free_abandoned(run.conn, run.names, shard, run.space)
    purse = Purse.of(run, shard)
    texts = ShardTexts(run.conn, run.row.run_no, shard, run.space, run.catalog.name)
    done = deliver(
        run.catalog,
        texts,
        _Desk(run, shard),
        settings,
        dialect=dialect_of(Account(run.conn, run.run_id, run.catalog, run.space), prepared, purse, settings),
        others=texts.others,
        tokens=int(planned.get("tokens", 0)),
        past_usage=past_usage,
        purse=purse,
        on_progress=lambda texts, tokens: progress.advance("embed", texts, tokens),
        on_wait=lambda found: progress.note(
            "embed", f"waiting for {found.who or 'another run'}, which is embedding {found.texts:,} of these texts"
        ),
    )
    batches.check_free(run.conn, run.names, shard, run.space)
    return {
        "texts": done.texts,
        "requests": done.requests,
        "tokens": done.tokens,
        "rejected": done.rejected,
        "truncated": done.truncated,
        "isolating": done.isolating,
        "retries": done.retries,
        "refusals": done.refusals,
    }


class Desk(Protocol):
    """Where answers go, and texts that the model refused: see `embed.delivery`. Called in one thread, one at a time."""

    def save(self, sha256s: Sequence[bytes], vectors: Vectors, paid: Paid) -> None:
        """Commit one response and what it cost."""

    def reject(self, sha256: bytes, text: str, reason: str) -> None:
        """The model takes this text under no circumstances."""


def deliver(  # noqa: PLR0913  # all by name: what the plan knows, who pays, who watches
    catalog: Catalog,
    pending: Iterable[tuple[bytes, str]],
    desk: Desk,
    settings: Settings,
    *,
    dialect: Dialect,
    tokens: int,
    others: Callable[[], Others] = lambda: Others(0),
    past_usage: tuple[int, int] = (0, 0),
    purse: Purse | None = None,
    money_patience: float = MONEY_PATIENCE,
    on_progress: Callable[[int, int], None] | None = None,
    on_wait: Callable[[Others], None] | None = None,
) -> Figures:
    """Ask the catalog's model for every pending (sha-256, text), under the shared limit and the purse's budget.

    `tokens` is about how many there are to be asked for in all; requests are sized by it. What has no word here is
    `embed_shard`'s.
    """
    embedder = _embedder(catalog, settings, dialect)

    async def ask() -> Figures:
        async with _closing(embedder):
            return await embed_shard(
                pending,
                embedder,
                pace=pace,
                save=desk.save,
                on_reject=desk.reject,
                others=others,
                size=_size(catalog, tokens, limits),
                max_in_flight=catalog.embedding.max_in_flight,
                too_long=catalog.embedding.too_long,
                longest=catalog.embedding.max_tokens_per_text,
                past_usage=past_usage,
                purse=purse,
                money_patience=money_patience,
                on_progress=on_progress,
                on_wait=on_wait,
            )

    with _limiter(catalog, settings) as limiter, _pace(limiter) as pace:
        limits = _limits(limiter)
        return asyncio.run(ask())


class Account(NamedTuple):
    """On whose account something is asked: the run, and the connection that its books are kept over."""

    conn: db.Connection
    run_id: str
    catalog: Catalog
    space: int


def dialect_of(account: Account, prepared: Counts, purse: Purse | None, settings: Settings) -> Dialect:
    """As the self-test found it. It was left out if there was no money, which a person may have approved since."""
    known = prepared.get("dialect")
    if isinstance(known, dict):
        return Dialect(**known)
    test = check_endpoint(account.catalog, purse, settings)
    with db.transaction(account.conn) as cur:
        record_check(cur, account.run_id, account.catalog, account.space, test)
    return test.dialect


def embed_query(catalog: Catalog, text: str, settings: Settings) -> Vectors:
    """The vector of one search text, shape (dimensions,)."""

    async def ask() -> Vectors:
        async with _closing(_embedder(catalog, settings)) as embedder:
            try:
                return await query_vector(embedder, text)
            except RefusedParameterError:  # a compatible server with a dialect of its own: find it out
                dialect = (await self_test(Asking(embedder))).dialect
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
            paid.hold,
        )
        method = run.catalog.load.method
        resolved = choose_method(len(sha256s)) if method == "auto" else method
        save_response(run.conn, request, sha256s, vectors, resolved)

    def reject(self, sha256: bytes, text: str, reason: str) -> None:
        refused = quarantine.Rejected("text", sha256, None, None, reason, text, self._run.space)
        with db.transaction(self._run.conn) as cur:
            quarantine.add(cur, self._run.catalog.name, self._run.run_id, [refused])


@contextmanager
def _pace(limiter: Limiter | None) -> Iterator[Pace]:
    if limiter is None:
        yield Unpaced()
        return
    pace = SharedPace(limiter)
    try:
        yield pace
    finally:
        pace.close()


def _limits(limiter: Limiter | None) -> Limits:
    """What a minute allows by all that is known now: the catalog's figures, or the server's where they are lower."""
    return limiter.effective() if limiter else Limits(math.inf, math.inf)


@contextmanager
def _limiter(catalog: Catalog, settings: Settings) -> Iterator[Limiter | None]:
    """The shared rate limit of the catalog's endpoint and model; none for the local model."""
    embedding = catalog.embedding
    if embedding.provider == "local":
        yield None
        return
    with connected(settings, f"limiter {catalog.name}") as conn:
        notice_lost_clients(conn)
        limits = Limits(embedding.requests_per_minute, embedding.tokens_per_minute)
        yield Limiter(conn, endpoint_of(embedding, settings.openai_base_url), embedding.model, limits)


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


def _size(catalog: Catalog, tokens: int, limits: Limits) -> RequestSize:
    embedding = catalog.embedding
    if embedding.provider == "local":
        return RequestSize()
    size = request_size(limits.requests, limits.tokens, tokens)
    return replace(size, texts=min(size.texts, embedding.max_texts_per_request))
