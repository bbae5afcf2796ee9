"""Figures of one successful run, as `pipeline.report` makes them."""

from typing import Any

SUCCESS: dict[str, Any] = {
    "run_id": "shop-20261122T020000Z-0a1b2c3d",
    "catalog": "shop",
    "as_of": "2026-11-22T02:00:00+00:00",
    "status": "success",
    "extracted": 19406,
    "quarantined": 3,
    "new": 12,
    "changed": 2,
    "attributes_changed": 30,
    "unchanged": 19362,
    "deleted": 8,
    "skipped": None,
    "superseded": False,
    "history": None,
    "embedded": 14,
    "reused": 5,
    "requests": 1,
    "tokens": 1234,
    "cost_usd": 0.00002468,
    "truncated": 0,
    "isolating": 0,
    "estimate": {
        "tokens": 1230,
        "cost_usd": 0.0000246,
        "requests": 1,
        "minutes": 0.02,
        "table_bytes": 154_000_000,
        "index_bytes": 160_000_000,
    },
    "over_budget": None,
    "batch": None,
    "model_change": None,
    "index": {
        "action": "kept",
        "reason": "it reaches its target",
        "type": "ivfflat",
        "lists": 19,
        "probes": 5,
        "recall": 0.9812,
    },
    "vacuum": "done",
    "seconds": {"extract": 2.0, "plan": 0.5, "embed": 0.7, "load": 0.26, "index": 65.0, "vacuum": 0.0},
    "peak_rss_mb": 182.4,
    "error": None,
}


def figures(**changes: object) -> dict[str, Any]:
    return {**SUCCESS, **changes}
