"""A run's figures from what its stages recorded. Pure; the keys are a contract (`vectorshelf run --json`)."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from vectorshelf.store.ledger import RunRow

STAGES = ("prepare", "extract", "plan", "embed", "load", "index", "vacuum")
_DIFFERENCE = ("new", "changed", "attributes_changed", "unchanged", "deleted")
_ESTIMATE = ("tokens", "cost_usd", "requests", "minutes", "table_bytes", "index_bytes")
_NO_INDEX = {"action": "none", "reason": "not reached", "type": None, "lists": None, "probes": None, "recall": None}

StageRow = tuple[str, int, float, float, dict[str, Any]]


def of_run(
    run: RunRow, status: str, stages: list[StageRow], paid: Mapping[str, float], batched: Mapping[str, int]
) -> dict[str, Any]:
    """The report of a run: what was read, what changed, what it cost, how long each stage took.

    `seconds` of the embed stage is the sum over its shards. A planned run reports the estimate as its cost. `truncated`
    texts were too long and cut; `isolating` extra requests were sent to find those the model refuses. `history` counts
    products that differ from what was known of this date; None where no history is kept. `skipped` is why there
    was nothing to do, or None. `batch` says how much went through the Batch API, and why; None before the plan.
    """
    counts = {stage: found for stage, shard, _, _, found in stages if shard < 0}
    plan, extracted, loaded = counts.get("plan", {}), counts.get("extract", {}), counts.get("load", {})
    difference = loaded or plan
    money = _estimated(plan) if status == "planned" else paid
    return {
        "run_id": run.run_id,
        "catalog": run.catalog,
        "as_of": run.as_of.astimezone(UTC).isoformat(),
        "status": status,
        "extracted": extracted.get("extracted", 0),
        "quarantined": extracted.get("quarantined", 0) + loaded.get("refused", 0),
        **{name: difference.get(name, 0) for name in _DIFFERENCE},
        "skipped": extracted.get("skipped"),
        "superseded": bool(loaded.get("superseded", False)),
        "history": loaded.get("history"),
        "embedded": int(money["embedded"]),
        "reused": plan.get("reused", 0),
        "requests": int(money["requests"]),
        "tokens": int(money["tokens"]),
        "cost_usd": round(float(money["cost_usd"]), 8),
        "presumed_usd": round(float(money["presumed_usd"]), 8),
        "truncated": max(_too_long(run, plan), _of_shards(stages, "truncated")),
        "isolating": _of_shards(stages, "isolating"),
        "estimate": {name: plan.get(name, 0) for name in _ESTIMATE},
        "over_budget": plan.get("over_budget"),
        "batch": _batch(plan, batched, counts.get("batch", {})),
        "model_change": _model_change(plan.get("model_change"), counts.get("index", {}).get("model_change")),
        "index": {key: counts.get("index", {}).get(key, default) for key, default in _NO_INDEX.items()},
        "vacuum": counts.get("vacuum", {}).get("action", "none"),
        "seconds": _seconds(stages),
        "peak_rss_mb": round(max((peak for _, _, _, peak, _ in stages), default=0.0), 1),
        "error": None,
    }


def _model_change(planned: dict[str, Any] | None, outcome: dict[str, Any] | None) -> dict[str, Any] | None:
    """The change as planned, with whether it was `made`, and if it was not, for what `reason`."""
    if planned is None:
        return None
    return {**planned, "made": False, "reason": "not reached", **(outcome or {})}


def _batch(plan: Mapping[str, Any], made: Mapping[str, int], done: Mapping[str, Any]) -> dict[str, Any] | None:
    """Whether batches were `chosen` and why; jobs the run made, texts in them, vectors they brought; what was noted."""
    if "batch" not in plan:
        return None
    return {"chosen": plan["batch"], "reason": plan["batch_reason"], **made, "notes": list(done.get("notes", []))[1:]}


def _too_long(run: RunRow, plan: Mapping[str, Any]) -> int:
    """What the plan knew to be too long: it survives a shard that was killed, while the shard's own count does not."""
    cut = run.request["catalog"]["embedding"]["too_long"] == "truncate"
    return int(plan.get("too_long", 0)) if cut else 0


def _of_shards(stages: list[StageRow], name: str) -> int:
    return sum(int(found.get(name, 0)) for stage, _, _, _, found in stages if stage == "embed")


def _estimated(plan: Mapping[str, Any]) -> dict[str, float]:
    return {
        "embedded": 0,
        "requests": plan.get("requests", 0),
        "tokens": plan.get("tokens", 0),
        "cost_usd": plan.get("cost_usd", 0.0),
        "presumed_usd": 0.0,
    }


def _seconds(stages: list[StageRow]) -> dict[str, float]:
    """Seconds per stage, in the order of the flow; every stage is there, 0 when it did not run."""
    totals = dict.fromkeys(STAGES, 0.0)
    for stage, _, seconds, _, _ in stages:
        totals[stage] = totals.get(stage, 0.0) + seconds
    return {stage: round(seconds, 3) for stage, seconds in totals.items()}
