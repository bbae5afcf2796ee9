"""What a run may spend: its caps, the brake at plan, and the purse its shards pay from. Nothing is paid for here."""

from dataclasses import dataclass
from decimal import Decimal

from vectorshelf.catalog.model import Catalog
from vectorshelf.embed.prices import cost_usd, price_of
from vectorshelf.pipeline.context import Run
from vectorshelf.pipeline.request import RunRequest
from vectorshelf.store import budget, db, ledger
from vectorshelf.store.budget import Asked, Caps, Price

SAVING_SECONDS = 60.0
"""After the endpoint's time-out, how long an answer may take to be saved before its money counts as an orphan's."""

NO_SHARD = -1
"""In place of a shard's number: the self-test, and the queries that measure recall."""


def caps_of(request: RunRequest, approved_usd: float | None) -> Caps:
    """What a person approved for this run; without that the catalog's budgets, and the run's own if it is lower."""
    if approved_usd is not None:
        return Caps(run_usd=approved_usd)
    return Caps(request.budget_usd, request.catalog.max_cost_usd_per_month)


def price_of_catalog(catalog: Catalog) -> float:
    """Dollars per million tokens."""
    return price_of(catalog.embedding.model, catalog.embedding.usd_per_million_tokens)


def over_budget(cur: db.Cursor, run: Run, cost: float) -> str | None:
    """Why the plan's estimated `cost` is over a budget; None when it is not. Nothing has been paid by then."""
    caps = caps_of(run.request, run.row.approved_usd)
    if not caps.any:
        return None
    return budget.over(cost, budget.spending_of(cur, run.run_id, run.catalog.name), caps)


def promised(cur: db.Cursor, run: Run, cost: float) -> str | None:
    """What the plan's estimated `cost` would have to wait for; None when there is money for it now."""
    caps = caps_of(run.request, run.row.approved_usd)
    return budget.promised(cost, budget.spending_of(cur, run.run_id, run.catalog.name), caps) if caps.any else None


@dataclass(frozen=True)
class Purse:
    """Promises each request of one shard its money (`embed.delivery.Purse`)."""

    conn: db.Connection
    run_id: str
    catalog: Catalog
    shard: int
    space: int
    caps: Caps

    @classmethod
    def of(cls, run: Run, shard: int) -> "Purse | None":
        """The shard's purse; None when there is no budget to keep."""
        caps = caps_of(run.request, run.row.approved_usd)
        return cls(run.conn, run.run_id, run.catalog, shard, run.space, caps) if caps.any else None

    @classmethod
    def before(cls, conn: db.Connection, request: RunRequest, run_id: str, space: int) -> "Purse | None":
        """The purse of a run that is not open yet, for its self-test; None when there is no budget to keep."""
        with db.transaction(conn) as cur:
            approved = ledger.approved(cur, run_id)
        if not caps_of(request, approved).any:
            return None
        return cls(conn, run_id, request.catalog, NO_SHARD, space, caps_of(request, approved))

    def hold(self, texts: int, tokens: int, size: int) -> int:
        """Promise the money. Until it is known better, a token may be as short as a byte: no tokenizer goes below."""
        price = Price(self._dollars(tokens), self._dollars(max(texts, size)))
        seconds = self.catalog.embedding.timeout_seconds + SAVING_SECONDS
        name = self.catalog.name
        asked = Asked(self.run_id, name, self.shard, self.space, texts, tokens, size, price, seconds)
        return budget.hold(self.conn, asked, self.caps)

    def release(self, hold: int) -> None:
        """Nothing was charged."""
        with db.transaction(self.conn) as cur:
            budget.release(cur, hold)

    def presume(self, hold: int) -> None:
        """It may have been charged."""
        with db.transaction(self.conn) as cur:
            budget.presume(cur, hold)

    def _dollars(self, tokens: int) -> Decimal:
        return Decimal(str(cost_usd(tokens, price_of_catalog(self.catalog))))
