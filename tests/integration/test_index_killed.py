"""A build killed at any point leaves readers their index, and the next run clears away and succeeds.

Each point is held open by a transaction the build has to wait for, so that the kill happens there and not near there.
"""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager

import psycopg2
import pytest

from tests.integration.shelves import CATALOG, clustered, count_changed, make_shelf, stock
from tests.integration.test_index import vector_indexes
from vectorshelf.errors import TransientError
from vectorshelf.store.db import autocommit, transaction
from vectorshelf.store.index import IndexSpec, Watch, ensure_index
from vectorshelf.store.search import search
from vectorshelf.store.search_function import read_knobs
from vectorshelf.store.table import ServingTable
from vectorshelf.store.writers import as_text

TABLE = ServingTable("public", "products", 16)
SPEC = IndexSpec("ivfflat", 0.95)
WRITERS, SNAPSHOTS = "waiting for writers before build", "waiting for old snapshots"


@pytest.fixture
def url(database_url):
    return database_url.get_secret_value()


@pytest.fixture
def shelf(conn):
    make_shelf(conn, TABLE)
    stock(conn, TABLE, clustered(3_000, 16))
    ensure(conn)
    return TABLE


def ensure(conn, **options):
    return ensure_index(conn, TABLE, SPEC, run_id="r1", catalog=CATALOG, **options)


@contextmanager
def another(url, *statements: str):
    """A session with a transaction left open after `statements`."""
    session = psycopg2.connect(url)
    try:
        with session.cursor() as cur:
            for statement in statements:
                cur.execute(statement)
        yield session
    finally:
        session.close()


HOLD = {
    WRITERS: ("UPDATE vectorshelf.index_log SET rows = rows", "LOCK TABLE products IN ROW EXCLUSIVE MODE"),
    SNAPSHOTS: ("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT 1"),
}


def kill_at(phase: str, pid: int, url: str):
    """A progress callback that ends the building session once the server is in `phase`."""

    def look(progress):
        if progress.phase == phase:
            execute(url, f"SELECT pg_terminate_backend({pid})")

    return look


def execute(url: str, statement: str):
    session = psycopg2.connect(url)
    session.autocommit = True
    try:
        with session.cursor() as cur:
            cur.execute(statement)
            return cur.fetchone() if cur.description else None
    finally:
        session.close()


def assert_readers_have_their_index(conn, before) -> None:
    assert vector_indexes(conn)["products_vector_idx"] == before["products_vector_idx"]
    assert len(search(conn, TABLE, as_text(clustered(1, 16)[0]), 10)) == 10


@pytest.mark.parametrize("phase", [WRITERS, SNAPSHOTS])
def test_a_build_ended_by_the_server_leaves_the_old_index_and_the_next_run_finishes(conn, url, shelf, phase):
    before = vector_indexes(conn)
    builder = psycopg2.connect(url)
    with another(url, *HOLD[phase]), pytest.raises(TransientError):
        ensure(builder, rebuild=True, watch=Watch(progress=kill_at(phase, builder.info.backend_pid, url)))
    assert vector_indexes(conn)["products_vector_idx_new"][2] is False
    assert_readers_have_their_index(conn, before)
    lines = []
    assert ensure(conn, rebuild=True, watch=Watch(log=lines.append)).action == "rebuilt"
    assert any("dropping products_vector_idx_new" in line for line in lines)
    assert list(vector_indexes(conn)) == ["products_vector_idx"]


def test_the_next_run_after_a_killed_build_clears_away_even_when_it_builds_nothing(conn, url, shelf):
    builder = psycopg2.connect(url)
    with another(url, *HOLD[SNAPSHOTS]), pytest.raises(TransientError):
        ensure(builder, rebuild=True, watch=Watch(progress=kill_at(SNAPSHOTS, builder.info.backend_pid, url)))
    raised = probes(conn)
    outcome = ensure(conn)
    assert outcome.action == "kept"
    assert list(vector_indexes(conn)) == ["products_vector_idx"]
    assert probes(conn) == outcome.probes <= raised


def probes(conn) -> int:
    with transaction(conn) as cur:
        return read_knobs(cur, TABLE)["ivfflat.probes"]


def test_a_run_killed_between_swap_and_drop_leaves_the_new_index_which_is_measured_next(conn, url, shelf):
    """A reader's open transaction holds the old index back from being dropped; there the builder is ended."""
    before = vector_indexes(conn)
    builder = psycopg2.connect(url)
    failed = []

    def build() -> None:
        try:
            ensure(builder, rebuild=True)
        except TransientError as error:
            failed.append(error)

    query = as_text(clustered(1, 16)[0])
    with another(url, f"SELECT count(*) FROM search_products('{query}')"):
        thread = threading.Thread(target=build)
        thread.start()
        wait_until(conn, "SELECT to_regclass('products_vector_idx_old') IS NOT NULL")
        assert len(search(conn, TABLE, query, 10)) == 10
        execute(url, f"SELECT pg_terminate_backend({builder.info.backend_pid})")
        thread.join()
    assert len(failed) == 1
    swapped = vector_indexes(conn)
    assert swapped["products_vector_idx"][0] != before["products_vector_idx"][0]
    assert swapped["products_vector_idx"][2] is True
    outcome = ensure(conn)
    assert outcome.action == "kept"
    assert "never measured" in outcome.reason
    assert outcome.recall >= 0.95
    assert list(vector_indexes(conn)) == ["products_vector_idx"]


def wait_until(conn, question: str, tries: int = 1_000) -> None:
    for _ in range(tries):
        with autocommit(conn) as cur:
            cur.execute(question)
            if cur.fetchone()[0]:
                return
            cur.execute("SELECT pg_sleep(0.02)")
    raise AssertionError(f"never came true: {question}")


def test_a_killed_program_is_noticed_by_the_server_and_the_next_run_takes_over(conn, url, shelf):
    """kill -9 says no goodbye: the server itself has to notice, or the build would hold its lock for hours."""
    before = vector_indexes(conn)
    program = textwrap.dedent(f"""
        import psycopg2
        from tests.integration.test_index_killed import ensure
        ensure(psycopg2.connect({url!r}, application_name="doomed"), rebuild=True)
    """)
    with another(url, *HOLD[WRITERS]):
        process = subprocess.Popen([sys.executable, "-c", program])
        wait_until(conn, f"SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE phase = '{WRITERS}')")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert_readers_have_their_index(conn, before)
        wait_until(conn, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'doomed')")
    assert ensure(conn, rebuild=True).action == "rebuilt"
    assert list(vector_indexes(conn)) == ["products_vector_idx"]


def test_a_program_told_to_stop_cancels_its_build_and_clears_away(conn, url, shelf):
    before = vector_indexes(conn)

    def interrupt(progress):
        if progress.phase == WRITERS:
            raise KeyboardInterrupt

    with another(url, *HOLD[WRITERS]) as writer:
        threading.Timer(2.0, writer.rollback).start()  # the drop that clears away waits for the writer too
        with pytest.raises(KeyboardInterrupt):
            ensure(conn, rebuild=True, watch=Watch(progress=interrupt))
    assert vector_indexes(conn) == before
    assert ensure(conn).action == "kept"


def test_the_progress_says_whom_a_build_waits_for(conn, url, shelf):
    seen = []

    with another(url, "SET application_name = 'slow importer'", *HOLD[WRITERS]) as writer:

        def look(progress):
            seen.append(progress)
            if progress.waits_for:
                writer.rollback()

        ensure(conn, rebuild=True, watch=Watch(progress=look))
    waiting = [progress for progress in seen if progress.phase == WRITERS]
    assert waiting[0].waits_for.startswith("slow importer (pid ")


def test_two_builders_of_one_table_build_one_after_the_other(conn, url, shelf):
    with transaction(conn) as cur:
        count_changed(cur, 3_000)
    outcomes = []

    def build() -> None:
        session = psycopg2.connect(url)
        try:
            outcomes.append(ensure(session).action)
        finally:
            session.close()

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["kept", "kept", "rebuilt"]
    assert list(vector_indexes(conn)) == ["products_vector_idx"]


def test_readers_meet_neither_errors_nor_gaps_while_an_index_is_rebuilt(conn, url, shelf):
    done = threading.Event()
    counts, failures = [], []
    query = as_text(clustered(1, 16)[0])

    def read() -> None:
        session = psycopg2.connect(url)
        try:
            while not done.is_set():
                counts.append(len(search(session, TABLE, query, 10)))
        except Exception as error:  # noqa: BLE001 - whatever a reader meets is the finding
            failures.append(error)
        finally:
            session.close()

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for spec in (SPEC, IndexSpec("hnsw"), SPEC):
        ensure_index(conn, TABLE, spec, run_id="r1", catalog=CATALOG, rebuild=True)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(counts) == {10}
