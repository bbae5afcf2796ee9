"""A model change ended before any of its statements: readers keep a whole table of one model, and the next run ends it.

The points are spread over every kind of statement of such a run, from the tables' making to their swap.
VECTORSHELF_KILLS=200 takes every one of them.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import psycopg2
import pytest
from psycopg2.extensions import connection, cursor

from tests.integration.shop import Row, Shop
from vectorshelf import pipeline
from vectorshelf.errors import VectorshelfError

KILLS = int(os.environ.get("VECTORSHELF_KILLS", "3"))
ROWS: list[Row] = [(str(number), f"thing {number}", f"shelf {number % 3}", "1.00") for number in range(60)]
SUMS = (
    "SELECT count(*), count(DISTINCT vector_dims(embedding)), min(vector_dims(embedding)),"
    " md5(string_agg(md5(concat_ws('|', id, name, attributes::text, model, as_of, embedding::text)), '' ORDER BY id))"
    " FROM products"
)

BeforeEach = Callable[[connection, str], None]


@contextmanager
def watching(before_each: BeforeEach) -> Iterator[None]:
    """Every statement of every connection made in the block is told of, before it is sent, by how it begins."""

    class Watched(cursor):
        def execute(self, statement, values=None):
            text = statement if isinstance(statement, str | bytes) else statement.as_string(self)
            before_each(self.connection, (text if isinstance(text, str) else text.decode())[:80])
            return super().execute(statement, values)

    connect = psycopg2.connect
    with patch.object(psycopg2, "connect", lambda *given, **named: connect(*given, cursor_factory=Watched, **named)):
        yield


class Trial:
    """One catalog that changes its model again and again, and goes back each time."""

    def __init__(self, tmp_path, database_url):
        self.old = Shop(tmp_path, database_url, embedding={"provider": "local", "dimensions": 64})
        self.new = Shop(tmp_path, database_url, embedding={"provider": "local", "dimensions": 128})
        self.old.run(1, ROWS)
        self.new.write(2, ROWS)
        rehearsals = [self._rehearsal() for _ in range(2)]
        self.kinds = [kind for kind in rehearsals[0] if kind in rehearsals[1]]

    def _rehearsal(self) -> dict[str, None]:
        seen: dict[str, None] = {}
        with watching(lambda _, kind: seen.setdefault(kind)):
            self.new.run(2)
        self.changed = self.sums()
        self.go_back()
        return seen

    def go_back(self) -> None:
        pipeline.rollback(self.old.catalog, self.old.settings)
        pipeline.forget(self.old.catalog, self.old.settings)

    def sums(self) -> tuple:
        [found] = self.old.query(SUMS)
        return found

    def points(self) -> list[str]:
        """KILLS of them, from where the table is made on: what comes before changes nothing."""
        first = next(number for number, kind in enumerate(self.kinds) if kind.startswith("CREATE TABLE"))
        kinds = self.kinds[first:]
        assert any(kind.startswith("LOCK TABLE") for kind in kinds)
        step = max(1, KILLS - 1)
        points = list(dict.fromkeys(kinds[turn * (len(kinds) - 1) // step] for turn in range(KILLS)))
        print(f"\n{len(points)} of {len(kinds)} kinds of statements")
        return points

    def assert_whole_and_mended(self) -> None:
        count, models, *_ = self.sums()
        assert (count, models) == (len(ROWS), 1)
        assert pipeline.search(self.new.catalog, "thing 7", self.new.settings)["results"]
        self.new.run(2)
        assert self.sums() == self.changed
        tables = self.old.query("SELECT tablename::text FROM pg_tables WHERE tablename LIKE 'products%' ORDER BY 1")
        assert tables == [("products",), ("products__previous",)]
        self.go_back()


@pytest.fixture
def trial(tmp_path, database_url) -> Trial:
    return Trial(tmp_path, database_url)


def test_ended_by_the_server(trial, database_url):
    for point in trial.points():
        met: list[str] = []

        def before_each(conn, kind, point=point, met=met):
            if kind == point and not met:
                met.append(kind)
                administrator = psycopg2.connect(database_url.get_secret_value())
                administrator.autocommit = True
                administrator.cursor().execute("SELECT pg_terminate_backend(%s, 5000)", (conn.info.backend_pid,))
                administrator.close()

        with watching(before_each), pytest.raises(VectorshelfError):
            trial.new.run(2)
        assert met == [point]
        trial.assert_whole_and_mended()


def change_until(shop: Shop, point: str) -> None:
    """What the child process does: the run, and the end of its own process before the first statement of this kind."""

    def before_each(_, kind):
        if kind == point:
            os.kill(os.getpid(), signal.SIGKILL)

    with watching(before_each):
        shop.run(2)


def test_killed_with_its_program(trial):
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["vectorshelf.pipeline", "wordllama"])
    for point in trial.points():
        process = processes.Process(target=change_until, args=(trial.new, point))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        trial.assert_whole_and_mended()
