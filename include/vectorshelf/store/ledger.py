"""What every run did, took and cost. The budget reads it; a task that runs again finds its run here."""

import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.db import Connection, Cursor, query, transaction

Counts = dict[str, Any]


@dataclass(frozen=True)
class RunRow:
    """One run as the ledger has it. `request` is what was asked for, `run_no` names its staging tables."""

    run_id: str
    run_no: int
    catalog: str
    as_of: datetime
    status: str
    error: str | None
    started_at: datetime
    request: dict[str, Any]
    figures: dict[str, Any] | None
    approved_usd: float | None


@dataclass(frozen=True)
class PaidRequest:
    """One answered request: `bytes` are the texts' UTF-8 bytes, `seconds` from sending to the whole answer."""

    run_id: str
    catalog: str
    shard: int
    space: int
    texts: int
    tokens: int
    bytes: int
    cost_usd: float
    seconds: float
    hold: int | None = None
    """The promise of money (`store/budget.py`) that this settles."""


def open_run(cur: Cursor, run_id: str, catalog: str, as_of: datetime, request_json: str) -> None:
    """Open the run, or open it again: a cleared Airflow run starts its figures afresh, its requests stay paid."""
    cur.execute(query("open_run"), {"run_id": run_id, "catalog": catalog, "as_of": as_of, "request": request_json})
    cur.execute("DELETE FROM vectorshelf.stages WHERE run_id = %s", (run_id,))


def get_run(cur: Cursor, run_id: str) -> RunRow:
    """The run's row. Raises ConfigurationError when there is none (prepare did not run on this database)."""
    columns = "run_id, run_no, catalog, as_of, status, error, started_at, request, figures, approved_usd::float8"
    cur.execute(f"SELECT {columns} FROM vectorshelf.runs WHERE run_id = %s", (run_id,))  # noqa: S608 - fixed text
    row = cur.fetchone()
    if row is None:
        raise ConfigurationError(f"the ledger knows no run {run_id}: run prepare first, on the same DATABASE_URL")
    return RunRow(*row)


def approved(cur: Cursor, run_id: str) -> float | None:
    """The cap a person gave this run, in dollars; None without one, or when the ledger does not know the run yet."""
    cur.execute("SELECT approved_usd::float8 FROM vectorshelf.runs WHERE run_id = %s", (run_id,))
    row = cur.fetchone()
    return row[0] if row else None


def approve(cur: Cursor, run_id: str, cap_usd: float, by: str) -> None:
    """Give the run a cap of its own, for all its tries together, in place of the catalog's budgets."""
    cur.execute(
        "UPDATE vectorshelf.runs SET approved_usd = %s, approved_by = %s, approved_at = now() WHERE run_id = %s",
        (cap_usd, by, run_id),
    )


def finish_run(cur: Cursor, run_id: str, status: str, error: str | None, figures: Mapping[str, Any] | None) -> None:
    """Close the run. A failure reported twice keeps its first reason; a success is never turned into a failure."""
    cur.execute(
        query("finish_run"),
        {"run_id": run_id, "status": status, "error": error, "figures": json.dumps(figures) if figures else None},
    )


def record_stage(cur: Cursor, run_id: str, stage: str, shard: int, seconds: float, counts: Counts) -> None:
    """Write one stage's time, peak memory and counts; a stage that ran twice adds its time up, last counts win."""
    cur.execute(
        query("record_stage"),
        {
            "run_id": run_id,
            "stage": stage,
            "shard": shard,
            "seconds": seconds,
            "peak_rss_mb": peak_rss_mb(),
            "counts": json.dumps(counts),
        },
    )


@contextmanager
def timed(conn: Connection, run_id: str, stage: str, shard: int = -1) -> Iterator[Counts]:
    """Time the block and record it as a stage with whatever counts the block put into the yielded dict."""
    counts: Counts = {}
    started = time.monotonic()
    yield counts
    with transaction(conn) as cur:
        record_stage(cur, run_id, stage, shard, time.monotonic() - started, counts)


def stages(cur: Cursor, run_id: str) -> list[tuple[str, int, float, float, Counts]]:
    """(stage, shard, seconds, peak_rss_mb, counts) in the order they finished."""
    cur.execute(
        "SELECT stage, shard, seconds, peak_rss_mb, counts FROM vectorshelf.stages"
        " WHERE run_id = %s ORDER BY finished_at, shard",
        (run_id,),
    )
    return cur.fetchall()


def stage_counts(cur: Cursor, run_id: str, stage: str) -> Counts | None:
    """The counts one unsharded stage recorded, or None when it has not finished yet."""
    cur.execute("SELECT counts FROM vectorshelf.stages WHERE run_id = %s AND stage = %s", (run_id, stage))
    row = cur.fetchone()
    return row[0] if row else None


def record_request(cur: Cursor, request: PaidRequest) -> None:
    """Account for one answered request, in the transaction that stores what it brought."""
    if request.hold is not None:
        cur.execute(query("settle_request"), asdict(request))
        if cur.rowcount:
            return
    cur.execute(query("record_request"), asdict(request))


def past_usage(cur: Cursor, space: int) -> tuple[int, int]:
    """(tokens, bytes) of the space's last thousand requests: what calibrates the token estimate."""
    cur.execute(query("past_usage"), {"space": space})
    tokens, size = cur.fetchone() or (0, 0)
    return int(tokens), int(size)


def paid(cur: Cursor, run: RunRow) -> dict[str, float]:
    """Requests, texts, tokens and dollars of this opening of the run, without prepare's tiny one (shard -1).

    `presumed_usd` is the most that requests may have cost whose answers got lost; known only under a budget.
    """
    cur.execute(
        "SELECT count(*), coalesce(sum(texts), 0), coalesce(sum(tokens), 0), coalesce(sum(cost_usd), 0)"
        " FROM vectorshelf.requests WHERE run_id = %s AND at >= %s AND shard >= 0 AND held_until IS NULL",
        (run.run_id, run.started_at),
    )
    requests, texts, tokens, cost = cur.fetchone() or (0, 0, 0, 0)
    cur.execute(
        "SELECT coalesce(sum(cost_usd), 0) FROM vectorshelf.requests"
        " WHERE run_id = %s AND at >= %s AND held_until IS NOT NULL",
        (run.run_id, run.started_at),
    )
    (presumed,) = cur.fetchone() or (0,)
    return {
        "requests": requests,
        "embedded": int(texts),
        "tokens": int(tokens),
        "cost_usd": float(cost),
        "presumed_usd": float(presumed),
    }


def previous_as_of(cur: Cursor, catalog: str, table: str, before: datetime) -> datetime | None:
    """`as_of` of the newest successful run dated before `before`: where a SQL source's next interval starts."""
    cur.execute(
        "SELECT max(as_of) FROM vectorshelf.runs WHERE catalog = %s AND status = 'success' AND as_of < %s"
        " AND request ->> 'limit' IS NULL AND request ->> 'source' IS NULL"
        " AND request #>> '{catalog,table}' = %s",
        (catalog, before, table),
    )
    row = cur.fetchone()
    found: datetime | None = row[0] if row else None
    return found


def embedding_of(cur: Cursor, catalog: str, model: str, dimensions: int) -> dict[str, Any] | None:
    """The `embedding` section that the catalog's last good run in this model had; None when there was no run in it."""
    cur.execute(
        "SELECT request #> '{catalog,embedding}' FROM vectorshelf.runs"
        " WHERE catalog = %s AND request #> '{catalog,embedding}' @> jsonb_build_object('model', %s, 'dimensions', %s)"
        " ORDER BY status = 'success' DESC, started_at DESC LIMIT 1",
        (catalog, model, dimensions),
    )
    row = cur.fetchone()
    found: dict[str, Any] | None = row[0] if row else None
    return found


def peak_rss_mb() -> float:
    """This process's highest resident memory so far, in MiB.

    On Linux from the kernel's own account of the process: getrusage's also counts what the parent held at the fork.
    """
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024
