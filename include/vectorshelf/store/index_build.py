"""Build one index beside the one that serves, and clear away what a killed build left. Blocks no reader and no load.

Only CREATE and DROP INDEX CONCURRENTLY are used: they take no lock that a search or a load would wait for, and
wait themselves for transactions that were open before. So the caller must not hold one open.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg2
from psycopg2 import errorcodes, sql

from vectorshelf.errors import ConfigurationError, TransientError, VectorshelfError
from vectorshelf.store.db import Connection, autocommit, wrapped_errors
from vectorshelf.store.halves import overflow_explained
from vectorshelf.store.index_names import IndexNames
from vectorshelf.store.index_state import read_indexes
from vectorshelf.store.session import session_settings
from vectorshelf.store.table import ServingTable
from vectorshelf.store.watched import Watch, execute_watched

Log = Callable[[str], None]

_LOCK_CLASS = int.from_bytes(b"vsix", "big")  # any constant that nothing else in the database locks
_LOCK_POLL_SECONDS = 2.0
_LOCK_PATIENCE_SECONDS = 6 * 3600.0
_DROP_PATIENCE = "10min"


@contextmanager
def sole_builder(
    conn: Connection, table: ServingTable, log: Log, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold the table's build lock. Asks again and again instead of waiting in the server.

    A statement that waits has a snapshot, and the concurrent build it waits for would wait for that snapshot.
    """
    waited = 0.0
    while not _lock(conn, "SELECT pg_try_advisory_lock(%s, hashtext(%s))", table):
        if waited == 0.0:
            log(f"another session is building an index of {table.label}: waiting for it")
        if waited >= _LOCK_PATIENCE_SECONDS:
            raise TransientError(f"another session has been building an index of {table.label} for hours")
        sleep(_LOCK_POLL_SECONDS)
        waited += _LOCK_POLL_SECONDS
    try:
        yield
    finally:
        with suppress(VectorshelfError, psycopg2.Error):  # a lost session has lost its lock
            _lock(conn, "SELECT pg_advisory_unlock(%s, hashtext(%s))", table)


def drop_leftovers(conn: Connection, table: ServingTable, log: Log) -> None:
    """Drop what a killed build left: unfinished or never swapped in, or swapped out and not yet dropped."""
    names = IndexNames.of(table)
    with autocommit(conn) as cur:
        ours = read_indexes(cur, table).ours
    left = [name for name in (names.building, names.retired) if name in ours]
    left += [names.category] if names.category in ours and not ours[names.category].valid else []
    for name in left:
        log(f"dropping {name}, left by a build that was interrupted")
        drop_index(conn, names, name)


def drop_index(conn: Connection, names: IndexNames, name: str) -> None:
    """Drop without blocking anyone. Raises TransientError when a transaction has used the index for minutes."""
    with session_settings(conn, {"lock_timeout": _DROP_PATIENCE}), autocommit(conn) as cur:
        cur.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(names.identifier(name)))


def build_index(conn: Connection, table: ServingTable, name: str, method: sql.Composable, watch: Watch) -> None:
    """CREATE INDEX CONCURRENTLY `name` ON `table` `method` (what follows USING), and see that it is valid.

    A concurrent build can end up invalid without an error. Raises ConfigurationError when the server has not the
    memory, TransientError when the build was cut short; either way what was begun is dropped again if possible.
    """
    names = IndexNames.of(table)
    parts = {"name": sql.Identifier(name), "table": table.identifier, "method": method}
    statement = sql.SQL("CREATE INDEX CONCURRENTLY {name} ON {table} USING {method}").format(**parts)
    try:
        _build(conn, table, statement, name, watch)
    except BaseException:
        with suppress(VectorshelfError, psycopg2.Error):  # the next run finds it, but until then it slows every write
            drop_index(conn, names, name)
        raise


def _build(conn: Connection, table: ServingTable, statement: sql.Composed, name: str, watch: Watch) -> None:
    with wrapped_errors(), overflow_explained(table):
        try:
            execute_watched(conn, statement, watch.progress)
        except psycopg2.errors.DiskFull as error:
            if "shared memory" not in str(error):
                raise
            watch.log("too little shared memory (a container's --shm-size) for parallel workers: building without")
            drop_index(conn, IndexNames.of(table), name)
            with session_settings(conn, {"max_parallel_maintenance_workers": "0"}):
                execute_watched(conn, statement, watch.progress)
        except psycopg2.Error as error:
            if error.pgcode not in {errorcodes.PROGRAM_LIMIT_EXCEEDED, errorcodes.OUT_OF_MEMORY}:
                raise
            raise ConfigurationError(
                f"the server has not the memory to build the index of {table.label}: {' '.join(str(error).split())}. "
                "Give it more, or set index.lists to fewer"
            ) from error
    with autocommit(conn) as cur:
        built = read_indexes(cur, table).ours.get(name)
    if built is None or not built.valid:
        raise TransientError(f"index {name} of {table.label} came out invalid: run again, it will be built anew")


def _lock(conn: Connection, statement: str, table: ServingTable) -> bool:
    with autocommit(conn) as cur:
        cur.execute(statement, (_LOCK_CLASS, table.label))
        (granted,) = cur.fetchone() or (False,)
        return bool(granted)
