"""The vector index of a serving table: built after the rows are in, measured, kept as long as it is good.

A new index is built beside the old one and takes its name in one short transaction; the old one serves until then.
From the moment the new one is valid Postgres may use either, so before the build the search function gets probes that
serve both well (`interim_knobs`), and the measured ones once the old index is gone. Killed anywhere, the table has a
valid index with probes that are enough or more, and the next run clears away and finishes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from psycopg2 import sql

from vectorshelf.store import index_room
from vectorshelf.store.db import Connection, autocommit, transaction
from vectorshelf.store.index_build import build_index, drop_index, drop_leftovers, sole_builder
from vectorshelf.store.index_decision import Decision, IndexSpec, State, decide, decide_after_measuring, postponed
from vectorshelf.store.index_knobs import SETTINGS, interim_knobs, knob_for
from vectorshelf.store.index_log import Action, IndexOutcome, Visit, complete_line, write_line
from vectorshelf.store.index_memory import lists_for
from vectorshelf.store.index_names import IndexNames
from vectorshelf.store.index_state import read_indexes, read_state
from vectorshelf.store.recall import DEFAULT_BOUNDS, Bounds, Measurement, measure
from vectorshelf.store.search_function import create_search_function, read_knobs, set_knobs
from vectorshelf.store.session import PATIENT, notice_lost_clients, session_settings
from vectorshelf.store.table import ServingTable
from vectorshelf.store.watched import BuildProgress, Watch

__all__ = [
    "Bounds",
    "BuildProgress",
    "IndexOutcome",
    "IndexSpec",
    "Sampling",
    "Watch",
    "ensure_index",
]

_SWAP_PATIENCE = "60s"


@dataclass(frozen=True)
class Sampling:
    """How recall is measured: with which queries, whether anyway or `later` (other runs are to come), at what cost.

    `queries` is called only when there is something to measure, and gives vectors of texts as people search, shape
    (n, dimensions). Without it, or when it returns None, a sample of the table stands in for them (see `query_sample`).
    """

    queries: Callable[[], NDArray[np.float32] | None] | None = None
    again: bool = False
    bounds: Bounds = DEFAULT_BOUNDS
    later: bool = False


_PLAIN_SAMPLING = Sampling()
_NOBODY = Watch()


def ensure_index(
    conn: Connection,
    table: ServingTable,
    spec: IndexSpec,
    *,
    run_id: str,
    catalog: str,
    rebuild: bool = False,
    sampling: Sampling = _PLAIN_SAMPLING,
    watch: Watch = _NOBODY,
) -> IndexOutcome:
    """Leave the table with the index the catalog asks for, at its recall target, doing no more than is needed.

    `conn` must not be inside a transaction. One line goes to vectorshelf.index_log. Raises ConfigurationError when the
    server cannot give the build its memory, TransientError when a build was cut short; the old index serves on then.
    """
    keeper = _Keeper(conn, table, spec, Visit(run_id, catalog, spec.recall_target), sampling, watch, watch.clock())
    with session_settings(conn, PATIENT), sole_builder(conn, table, watch.log):
        return keeper.keep(rebuild=rebuild)


@dataclass(frozen=True)
class _Keeper:
    """One visit to one table's index, holding the build lock."""

    conn: Connection
    table: ServingTable
    spec: IndexSpec
    visit: Visit
    sampling: Sampling
    watch: Watch
    started: float

    def keep(self, *, rebuild: bool) -> IndexOutcome:
        """Clear away, decide, act, log."""
        drop_leftovers(self.conn, self.table, self.watch.log)
        state = read_state(self.conn, self.table, self.visit.catalog)
        decision = decide(self.spec, self.table, state, rebuild=rebuild, measure=self.sampling.again)
        if self.sampling.later:
            decision = postponed(decision, state)
        self.watch.log(f"index of {self.table.label}: {decision.verdict}, because {decision.reason}")
        if state.existing is None or decision.verdict != "build":
            self._refresh_function()
        if state.rows:
            self._ensure_category_index()
        if decision.verdict == "measure":
            return self._measure_and_keep(state, decision)
        if decision.verdict == "build":
            return self._build(state, decision)
        return self._leave(state, decision)

    def _refresh_function(self) -> None:
        """Not before a rebuild: a new metric's function could not use the old index. The swap brings it."""
        with transaction(self.conn) as cur:
            create_search_function(cur, self.table)

    def _leave(self, state: State, decision: Decision) -> IndexOutcome:
        """Nothing to build or measure. An index the catalog no longer wants is dropped."""
        if self.spec.type == "none" and state.existing is not None:
            drop_index(self.conn, self._names, self._names.vector)
        if decision.verdict == "none":
            exact = 1.0 if state.rows and self.spec.type == "none" else None
            return self._logged(IndexOutcome("none", decision.reason, self.spec.type, recall=exact), state)
        if state.measured:
            self._store(state.measured.probes)  # a build that was killed may have left its interim ones
        return self._logged(self._kept(state, decision.reason), state)

    def _measure_and_keep(self, state: State, decision: Decision) -> IndexOutcome:
        lists = state.existing.lists if state.existing else None
        found = self._measure(lists, state.measured.probes if state.measured else None)
        verdict = decide_after_measuring(state, found.chosen.probes)
        if verdict.verdict == "build":
            return self._build(state, verdict)
        self._store(found.chosen.probes)
        reason = self._with_shortfall(f"{decision.reason}; {verdict.reason}", found)
        outcome = replace(self._kept(state, reason), probes=found.chosen.probes, recall=found.chosen.recall)
        return self._logged(outcome, state, found)

    def _build(self, state: State, decision: Decision) -> IndexOutcome:
        lists = (self.spec.lists or lists_for(state.rows)) if self.spec.type == "ivfflat" else None
        action: Action = "built" if state.existing is None else "rebuilt"
        settings = self._room(lists, state.rows)
        interim = self._set_interim(state, lists)
        notice_lost_clients(self.conn)
        began = self.watch.clock()
        with session_settings(self.conn, settings):
            build_index(self.conn, self.table, self._names.building, self._method(lists), self.watch)
        took = self.watch.clock() - began
        self.watch.log(f"built the index of {self.table.label} in {took:.1f} s")
        outcome = IndexOutcome(action, decision.reason, self.spec.type, lists, interim[self._setting])
        line = self._swap(state, outcome, interim)
        if state.existing is not None:
            drop_index(self.conn, self._names, self._names.retired)
        bounds = self.sampling.bounds.after_build(took)
        return self._finish(outcome, line, self._measure(lists, None, bounds))

    def _room(self, lists: int | None, rows: int) -> dict[str, str]:
        with autocommit(self.conn) as cur:
            server = index_room.read_server(cur)
        if lists is None:
            return index_room.settings_for_hnsw(self.table, rows, server)
        return index_room.settings_for_ivfflat(self.table, lists, server)

    def _set_interim(self, state: State, lists: int | None) -> dict[str, int]:
        with transaction(self.conn) as cur:
            interim = interim_knobs(
                self.spec.type, lists, state.existing, read_knobs(cur, self.table).get(self._setting)
            )
            set_knobs(cur, self.table, interim)
        return interim

    def _method(self, lists: int | None) -> sql.Composed:
        parts = {"cast": self.table.cast, "operator_class": sql.Identifier(self.table.operator_class)}
        if lists is None:
            return sql.SQL("hnsw ((embedding{cast}) {operator_class})").format(**parts)
        statement = sql.SQL("ivfflat ((embedding{cast}) {operator_class}) WITH (lists = {lists})")
        return statement.format(**parts, lists=sql.Literal(lists))

    def _swap(self, state: State, outcome: IndexOutcome, interim: dict[str, int]) -> int:
        """The new index takes the name; function and log follow, all at once. Renaming an index blocks no reader."""
        names = self._names
        rename = sql.SQL("ALTER INDEX {} RENAME TO {}")
        with transaction(self.conn) as cur:
            cur.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_SWAP_PATIENCE)))
            if state.existing is not None:
                cur.execute(rename.format(names.identifier(names.vector), sql.Identifier(names.retired)))
            cur.execute(rename.format(names.identifier(names.building), sql.Identifier(names.vector)))
            create_search_function(cur, self.table, interim)
            index = read_indexes(cur, self.table).ours[names.vector].oid
            return write_line(cur, self.visit, outcome, state, index)

    def _finish(self, outcome: IndexOutcome, line: int, found: Measurement) -> IndexOutcome:
        self._store(found.chosen.probes)
        done = replace(
            outcome,
            reason=self._with_shortfall(outcome.reason, found),
            probes=found.chosen.probes,
            recall=found.chosen.recall,
            seconds=self.watch.clock() - self.started,
        )
        with transaction(self.conn) as cur:
            complete_line(cur, line, done, found)
        return done

    def _measure(self, lists: int | None, start: int | None, bounds: Bounds | None = None) -> Measurement:
        knob = knob_for(self.spec.type, lists, start)
        # With one list there is nothing to choose, and nothing to ask a model for: every search reads all of it.
        given = self.sampling.queries() if self.sampling.queries and knob.limit > 1 else None
        target, clock = self.spec.recall_target, self.watch.clock
        began = clock()
        bounds = bounds or self.sampling.bounds
        found = measure(self.conn, self.table, knob, target, given=given, bounds=bounds, clock=clock)
        self.watch.log(
            f"recall@10 of {self.table.label} over {found.queries} queries: {found.chosen.recall:.3f} "
            f"at {knob.setting} = {found.chosen.probes}, {found.chosen.milliseconds:.1f} ms a search; "
            f"measured in {clock() - began:.1f} s"
        )
        return found

    def _store(self, probes: int) -> None:
        with transaction(self.conn) as cur:
            if read_knobs(cur, self.table).get(self._setting) != probes:
                set_knobs(cur, self.table, {self._setting: probes})

    def _with_shortfall(self, reason: str, found: Measurement) -> str:
        if found.reached:
            return reason
        return (
            f"{reason}; recall is {found.chosen.recall:.3f} of {self.spec.recall_target:g} at the largest "
            f"{self._setting}, {found.chosen.probes}: lower index.recall_target or set index.type to ivfflat"
        )

    def _ensure_category_index(self) -> None:
        """A plain index on category answers rare categories, where the vector index would be walked in vain."""
        with autocommit(self.conn) as cur:
            found = read_indexes(cur, self.table)
        if found.foreign:
            foreign = ", ".join(found.foreign)
            self.watch.log(f"searches of {self.table.label} may use vector indexes that are not ours: drop {foreign}")
        if not found.has_category:
            build_index(self.conn, self.table, self._names.category, sql.SQL("btree (category)"), self.watch)

    def _kept(self, state: State, reason: str) -> IndexOutcome:
        lists = state.existing.lists if state.existing else None
        last = state.measured
        probes, recall = (last.probes, last.recall) if last else (None, None)
        return IndexOutcome("kept", reason, self.spec.type, lists, probes, recall)

    def _logged(self, outcome: IndexOutcome, state: State, found: Measurement | None = None) -> IndexOutcome:
        done = replace(outcome, seconds=self.watch.clock() - self.started)
        with transaction(self.conn) as cur:
            write_line(cur, self.visit, done, state, state.existing.oid if state.existing else None, found)
        return done

    @property
    def _names(self) -> IndexNames:
        return IndexNames.of(self.table)

    @property
    def _setting(self) -> str:
        return SETTINGS[self.spec.type]
