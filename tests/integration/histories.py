"""Made-up histories of a small catalog, and a crew that runs them on a real Postgres in every order but the right one.

A run is what Airflow makes of one date's file: staged, planned, loaded. The crew runs each at least once, several at a
time, some again, and kills some: abandoned between two steps and started anew, or with the server ending their session
in the middle of the load. What must come of it (`in_date_order`) is told by a few lines of Python that know no SQL.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import psycopg2
from hypothesis import strategies as st
from psycopg2 import extensions
from pydantic import SecretStr

from tests.integration.products import DAY_ONE, Item, Shelf
from vectorshelf.errors import TransientError
from vectorshelf.store import db, merge, staging
from vectorshelf.store.merge import Change

IDS, TEXTS = "abcde", ("one", "two", "three")
GONE = Item("", deleted=True)


@dataclass(frozen=True)
class Day:
    """One date's file."""

    items: dict[str, Item]
    snapshot: bool


@dataclass(frozen=True)
class Turn:
    """What happens next: run number `run` does its next step, and how that goes."""

    run: int
    fate: str
    cut: int


def histories() -> st.SearchStrategy[list[Day]]:
    """Days of snapshots, of deltas, of deltas whose rows carry dates, and of a catalog that changed its mode."""
    items = st.builds(Item, text=st.sampled_from(TEXTS), price=st.integers(1, 3))
    changes = st.one_of(items, items, st.just(GONE))
    dates = st.integers(0, 4).map(lambda hours: DAY_ONE + timedelta(hours=hours))
    dated = st.builds(lambda item, at: replace(item, dated=at), changes, dates)
    ids = st.sampled_from(IDS)
    snapshot = st.builds(Day, st.dictionaries(ids, items), st.just(True))
    delta = st.builds(Day, st.dictionaries(ids, changes), st.just(False))
    dated_delta = st.builds(Day, st.dictionaries(ids, dated), st.just(False))
    kinds = (snapshot, delta, dated_delta, st.one_of(snapshot, delta))
    return st.one_of(*(st.lists(kind, min_size=1, max_size=5) for kind in kinds))


FATES = ("done", "done", "done", "done", "killed", "cut", "together")


@st.composite
def plays(draw: st.DrawFn) -> tuple[list[Day], list[int], list[Turn]]:
    """A history, its runs (a day's number each, some days twice, in any order), and how they go."""
    days = draw(histories())
    numbers = list(range(len(days)))
    again = draw(st.lists(st.sampled_from(numbers), max_size=2))
    runs = draw(st.permutations(numbers + again))
    turn = st.builds(Turn, st.integers(0, len(runs) - 1), st.sampled_from(FATES), st.integers(1, 12))
    return days, runs, draw(st.lists(turn, max_size=4 * len(runs)))


def in_date_order(days: Sequence[Day]) -> dict[str, Item]:
    """The table after each day's file was loaded once, the oldest first."""
    table: dict[str, Item] = {}
    for day in days:
        if day.snapshot:
            table = {}
        for id_, item in day.items.items():
            before = table.get(id_)
            if not (item.dated and before and before.dated and before.dated > item.dated):
                table[id_] = item
    return table


class CutShort(extensions.cursor):
    """A cursor whose session the server ends in the place of its `left`-th statement from now."""

    left = 0

    def execute(self, query: object, values: object = None) -> None:
        CutShort.left -= 1
        if CutShort.left == 0:
            super().execute("SELECT pg_terminate_backend(pg_backend_pid())")
        super().execute(query, values)  # type: ignore[arg-type]


@dataclass
class Crew:
    """Plays one history after the other in one database. Keeps connections, for the runs that load at the same time."""

    url: SecretStr
    conns: list[extensions.connection] = field(default_factory=list)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2))

    def __post_init__(self) -> None:
        self.conns = [self._connect(), self._connect()]
        self.shelf = Shelf(self.conns[0])
        self.shelf.embed({text: Item(text) for text in TEXTS})

    def close(self) -> None:
        """Let everything go."""
        self.pool.shutdown()
        for conn in self.conns:
            conn.close()

    def play(self, days: list[Day], runs: list[int], turns: list[Turn]) -> None:
        """Empty the table, then do every turn, then end what was left undone, in the order of `runs`."""
        self._clear()
        self._days = days
        self._days_of = runs
        self._staged: dict[int, Change] = {}
        self._ended: set[int] = set()
        for turn in turns:
            if turn.run not in self._ended:
                self._take(turn)
        for run in range(len(runs)):
            while run not in self._ended:
                self._step(run)

    def _take(self, turn: Turn) -> None:
        if turn.fate == "killed":  # between two steps; Airflow runs its tasks anew, from the first
            self._staged.pop(turn.run, None)
        elif turn.fate == "cut" and turn.run in self._staged:
            self._cut(self._staged[turn.run], turn.cut)
        elif turn.fate == "together" and len(self._staged) > 1:
            self._load_together(sorted(self._staged)[:2])
        else:
            self._step(turn.run)

    def _step(self, run: int) -> None:
        """Stage and plan, or load."""
        change = self._staged.get(run)
        if change is None:
            day = self._days[self._days_of[run]]
            change = self.shelf.change(self._days_of[run] + 1, snapshot=day.snapshot)
            self.shelf.stage(change, day.items)
            with db.transaction(self.shelf.conn) as cur:
                merge.difference(cur, change)
            self._staged[run] = change
        else:
            self._load(self.shelf.conn, change)
            self._end(run)

    def _load_together(self, runs: list[int]) -> None:
        loads = [
            self.pool.submit(self._load, conn, self._staged[run]) for conn, run in zip(self.conns, runs, strict=True)
        ]
        for run, load in zip(runs, loads, strict=True):
            load.result()
            self._end(run)

    def _cut(self, change: Change, left: int) -> None:
        """Its session ends in the middle, unless the load has fewer statements: then it has loaded, and will again."""
        doomed = self._connect(CutShort)
        CutShort.left = left
        with suppress(TransientError):
            self._load(doomed, change)
        doomed.close()

    @staticmethod
    def _load(conn: extensions.connection, change: Change) -> None:
        with db.transaction(conn) as cur:
            merge.merge(cur, change, allow_deletes=True)

    def _end(self, run: int) -> None:
        with db.transaction(self.shelf.conn) as cur:
            staging.drop(cur, self._staged.pop(run).names)
        self._ended.add(run)

    def _clear(self) -> None:
        with db.transaction(self.shelf.conn) as cur:
            for table in ("public.products", "vectorshelf.tombstones", "vectorshelf.row_dates", "vectorshelf.runs"):
                cur.execute(f"DELETE FROM {table}")
            cur.execute("UPDATE vectorshelf.catalogs SET loaded_as_of = NULL, changes_as_of = NULL, model = NULL")

    def _connect(self, kind: type[extensions.cursor] | None = None) -> extensions.connection:
        return psycopg2.connect(
            self.url.get_secret_value(), cursor_factory=kind, options="-c synchronous_commit=off -c jit=off"
        )
