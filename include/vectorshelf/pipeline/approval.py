"""Asking a person: what a run over its budget would cost, and the cap that somebody gives it. Never pays anything."""

import math
from dataclasses import dataclass
from decimal import Decimal

from vectorshelf.errors import BrakeError
from vectorshelf.pipeline.context import Run, opened
from vectorshelf.settings import Settings
from vectorshelf.store import budget, db, ledger

_MARGIN = Decimal("1.1")  # the estimate's own uncertainty


@dataclass(frozen=True)
class Question:
    """What to ask. `need_usd` is what the run will have cost in all; `suggested_usd` a cap with some room."""

    subject: str
    body: str
    need_usd: float
    suggested_usd: float


def question(run_id: str, settings: Settings) -> Question | None:
    """The question that the run's plan raises; None when its catalog asks nobody, or the plan is within its budgets."""
    with opened(run_id, "approve", settings) as run, db.transaction(run.conn) as cur:
        plan = ledger.stage_counts(cur, run_id, "plan") or {}
        excess = plan.get("over_budget")
        if not excess or run.request.dry_run or run.catalog.over_budget != "ask":
            return None
        need = _need(cur, run, plan)
    suggested = math.ceil(need * _MARGIN * 10_000) / 10_000
    return Question(
        subject=f"{run.catalog.name}: may this run cost up to ${suggested:,.4f}?",
        body=_BODY.format(catalog=run.catalog.name, as_of=run.request.as_of, excess=excess, **plan),
        need_usd=float(need),
        suggested_usd=suggested,
    )


def approve(run_id: str, max_cost_usd: float, by: str, settings: Settings) -> None:
    """Give the run a cap of its own in place of its budgets, for all its tries together.

    Raises BrakeError when that is less than the run needs: it would pay up to it and stop half-way.
    """
    with opened(run_id, "approve", settings) as run, db.transaction(run.conn) as cur:
        plan = ledger.stage_counts(cur, run_id, "plan") or {}
        need = _need(cur, run, plan)
        if Decimal(str(max_cost_usd)) < need:
            raise BrakeError(
                f"{by} approved ${max_cost_usd:,.4f}, and the run needs about ${need:,.4f} in all; nothing was paid. "
                "Clear this task and approve more"
            )
        ledger.approve(cur, run_id, max_cost_usd, by)


def _need(cur: db.Cursor, run: Run, plan: dict[str, float]) -> Decimal:
    spent = budget.spending_of(cur, run.run_id, run.catalog.name).run_spent
    return spent + Decimal(str(plan.get("cost_usd", 0)))


_BODY = """\
Embedding catalog **{catalog}** as of {as_of:%Y-%m-%d %H:%M} {excess}.

| | |
|---|---|
| texts to embed | {pending:,} |
| tokens, about | {tokens:,} |
| requests, about | {requests:,} |
| dollars, about | {cost_usd:,.4f} |
| minutes at the current limits, about | {minutes:,.1f} |
| products: new, with another text | {new:,}, {changed:,} |

Nothing of it has been paid. *Approve* lets this run, all its tries together, cost up to the cap below, whatever the
catalog file says; other runs keep to their budgets. *Reject* fails the run; the table stays as it is.
"""
