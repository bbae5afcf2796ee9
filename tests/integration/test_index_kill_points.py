"""A rebuild ended before any of its statements: readers keep a valid index, and the next run clears away and succeeds.

The points are spread over every kind of statement a rebuild sends. VECTORSHELF_KILLS=10 is the number whose result the
project states; ends within a statement, at each phase of the build, are in `test_index_killed`.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress

import psycopg2
import pytest
from psycopg2.extensions import cursor

from tests.integration.shelves import CATALOG, clustered, make_shelf, stock
from tests.integration.test_index import vector_indexes
from vectorshelf.errors import TransientError
from vectorshelf.store.index import Bounds, IndexSpec, Sampling, ensure_index
from vectorshelf.store.search import search
from vectorshelf.store.table import ServingTable
from vectorshelf.store.writers import as_text

KILLS = int(os.environ.get("VECTORSHELF_KILLS", "3"))
TABLE = ServingTable("public", "products", 16, storage="halfvec")  # the one of the two that has more to go wrong


def ensure(conn, **options):
    sampling = Sampling(bounds=Bounds(queries=10, least=5))
    return ensure_index(conn, TABLE, IndexSpec(), run_id="r1", catalog=CATALOG, sampling=sampling, **options)


def watched(url: str, before_each) -> psycopg2.extensions.connection:
    """A connection that calls `before_each(kind)` before it sends a statement: how the statement begins."""

    class Watched(cursor):
        def execute(self, statement, values=None):
            text = statement if isinstance(statement, str) else statement.as_string(self)
            before_each(text[:60])
            return super().execute(statement, values)

    return psycopg2.connect(url, cursor_factory=Watched, application_name="doomed")


def points(url: str) -> list[str]:
    """KILLS kinds of statements, spread over those that every rebuild sends, in their order."""
    rebuilds: list[dict[str, None]] = []
    for _ in range(2):
        seen: dict[str, None] = {}
        conn = watched(url, seen.setdefault)
        ensure(conn, rebuild=True)
        conn.close()
        rebuilds.append(seen)
    kinds = [kind for kind in rebuilds[0] if kind in rebuilds[1]]
    assert len(kinds) >= 20
    return [kinds[turn * (len(kinds) - 1) // max(1, KILLS - 1)] for turn in range(KILLS)]


def rebuild_until(url: str, point: str) -> None:
    """What the child process runs: a rebuild that kills its own process before the first statement of this kind."""

    def before_each(kind):
        if kind == point:
            os.kill(os.getpid(), signal.SIGKILL)

    ensure(watched(url, before_each), rebuild=True)


@pytest.fixture
def url(database_url):
    return database_url.get_secret_value()


@pytest.fixture
def shelf(conn):
    make_shelf(conn, TABLE)
    stock(conn, TABLE, clustered(2_500, 16))
    ensure(conn)


def assert_searchable_and_mended(conn) -> None:
    assert vector_indexes(conn)["products_vector_idx"][2] is True
    assert len(search(conn, TABLE, as_text(clustered(1, 16)[0]), 10)) == 10
    outcome = ensure(conn)
    assert outcome.recall >= 0.95
    assert list(vector_indexes(conn)) == ["products_vector_idx"]


def test_killed_with_its_program(conn, url, shelf):
    for point in points(url):
        child = f"from {__name__} import rebuild_until; rebuild_until({url!r}, {point!r})"
        done = subprocess.run([sys.executable, "-c", child], check=False)
        assert done.returncode == -signal.SIGKILL
        assert_searchable_and_mended(conn)


def test_ended_by_the_server(conn, url, shelf):
    for point in points(url):
        administrator = psycopg2.connect(url)
        administrator.autocommit = True

        def before_each(kind, point=point, administrator=administrator):
            if kind == point:
                with administrator.cursor() as cur:
                    cur.execute(
                        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                        " WHERE application_name = 'doomed' AND datname = current_database()"
                    )

        doomed = watched(url, before_each)
        with suppress(TransientError):  # ended while it gives the lock back, it has nothing left to fail at
            ensure(doomed, rebuild=True)
        assert doomed.closed
        administrator.close()
        assert_searchable_and_mended(conn)
