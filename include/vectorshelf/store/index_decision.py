"""Whether an index must be built, measured, or left alone. Pure: what is there goes in, a reason comes out."""

from dataclasses import dataclass
from typing import Literal

from vectorshelf.store.index_memory import lists_for
from vectorshelf.store.table import ServingTable

IndexType = Literal["ivfflat", "hnsw", "none"]
Verdict = Literal["build", "measure", "keep", "none"]

MEASURE_AFTER = 0.05
"""Recall is measured again once this share of the rows changed: fewer cannot move it by more than its own noise."""

REBUILD_AT_PROBES = 2.0
"""An index that needs this many times the probes it needed when new is rebuilt: it has become that much slower."""

LISTS_OFF_BY = 2.0
"""An index whose lists are this many times too many or too few for today's rows is rebuilt."""


@dataclass(frozen=True)
class IndexSpec:
    """What the catalog asks for. `lists` None: from the row count."""

    type: IndexType = "ivfflat"
    recall_target: float = 0.95
    lists: int | None = None


@dataclass(frozen=True)
class Existing:
    """The index that is there. `lists` is None for hnsw."""

    oid: int
    type: str
    operator_class: str
    lists: int | None
    valid: bool


@dataclass(frozen=True)
class Measured:
    """The last measurement of the index that is there; `changed` is the change counter's value at that time."""

    probes: int
    recall: float
    target: float
    changed: int


@dataclass(frozen=True)
class Built:
    """How the index that is there was built: the change counter before, the probes it needed afterwards."""

    changed: int
    probes: int | None


@dataclass(frozen=True)
class State:
    """Everything a decision rests on. `changed` is a counter that only grows: differences of it count changed rows."""

    rows: int
    changed: int
    existing: Existing | None = None
    built: Built | None = None
    measured: Measured | None = None

    @property
    def changed_since_build(self) -> int | None:
        """Rows changed since the build began; None when nobody knows."""
        return self.changed - self.built.changed if self.built else None


@dataclass(frozen=True)
class Decision:
    """What to do, and the reason that the run's report gives."""

    verdict: Verdict
    reason: str


def decide(
    spec: IndexSpec, table: ServingTable, state: State, *, rebuild: bool = False, measure: bool = False
) -> Decision:
    """What to do with the index, in the order of what cannot wait. `rebuild` and `measure` are a person's wish."""
    if state.rows == 0:
        return Decision("none", "the table is empty, and an index takes its centres from the rows that are there")
    if spec.type == "none":
        return Decision("none", "index.type is none: every search reads the whole table and is exact")
    reason = _why_build(spec, table, state, rebuild=rebuild)
    if reason:
        return Decision("build", reason)
    reason = _why_measure(spec, state, measure=measure)
    if reason:
        return Decision("measure", reason)
    return Decision("keep", _why_keep(state))


def postponed(decision: Decision, state: State) -> Decision:
    """What of it cannot wait while other runs are to come: a build, and the first measurement of an index."""
    if decision.verdict != "measure" or state.measured is None:
        return decision
    return Decision("keep", f"{decision.reason}; the last run of the backfill measures it")


def decide_after_measuring(state: State, probes: int) -> Decision:
    """Keep an index that reaches the target with `probes`, unless it has become much slower than when it was new."""
    changed = state.changed_since_build
    if state.built is None or state.built.probes is None or changed is None:
        return Decision("keep", f"measured: {probes} probes reach the target")
    before = state.built.probes
    if changed >= MEASURE_AFTER * state.rows and probes > REBUILD_AT_PROBES * before:
        return Decision(
            "build", f"after {_rows(changed)} changed the target takes {probes} probes, {before} when the index was new"
        )
    return Decision("keep", f"after {_rows(changed)} changed, {probes} probes reach the target ({before} when new)")


def _why_build(spec: IndexSpec, table: ServingTable, state: State, *, rebuild: bool) -> str | None:
    existing = state.existing
    if existing is None:
        return "there is no index yet"
    if not existing.valid:
        return "the index is invalid: an earlier build was interrupted"
    if existing.type != spec.type:
        return f"index.type changed from {existing.type} to {spec.type}"
    if rebuild:
        return "a rebuild was asked for"
    return (
        _why_other_numbers(table, existing) or _why_other_lists(spec, existing, state.rows) or _why_all_changed(state)
    )


def _why_other_numbers(table: ServingTable, existing: Existing) -> str | None:
    if existing.operator_class == table.operator_class:
        return None
    storage = existing.operator_class.partition("_")[0]
    if storage != table.storage:
        return f"index.storage changed from {storage} to {table.storage}"
    return f"index.metric changed to {table.metric}"


def _why_other_lists(spec: IndexSpec, existing: Existing, rows: int) -> str | None:
    if existing.lists is None:
        return None
    if spec.lists is not None:
        wrong = spec.lists != existing.lists
        return f"index.lists changed from {existing.lists} to {spec.lists}" if wrong else None
    wanted = lists_for(rows)
    factor = max(wanted / existing.lists, existing.lists / wanted)
    return f"{_rows(rows)} want {wanted} lists, the index has {existing.lists}" if factor >= LISTS_OFF_BY else None


def _why_all_changed(state: State) -> str | None:
    changed = state.changed_since_build
    if changed is None or changed < state.rows:
        return None
    return f"{_rows(changed)} changed since the build, as many as the table has"


def _why_measure(spec: IndexSpec, state: State, *, measure: bool) -> str | None:
    last = state.measured
    if last is None:
        return "the recall of this index was never measured"
    if last.target != spec.recall_target:
        return f"index.recall_target changed from {last.target:g} to {spec.recall_target:g}"
    if measure:
        return "a measurement was asked for"
    changed = state.changed - last.changed
    if changed < 0:
        return "the count of changed rows started anew"
    if changed >= MEASURE_AFTER * state.rows:
        return f"{_rows(changed)} changed since recall was measured"
    return None


def _why_keep(state: State) -> str:
    changed = state.changed_since_build
    if not changed:
        return "no vector changed since the build"
    return f"{_rows(changed)} of {state.rows:,} changed since the build, too few to move recall"


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
