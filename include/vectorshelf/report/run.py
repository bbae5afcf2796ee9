"""One run as labelled lines: the plain report of a task's log, and what the terminal's summary is made of."""

import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from vectorshelf.report.phrases import count, counted, duration, fraction, moment, money, rate, size

Figures = Mapping[str, Any]

STAGES = ("extract", "plan", "embed", "load", "index", "vacuum")
_INTEGERS = (
    "extracted", "quarantined", "new", "changed", "attributes_changed", "unchanged", "deleted",
    "embedded", "reused", "requests", "tokens",
)  # fmt: skip
_SAMPLE_SEARCHES = {"electronics": "portable coding machine"}  # the catalog that ships with the project


class Line(NamedTuple):
    """A label and what there is to say about it."""

    label: str
    text: str


class Stage(NamedTuple):
    """One stage's time, its share of the run's, and how fast it went."""

    name: str
    seconds: float
    share: float
    rate: str


def headline(figures: Figures) -> str:
    """`electronics, 2026-11-22 02:00 UTC: success in 3.4 s`."""
    took = duration(sum(figures["seconds"].values()))
    dated = f", {moment(figures['as_of'])}" if figures["as_of"] else ""
    return f"{figures['catalog']}{dated}: {_STATUS.get(figures['status'], figures['status'])} in {took}"


def lines(figures: Figures, recall_target: float | None = None) -> list[Line]:
    """What was read, what changed, what it cost, how good search is."""
    found = [Line("products", _products(figures)), Line("vectors", _vectors(figures))]
    if figures["status"] == "planned":
        found.append(Line("expected", _expected(figures["estimate"])))
        if figures["over_budget"]:
            found.append(Line("budget", f"it {figures['over_budget']}"))
    if (figures.get("batch") or {}).get("chosen") and (figures["status"] == "planned" or figures["batch"]["jobs"]):
        found.append(Line("batches", _batches(figures["batch"], figures["status"])))
    if figures.get("model_change"):
        found.append(Line("model", _model_change(figures["model_change"], figures)))
    if figures["truncated"]:
        found.append(Line("texts", f"{count(figures['truncated'])} too long for the model and cut at a word's end"))
    if figures.get("skipped"):
        found.append(Line("skipped", f"{figures['skipped']}; nothing was changed"))
    if figures.get("superseded"):
        found.append(Line("table", "left as it is: a newer snapshot is loaded already"))
    if figures.get("history") is not None:
        found.append(Line("history", _history(figures["history"])))
    if figures["status"] == "success" and not figures.get("skipped"):
        found.append(Line("index", _index(figures["index"], recall_target)))
    if figures["peak_rss_mb"]:
        found.append(Line("memory", f"{count(figures['peak_rss_mb'])} MB at most"))
    if figures.get("error"):
        found.append(Line("error", str(figures["error"])))
    return found


def stages(figures: Figures) -> list[Stage]:
    """Every stage that took time, in the order of the flow."""
    seconds: dict[str, float] = figures["seconds"]
    total = sum(seconds.values())
    written = sum(figures[key] for key in ("new", "changed", "attributes_changed", "deleted"))
    amounts = {
        "extract": (figures["extracted"], "rows"),
        "plan": (figures["extracted"], "rows"),
        "embed": (figures["embedded"], "texts"),
        "load": (written, "rows"),
    }
    return [
        Stage(name, seconds[name], seconds[name] / total, rate(*amounts.get(name, (0, "")), seconds[name]))
        for name in sorted(seconds, key=_position)
        if seconds[name] > 0
    ]


def next_steps(figures: Figures, recall_target: float | None = None) -> list[str]:
    """What a person may want to do now, most useful first."""
    name, status = figures["catalog"], figures["status"]
    steps = []
    if figures["quarantined"]:
        steps.append(f"vectorshelf quarantine list {name}    # what could not be used, and why")
    if status == "planned":
        steps.append("nothing was changed or paid for: the same command without --dry-run does it")
    if status == "failed" and figures["embedded"]:
        steps.append(
            f"run it again: the {counted(figures['embedded'], 'text')} embedded so far are stored and not paid again"
        )
    if status == "success" and (figures.get("model_change") or {}).get("made"):
        steps.append(f"vectorshelf rollback {name}    # the old model again; with --forget, drop its table")
    if status == "success":
        words = _SAMPLE_SEARCHES.get(name, "what you look for")
        steps.append(f"vectorshelf search {name} {shlex.quote(words)}")
        if _falls_short(figures["index"]["recall"], recall_target):
            steps.append("recall is below its target: index.type hnsw finds more, or vectorshelf run … --rebuild-index")
    return steps


def plain(figures: Figures, recall_target: float | None = None) -> str:
    """The whole report without colours or a terminal's width: for logs, files and pipes."""
    took = ", ".join(f"{s.name} {duration(s.seconds)}{f' ({s.rate})' if s.rate else ''}" for s in stages(figures))
    rows = lines(figures, recall_target)
    if took:
        rows.insert(-1 if figures.get("error") else len(rows), Line("stages", took))
    rows += [
        Line("next" if number == 0 else "", step) for number, step in enumerate(next_steps(figures, recall_target))
    ]
    return "\n".join([headline(figures), *(f"  {label:<10}{text}" for label, text in rows)])


def failed_figures(catalog: str, as_of: str | None, error: str) -> dict[str, Any]:
    """The object of a run that ended before the ledger knew of it: every key is there, nothing was done."""
    return {
        "run_id": None,
        "catalog": catalog,
        "as_of": as_of,
        "status": "failed",
        **dict.fromkeys(_INTEGERS, 0),
        "skipped": None,
        "superseded": False,
        "history": None,
        "cost_usd": 0.0,
        "truncated": 0,
        "isolating": 0,
        "estimate": {"tokens": 0, "cost_usd": 0.0, "requests": 0, "minutes": 0.0, "table_bytes": 0, "index_bytes": 0},
        "over_budget": None,
        "batch": None,
        "model_change": None,
        "index": dict.fromkeys(("type", "lists", "probes", "recall")) | {"action": "none", "reason": "not reached"},
        "vacuum": "none",
        "seconds": dict.fromkeys(STAGES, 0.0),
        "peak_rss_mb": 0.0,
        "error": error,
    }


_STATUS = {"success": "done", "planned": "planned"}


def _products(figures: Figures) -> str:
    read = f"{count(figures['extracted'])} read"
    aside = f", {count(figures['quarantined'])} to quarantine" if figures["quarantined"] else ""
    words = {
        "new": "new",
        "changed": "changed",
        "attributes_changed": "with other attributes",
        "deleted": "deleted",
        "unchanged": "unchanged",
    }
    changes = ", ".join(f"{count(figures[key])} {word}" for key, word in words.items() if figures[key])
    return f"{read}{aside}: {changes}" if changes else read + aside


def _history(products: int) -> str:
    differing = f"{counted(products, 'product')} {'differs' if products == 1 else 'differ'}"
    return f"this date can be searched; {differing} from what was known of it"


def _vectors(figures: Figures) -> str:
    if figures["status"] == "planned":
        todo = f"about {counted(figures['requests'], 'request')} with {counted(figures['tokens'], 'token')}"
        return f"{todo} for {money(figures['cost_usd'])}; {count(figures['reused'])} already in the store"
    found = f"{count(figures['reused'])} found in the store" if figures["reused"] else ""
    if not figures["requests"]:
        return f"nothing to embed; {found}" if found else "nothing to embed"
    asked = f"{count(figures['embedded'])} embedded in {counted(figures['requests'], 'request')}"
    spent = f"{counted(figures['tokens'], 'token')}, {money(figures['cost_usd'])}"
    extra = f"{counted(figures['isolating'], 'extra request')} to find refused texts" if figures["isolating"] else ""
    return "; ".join(filter(None, [f"{asked}, {spent}", extra, found]))


def _batches(batch: Mapping[str, Any], status: str) -> str:
    if status == "planned":
        return f"through the Batch API: {batch['reason']}"
    made = f"{counted(batch['jobs'], 'job')} with {counted(batch['texts'], 'text')}"
    return f"{made}, which brought {counted(batch['stored'], 'vector')} at half price"


def _expected(estimate: Mapping[str, Any]) -> str:
    took = f"{duration(60 * estimate['minutes'])} of embedding at the current limits, " if estimate["minutes"] else ""
    return f"{took}{size(estimate['table_bytes'])} of table, {size(estimate['index_bytes'])} of index"


def _model_change(change: Mapping[str, Any], figures: Figures) -> str:
    old, new = (
        f"{space['model'] or 'none'} ({count(space['dimensions'])})" for space in (change["from"], change["to"])
    )
    if change["made"]:
        return f"changed from {old} to {new}; the old table stays as {change['keeps']}"
    planned, estimate = f"to change from {old} to {new}", figures["estimate"]
    if figures["status"] != "planned":
        return f"{planned}, and readers still have the old one: {change['reason']}"
    bytes_ = size(estimate["table_bytes"] + estimate["index_bytes"])
    return (
        f"{planned}: {change['fills']}, {bytes_} with its index, is filled while {change['table']} serves, then takes "
        f"its place; the old table stays as {change['keeps']}"
    )


def _index(index: Mapping[str, Any], target: float | None) -> str:
    facts = [index["type"] or "none"]
    facts += [counted(index[key], key[:-1]) for key in ("lists", "probes") if index[key] is not None]
    if index["recall"] is not None:
        relation = (
            "" if target is None else f" ({'below' if _falls_short(index['recall'], target) else 'target'} {target:g})"
        )
        facts.append(f"recall {fraction(index['recall'])}{relation}")
    return f"{', '.join(facts)}; {index['action']}: {index['reason']}"


def _falls_short(recall: float | None, target: float | None) -> bool:
    return recall is not None and target is not None and recall < target


def _position(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else -1
