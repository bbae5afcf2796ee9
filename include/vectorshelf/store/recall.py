"""Measure recall@10 and latency of the index that serves, and find the smallest probes that reach the target.

Queries are vectors the caller gives (texts as people type them: the honest measure), or else a sample of the table,
whose kinds and their worth `query_sample` explains. A row finds itself and its exact copies for nothing, so where rows
are the queries those are left out of both answers, the true one and the index's.

What a measurement costs is bounded by `Bounds`, and kept small in three ways. True answers come from one sequential
scan for all queries (nothing in it is sorted by distance, so no index can serve it): the index's tenth distance is a
radius that holds all ten true neighbours; on 50,000 x 1,536 vectors 100 queries take 1.3 s so, and 15 s one by one. A
few queries climb the ladder, all of them are asked only about where those arrived. And since more probes hardly ever
find less, a query that found everything is not asked again with more, nor one between two settings at which it found
the same.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean, median, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg2 import sql

from vectorshelf.store.db import Connection, Cursor, query, transaction
from vectorshelf.store.ladder import smallest_passing
from vectorshelf.store.query_sample import Sample, sample_vectors
from vectorshelf.store.table import OPERATORS, ServingTable
from vectorshelf.store.writers import as_text

NEIGHBOURS = 10
"""Recall is measured at ten results."""

_Z95 = 1.645  # one-sided 95%
_SECONDS_TO_MEASURE_IN = 20.0
_FEW = 40  # queries that climb the ladder
_TIMED = 10  # searches at each setting whose time is taken, though their answer may be known


@dataclass(frozen=True)
class Bounds:
    """About the most a measurement may cost: `queries`, and `least` of them for what is not done after `seconds`.

    By then a setting that reaches the target is good enough: whether a smaller one does, too, is no longer looked for.

    Two thirds are for the true answers: where they would take longer, fewer are asked for, never under `least`.
    Fewer queries leave more room for chance, and so choose more probes, not too few: 59 in place of 200 chose 22 where
    12 are enough. A hundred compare every row with a hundred vectors; building 100 lists did that, too.
    """

    queries: int = 200
    least: int = 100
    seconds: float = 60.0

    def after_build(self, seconds: float) -> "Bounds":
        """About as long as the build took, but not so short that more than the least would hardly ever fit."""
        return replace(self, seconds=min(self.seconds, max(_SECONDS_TO_MEASURE_IN, seconds)))


DEFAULT_BOUNDS = Bounds()


@dataclass(frozen=True)
class Point:
    """Recall at one setting: the mean, its one-sided 95% lower bound, and the median milliseconds of a search."""

    probes: int
    recall: float
    floor: float
    milliseconds: float


@dataclass(frozen=True)
class Measurement:
    """What was measured. `reached` False: not even the largest setting's lower bound is at the target."""

    chosen: Point
    points: tuple[Point, ...]
    queries: int
    source: str  # "given", or the kind of sample
    reached: bool

    def as_json(self) -> dict[str, Any]:
        """The curve as the index log keeps it."""
        return {"queries": self.queries, "source": self.source, "points": [asdict(point) for point in self.points]}


@dataclass(frozen=True)
class Knob:
    """The setting that trades speed for recall: its name, where to begin, its largest useful value, a fair sample."""

    setting: str
    start: int
    limit: int
    sample: Sample = "rows"


def measure(
    conn: Connection,
    table: ServingTable,
    knob: Knob,
    target: float,
    *,
    given: NDArray[np.float32] | None = None,
    bounds: Bounds = DEFAULT_BOUNDS,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Measurement:
    """Find the smallest setting whose recall is at `target` with 95% confidence, in one read-only snapshot.

    The lower bound decides, not the mean: at the smallest setting whose *mean* is at the target, every second fresh
    set of queries would fall below it.
    """
    with transaction(conn) as cur:
        cur.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        bench = _Bench(cur, table, knob, clock)
        source = knob.sample if given is None else "given"
        sampled = sample_vectors(cur, table, knob.sample, bounds.queries, seed) if given is None else []
        texts = sampled if given is None else [as_text(one) for one in given]
        bench.take(texts, bounds, leave_out_copies=source == "rows")
        return _smallest(bench, target, source)


def _smallest(bench: "_Bench", target: float, source: str) -> Measurement:
    """A few queries say about where, all of them which. The few go by their mean: it need only be about right."""
    knob = bench.knob
    about = smallest_passing(
        lambda probes: bench.point(probes, _FEW).recall >= target, knob.start, knob.limit, enough=bench.late
    )
    points: dict[int, Point] = {}

    def passes(probes: int) -> bool:
        points[probes] = bench.point(probes)
        return points[probes].floor >= target

    found = smallest_passing(passes, about or knob.limit, knob.limit, near=True, enough=bench.late)
    chosen = points[knob.limit if found is None else found]
    curve = tuple(points[probes] for probes in sorted(points))
    return Measurement(chosen, curve, len(bench.queries), source, found is not None)


def point_of(probes: int, shares: Sequence[float], seconds: Sequence[float]) -> Point:
    """Sum up one setting: `shares` are the queries' recalls, `seconds` what their searches took."""
    mean = fmean(shares) if shares else 1.0  # a table with nothing to find hides nothing
    error = stdev(shares) / math.sqrt(len(shares)) if len(shares) > 1 else 0.0
    return Point(probes, mean, mean - _Z95 * error, 1000 * median(seconds) if seconds else 0.0)


def affordable(bounds: Bounds, tried: int, seconds: float) -> int:
    """How many queries fit in two thirds of the time, when `tried` of them took `seconds`. The rest is the ladder's."""
    if seconds <= 0:
        return bounds.queries
    return max(bounds.least, min(bounds.queries, int(tried * bounds.seconds * 2 / 3 / seconds)))


@dataclass
class _Query:
    """One query, its true neighbours' distances, and the share of them found with each setting it was asked with."""

    text: str
    truth: list[float]
    shares: dict[int, float] = field(default_factory=dict)

    def found(self, probes: int, distances: Sequence[float]) -> None:
        """Remember what a search with this setting found."""
        within = sum(distance <= self.truth[-1] for distance in distances) if self.truth else 0
        self.shares[probes] = within / len(self.truth) if self.truth else 1.0

    def known(self, probes: int) -> float | None:
        """The share at this setting as far as others tell: more never finds less."""
        below = max((share for tried, share in self.shares.items() if tried <= probes), default=0.0)
        above = min((share for tried, share in self.shares.items() if tried >= probes), default=1.0)
        return above if below >= above else None


@dataclass
class _Bench:
    """The queries of one measurement, and the statement that every search runs."""

    cur: Cursor
    table: ServingTable
    knob: Knob
    clock: Callable[[], float]
    queries: list[_Query] = field(default_factory=list)
    leave_out_copies: bool = True
    least: int = 0
    deadline: float = math.inf

    def take(self, texts: list[str], bounds: Bounds, *, leave_out_copies: bool) -> None:
        """Answer `texts` exactly, a few first: what those take says how many more fit."""
        self.leave_out_copies = leave_out_copies
        self.cur.execute(query("recall_settings"))
        start = self.clock()
        self.least, self.deadline = bounds.least, start + bounds.seconds
        first = texts[: bounds.least]
        self._answer(first)
        allowed = affordable(bounds, len(first), self.clock() - start)
        self._answer(texts[len(first) : allowed])

    def late(self) -> bool:
        """Whether the time is up."""
        return self.clock() >= self.deadline

    def point(self, probes: int, asked: int | None = None) -> Point:
        """Recall with this setting over the first `asked` queries; over the least of them once the time is up."""
        asked = asked or (self.least if self.late() else len(self.queries))
        shares: list[float] = []
        seconds: list[float] = []
        for one in self.queries[:asked]:
            share = one.known(probes)
            if share is None or len(seconds) < _TIMED:
                start = self.clock()
                distances = self._search(one.text, probes)
                seconds.append(self.clock() - start)
                one.found(probes, distances)
                share = one.shares[probes]
            if one.truth:
                shares.append(share)
        return point_of(probes, shares, seconds)

    def _answer(self, texts: list[str]) -> None:
        if not texts:
            return
        searched = [self._search(text, self.knob.start) for text in texts]
        values = {
            "queries": texts,
            "radii": [_radius(found) for found in searched],
            "copies": not self.leave_out_copies,
            "k": NEIGHBOURS,
        }
        self.cur.execute(self._compose("exact_neighbours"), values)
        truths: list[list[float]] = [[] for _ in texts]
        for number, distances in self.cur.fetchall():
            truths[number - 1] = distances
        for text, truth, found in zip(texts, truths, searched, strict=True):
            one = _Query(text, truth)
            one.found(self.knob.start, found)
            self.queries.append(one)

    def _search(self, text: str, probes: int) -> list[float]:
        self.cur.execute("SELECT set_config(%s, %s, true)", (self.knob.setting, str(probes)))
        wanted = NEIGHBOURS * self.table.candidates
        values = {"query": text, "copies": not self.leave_out_copies, "k": wanted}
        self.cur.execute(self._compose("sample_search"), values)
        return sorted(distance for (distance,) in self.cur.fetchall())[:NEIGHBOURS]

    def _compose(self, name: str) -> sql.Composed:
        operator = sql.SQL(OPERATORS[self.table.metric])
        return sql.SQL(query(name)).format(
            table=self.table.identifier,
            operator=operator,
            cast=self.table.cast,
            dimensions=sql.Literal(self.table.dimensions),
        )


def _radius(found: Sequence[float]) -> float:
    """A distance within which ten true neighbours lie, because ten rows that close were found."""
    return found[-1] if len(found) == NEIGHBOURS else math.inf
