"""Run one long statement so that its progress can be seen and the program can still be told to stop."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql

from vectorshelf.store.db import Connection, query


@dataclass(frozen=True)
class BuildProgress:
    """One look at a build: Postgres's name of the phase, and how far it is in that phase (0 of 0: not counted)."""

    phase: str
    done: int
    total: int
    waits_for: str | None = None  # the session whose transaction the build must outlast


OnProgress = Callable[[BuildProgress], None]


@dataclass(frozen=True)
class Watch:
    """Who is told what: lines for a log, and looks at a build in progress, about two a second."""

    log: Callable[[str], None] = lambda line: None
    progress: OnProgress | None = None
    clock: Callable[[], float] = time.perf_counter


def execute_watched(
    conn: Connection,
    statement: sql.Composable,
    progress: Callable[[BuildProgress], None] | None = None,
    every: float = 0.5,
) -> None:
    """Execute outside a transaction, in a thread; look at the build `every` seconds; stop it when interrupted.

    A thread inside libpq hears no signal: without this a task that is told to stop would first finish the build.
    Raises psycopg2's own errors.
    """

    def execute() -> None:
        conn.autocommit = True
        with conn.cursor() as cur:
            cur.execute(statement)

    with ThreadPoolExecutor(1) as pool, _watcher(conn, progress) as look:
        future: Future[None] = pool.submit(execute)
        try:
            while wait([future], timeout=every).not_done:
                look()
        except BaseException:
            conn.cancel()  # the statement fails in the server, the thread ends, and the pool can close
            raise
    if not conn.closed:
        conn.autocommit = False
    future.result()


@contextmanager
def _watcher(conn: Connection, progress: OnProgress | None) -> Iterator[Callable[[], None]]:
    """A second connection that looks at the first one's build. Where there is none to be had, nobody looks."""
    if progress is None:
        yield lambda: None
        return
    try:
        parameters: dict[str, Any] = {**conn.info.dsn_parameters, "password": conn.info.password or None}
        second = psycopg2.connect(**parameters)
    except psycopg2.Error:
        yield lambda: None
        return
    second.autocommit = True  # a transaction held open here is one the build would wait for
    pid = conn.info.backend_pid

    def look() -> None:
        with suppress(psycopg2.Error), second.cursor() as cur:
            cur.execute(query("build_progress"), {"pid": pid})
            row = cur.fetchone()
            if row is not None:
                progress(BuildProgress(*row))

    try:
        yield look
    finally:
        second.close()
