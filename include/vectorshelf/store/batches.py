"""Jobs of the provider's Batch API, as durable rows: what is in them, how far they are, and who may touch them.

A job's texts are fixed, and claimed, before anything is sent. A row leaves `batch_lines` in the transaction that stores
its line's vectors, so results can be read again from the start, by anyone, and nothing is stored or charged twice.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from psycopg2 import sql
from psycopg2.extras import execute_values

from vectorshelf.errors import TransientError
from vectorshelf.store.db import Connection, Cursor, query, transaction
from vectorshelf.store.ledger import PaidRequest, record_request
from vectorshelf.store.staging import Names
from vectorshelf.store.writers import Method, write_vectors


class InJobsError(TransientError):
    """Texts stand in open jobs: they come with those, or are free again when those have ended."""


State = Literal["planning", "planned", "uploading", "uploaded", "creating", "submitted", "collected", "ended"]

UNSENT: tuple[State, ...] = ("planning", "planned", "uploading", "uploaded")
"""A job in one of these costs nothing yet."""

GIVE_UP_SECONDS = 2 * 24 * 3600.0
"""A job this old is not waited for any more. The provider ends every batch after half of it."""

_LOOK_AGAIN = 3600.0  # seconds; times a task's retries, it is long enough for most jobs

_COLUMNS = (
    "job, run_id, catalog, endpoint, space, model, dimensions, part, state, texts, stored, file_id, batch_id, status,"
    " note, extract(epoch FROM clock_timestamp() - created_at)::float8,"
    " extract(epoch FROM clock_timestamp() - moved_at)::float8, moved_at"
)


@dataclass(frozen=True)
class Job:
    """One job, in the space it was made for, whatever the catalog says by now. `age` and `in_state` are seconds by the
    database's clock.
    """

    job: str
    run_id: str
    catalog: str
    endpoint: str
    space: int
    model: str
    dimensions: int
    part: int
    state: State
    texts: int
    stored: int
    file_id: str | None
    batch_id: str | None
    status: str | None
    note: str | None
    age: float
    in_state: float
    moved_at: datetime


@dataclass(frozen=True)
class Promise:
    """The money held for a line, and the dollars it counts as when nothing is ever heard of it."""

    hold: int
    presumed: Decimal


@dataclass(frozen=True)
class Line:
    """One line of a job that has brought no result yet: `sha256s` in the order of its inputs, `size` in UTF-8 bytes.

    `presumed` is what as many tokens as it has bytes would cost, in dollars; None without a budget.
    """

    line: int
    size: int
    tokens: int
    hold: int | None
    presumed: Decimal | None
    sha256s: list[bytes]


def lock_of(job: str) -> str:
    """What `alone` takes for a job."""
    return f"batch job {job}"


@contextmanager
def alone(conn: Connection, what: str) -> Iterator[bool]:
    """Whether nobody else works on it; until the end of the block nobody will. A dead holder frees it.

    A session's lock: transactions come and go inside the block.
    """
    with transaction(conn) as cur:
        cur.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (what,))
        (mine,) = cur.fetchone() or (False,)
    try:
        yield bool(mine)
    finally:
        if mine and not conn.closed:
            with transaction(conn) as cur:
                cur.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (what,))


def open_job(cur: Cursor, job: str, run_id: str, catalog: str, endpoint: str, space: int) -> None:
    """A job without lines. Take its lock first: without a holder it is what a killed planner left."""
    cur.execute(
        "INSERT INTO vectorshelf.batch_jobs (job, run_id, catalog, endpoint, space, part)"
        " SELECT %s, %s, %s, %s, %s, count(*) FROM vectorshelf.batch_jobs WHERE run_id = %s",
        (job, run_id, catalog, endpoint, space, run_id),
    )


def add_line(  # noqa: PLR0917  a line's columns
    cur: Cursor, job: str, space: int, line: int, texts: Sequence[tuple[bytes, str]], size: tuple[int, int],
    promise: Promise | None, lasts: float,
) -> int:  # fmt: skip
    """Claim the texts, all but those that another job has by now, and return how many. `size` is (bytes, tokens).

    The promise lasts `lasts` seconds from here; with no text left there is no line, and it is taken back.
    """
    cur.execute(
        "INSERT INTO vectorshelf.batch_lines (job, line, bytes, tokens, hold, presumed)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (job, line, *size, *((promise.hold, promise.presumed) if promise else (None, None))),
    )
    ordered = sorted(texts)  # by hash, so that two planners wait for each other instead of deadlocking
    rows = [(space, sha256, job, line, position, text) for position, (sha256, text) in enumerate(ordered)]
    claimed = len(execute_values(cur, query("batch_texts_add"), rows, page_size=len(rows), fetch=True))
    if not claimed:
        end_promises(cur, job, line=line)
        cur.execute("DELETE FROM vectorshelf.batch_lines WHERE job = %s AND line = %s", (job, line))
        return 0
    cur.execute("UPDATE vectorshelf.batch_jobs SET texts = texts + %s WHERE job = %s", (claimed, job))
    if promise:
        cur.execute(query("batch_promise_lasts"), {"hold": promise.hold, "seconds": lasts})
    return claimed


def move(cur: Cursor, job: str, state: State, **columns: str | None) -> None:
    """Bring the job into a state, or note another try to leave it, with what is known by now.

    Raises TransientError when there is no such job any more.
    """
    assignments = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in columns]
    statement = sql.SQL(
        "UPDATE vectorshelf.batch_jobs SET {} WHERE job = %(job)s",
    ).format(sql.SQL(", ").join([sql.SQL("state = %(state)s, moved_at = clock_timestamp()"), *assignments]))
    cur.execute(statement, {"job": job, "state": state, **columns})
    if not cur.rowcount:  # nothing may be sent for a job that is on no record
        raise TransientError(f"the batch job {job} was dropped meanwhile: the run goes on without it")


def about_to_create(cur: Cursor, job: str) -> None:
    """Committed before the provider is asked to make the batch: from here on it may exist, and cost money."""
    move(cur, job, "creating")
    cur.execute(query("batch_promises_presumed"), {"job": job})


def seen(cur: Cursor, job: str, status: str) -> None:
    """The provider's word for how far the job is."""
    cur.execute("UPDATE vectorshelf.batch_jobs SET status = %s WHERE job = %s", (status, job))


def read(cur: Cursor, job: str) -> Job | None:
    """The job as it is now; None when it was dropped."""
    tables = "vectorshelf.batch_jobs JOIN vectorshelf.spaces USING (space)"
    cur.execute(f"SELECT {_COLUMNS} FROM {tables} WHERE job = %s", (job,))  # noqa: S608 - fixed text
    row = cur.fetchone()
    return Job(*row) if row else None


@dataclass(frozen=True)
class Look:
    """A job to look at. The run waits for it if `awaited`; if it is an `orphan`, nobody else will come back for it."""

    job: str
    awaited: bool = False
    orphan: bool = False


def of_run(cur: Cursor, run_id: str, catalog: str, names: Names, space: int) -> list[Look]:
    """The jobs to look at. The run waits for its own that have not ended, and for others' that hold its texts.

    The others of its catalog are looked at, too: their money is promised until somebody does. Orphans are those of
    runs that are over, and its own of another model, from before its catalog file was changed.
    """
    statement = sql.SQL(query("batch_jobs_of_run")).format(pending=names.pending)
    cur.execute(statement, {"run_id": run_id, "catalog": catalog, "space": space})
    return [Look(*row) for row in cur.fetchall()]


def of_catalog(cur: Cursor, catalog: str) -> list[Look]:
    """The catalog's jobs that hold texts and money, none of them awaited."""
    cur.execute(query("batch_jobs_of_catalog"), {"catalog": catalog})
    return [Look(job, orphan=orphan) for job, orphan in cur.fetchall()]


def made_by(cur: Cursor, run_id: str) -> dict[str, int]:
    """What the run's jobs are: `jobs`, `texts` in them, vectors `stored` of them, whoever fetched those."""
    cur.execute(
        "SELECT count(*), coalesce(sum(texts), 0), coalesce(sum(stored), 0) FROM vectorshelf.batch_jobs"
        " WHERE run_id = %s AND state <> 'planning'",
        (run_id,),
    )
    return {
        name: int(value) for name, value in zip(("jobs", "texts", "stored"), cur.fetchone() or (0, 0, 0), strict=True)
    }


def held_texts(cur: Cursor, names: Names, space: int, shard: int | None = None) -> int:
    """How many of the pending texts, of one shard or of all, stand in open jobs already, their money promised."""
    cur.execute(sql.SQL(query("batch_claimed")).format(pending=names.pending), {"shard": shard, "space": space})
    (texts,) = cur.fetchone() or (0,)
    return int(texts)


def shards(cur: Cursor, names: Names) -> list[int]:
    """The shards that the run's plan was cut into."""
    cur.execute(sql.SQL("SELECT DISTINCT shard FROM {} ORDER BY shard").format(names.pending))
    return [shard for (shard,) in cur.fetchall()]


def free_abandoned(conn: Connection, names: Names, shard: int, space: int) -> None:
    """Free texts of the shard from jobs that nobody sees through: never sent, or too old to come back.

    For runs that use no batches; whoever is at work on a job holds its lock and is left alone.
    """
    with transaction(conn) as cur:
        values = {"shard": shard, "space": space}
        cur.execute(sql.SQL(query("batch_jobs_of_shard")).format(pending=names.pending), values)
        jobs = [job for (job,) in cur.fetchall()]
    for name in jobs:
        with alone(conn, lock_of(name)) as mine, transaction(conn) as cur:
            job = read(cur, name) if mine else None
            if job is not None and job.state in UNSENT:
                drop(cur, name)
            elif job is not None and job.age > GIVE_UP_SECONDS:
                release(cur, name, "nothing was heard of it for two days", line_numbers(cur, name))


def drop_unsent(conn: Connection, run_id: str) -> None:
    """Forget the run's jobs of which nothing was sent, and that it planned any. Whoever is at work on one keeps it."""
    with transaction(conn) as cur:
        cur.execute("SELECT job FROM vectorshelf.batch_jobs WHERE run_id = %s", (run_id,))
        jobs = [job for (job,) in cur.fetchall()]
    for name in jobs:
        with alone(conn, lock_of(name)) as mine, transaction(conn) as cur:
            job = read(cur, name) if mine else None
            if job is not None and job.state in UNSENT:
                drop(cur, name)
    with transaction(conn) as cur:
        cur.execute("DELETE FROM vectorshelf.stages WHERE run_id = %s AND stage = 'batch'", (run_id,))


def check_free(conn: Connection, names: Names, shard: int, space: int) -> None:
    """Raise InJobsError while texts of the shard stand in open jobs: they must not be paid for twice."""
    with transaction(conn) as cur:
        texts = held_texts(cur, names, space, shard)
    if texts:
        raise InJobsError(
            f"{texts:,} texts of this shard are in jobs of the Batch API, which end within 24 hours: run it again then "
            "(a catalog with embedding.batch: auto waits for them by itself)",
            retry_after=_LOOK_AGAIN,
        )


def line_numbers(cur: Cursor, job: str) -> list[int]:
    """The lines that have brought no result yet."""
    cur.execute("SELECT line FROM vectorshelf.batch_lines WHERE job = %s ORDER BY line", (job,))
    return [line for (line,) in cur.fetchall()]


def texts_of(cur: Cursor, job: str, line: int) -> list[str]:
    """The line's texts, in the order of its inputs."""
    cur.execute("SELECT text FROM vectorshelf.batch_texts WHERE job = %s AND line = %s ORDER BY position", (job, line))
    return [text for (text,) in cur.fetchall()]


def line_of(cur: Cursor, job: str, line: int) -> Line | None:
    """The line, or None once its result is stored."""
    cur.execute(
        "SELECT bytes, tokens, hold, presumed FROM vectorshelf.batch_lines WHERE job = %s AND line = %s", (job, line)
    )
    row = cur.fetchone()
    if row is None:
        return None
    cur.execute(
        "SELECT sha256 FROM vectorshelf.batch_texts WHERE job = %s AND line = %s ORDER BY position", (job, line)
    )
    size, tokens, hold, presumed = row
    return Line(line, size, tokens, hold, presumed, [bytes(sha256) for (sha256,) in cur.fetchall()])


def save_line(  # noqa: PLR0917  what `save_response` takes, and which line it is
    conn: Connection,
    job: str,
    line: int,
    paid: PaidRequest,
    sha256s: Sequence[bytes],
    vectors: NDArray[np.float32],
    method: Method,
) -> bool:
    """Commit one line's result: its vectors, shape (n, dimensions), its cost, and that it is done. False: it was."""
    with transaction(conn) as cur:
        cur.execute("DELETE FROM vectorshelf.batch_lines WHERE job = %s AND line = %s", (job, line))
        if not cur.rowcount:
            return False
        write_vectors(cur, paid.space, sha256s, vectors, method)
        record_request(cur, paid)
        cur.execute("UPDATE vectorshelf.batch_jobs SET stored = stored + %s WHERE job = %s", (len(sha256s), job))
        return True


def release(cur: Cursor, job: str, note: str | None, presumed: Sequence[int] = ()) -> None:
    """Nothing more will come of the job: its texts are free again. `presumed` lines may have been charged."""
    end_promises(cur, job, presumed)
    cur.execute("DELETE FROM vectorshelf.batch_lines WHERE job = %s", (job,))
    move(cur, job, "collected", note=note)


def drop(cur: Cursor, job: str) -> None:
    """Forget a job of which nothing was sent."""
    end_promises(cur, job)
    cur.execute("DELETE FROM vectorshelf.batch_jobs WHERE job = %s", (job,))


def end_promises(cur: Cursor, job: str, presumed: Sequence[int] = (), *, line: int | None = None) -> None:
    """Give back what is held for the job (or one line of it), and count what `presumed` lines presumably cost."""
    cur.execute(query("batch_promises_end"), {"job": job, "presumed": list(presumed), "line": line})
