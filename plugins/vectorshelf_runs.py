"""Between an Airflow run and a run of the pipeline: what was asked for, how it goes, and that it failed.

DAG files import this while they are parsed: what is heavy is imported by the function that needs it.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import get_current_context
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowSkipException

from vectorshelf.catalog.model import Catalog
from vectorshelf.errors import ConfigurationError, SkippedError
from vectorshelf_connections import from_environment, settings

if TYPE_CHECKING:
    from vectorshelf.pipeline.request import RunRequest

log = logging.getLogger(__name__)

Shard = dict[str, Any]
"""What one embed task is given: `shard` (None: nothing to do), `texts`, `label`."""

NOTHING_LEFT: Shard = {"shard": None, "texts": 0, "label": "nothing left to embed"}


def request_of(catalog_name: str, context: Context) -> "RunRequest":
    """The trigger form and the run's dates as one request.

    Its key is the Airflow run's own name, so that a task that runs again, or is cleared, finds the run it worked on.
    Raises ConfigurationError for a backfill with a form that would make all of its runs load the same.
    """
    from vectorshelf.catalog.loading import find_catalog
    from vectorshelf.pipeline.request import RunRequest

    catalog = find_catalog(catalog_name, from_environment().catalogs)
    params, dag_run = context["params"], context["dag_run"]
    asked, kind = params["as_of"], kind_of(dag_run.run_type)
    if kind == "backfill" and (asked or params.get("source")):
        raise ConfigurationError(
            "each run of a backfill loads the file of its own date, and this one's form says otherwise: create the "
            "backfill again with as_of and source left empty (with --dag-run-conf '{}' and --reprocess-behavior "
            "completed: Airflow keeps the old form of runs that it makes again)"
        )
    return RunRequest(
        catalog=catalog,
        as_of=as_of(catalog, asked, dag_run.data_interval_end, dag_run.run_after),
        start=None if asked else start_of(dag_run.data_interval_start, dag_run.data_interval_end),
        source=params.get("source"),
        limit=params["limit"],
        max_cost_usd=params["max_cost_usd"],
        dry_run=params["dry_run"],
        rebuild_index=params["rebuild_index"],
        allow_delete=params["allow_delete"],
        kind=kind,
        key=f"{dag_run.dag_id} {dag_run.run_id}",
    )


def kind_of(run_type: str) -> Literal["manual", "scheduled", "backfill"]:
    """What Airflow calls a run's type (its `DagRunType` is a text). What is neither a person's nor a backfill's is the
    schedule's.
    """
    return "manual" if run_type == "manual" else "backfill" if run_type == "backfill" else "scheduled"


def as_of(catalog: Catalog, asked: str | None, interval_end: datetime | None, triggered: datetime) -> datetime:
    """The date asked for, else the data interval's end, else (a manual run without dates) the moment it was triggered.

    That moment is the run's `run_after`: a task cannot see `queued_at`, which moves when a run is cleared anyway.
    Raises ConfigurationError for the future, which Airflow lets people trigger: loaded, it would fence every later
    night out.
    """
    from vectorshelf.catalog.dates import as_of_of

    return as_of_of(asked or interval_end or triggered, catalog)


def start_of(start: datetime | None, end: datetime | None) -> datetime | None:
    """Where a SQL source's interval begins; None is "where the last run ended".

    A dated run of a catalog without a schedule has an interval of no length, in which there is nothing to read.
    """
    return None if start == end else start


def deal(shards: Sequence[Shard], states: Mapping[int, str | None]) -> list[Shard]:
    """Give the shards to the map indexes of `embed` that will run. `states` is what each index that exists is in.

    On a first run none exists and the shards are returned as they are. When a few of a run's embed tasks are cleared,
    the run is planned again, for what is left, and only the cleared indexes (state None) run: the shards go to them,
    then to new ones. Never returns fewer items than there are indexes, which Airflow would remove for good.
    """
    left = deque(shards)
    dealt: list[Shard] = []
    while left or len(dealt) <= max(states, default=-1):
        runs = states.get(len(dealt)) is None
        dealt.append(left.popleft() if runs and left else NOTHING_LEFT)
    return dealt


def embed_states(context: Context) -> dict[int, str | None]:
    """The state of each map index of this run's `embed`; empty before the first plan."""
    ti = context["ti"]
    found = ti.get_task_states(dag_id=ti.dag_id, task_ids=["embed"], run_ids=[ti.run_id]).get(ti.run_id, {})
    return {int(name.removeprefix("embed_")): state for name, state in found.items() if name != "embed"}


TO_COME = ["null", "scheduled", "queued", "up_for_retry", "up_for_reschedule", "deferred", "restarting"]
"""States of a task that has yet to start. "null" is how the API calls having none, as every task of a queued run."""


def runs_to_come(context: Context) -> int:
    """How many runs of the DAG will do after this one what this task does; 0 unless a backfill made this one.

    Airflow creates a backfill's runs all at once, so it knows of every one. A task that runs now is not counted: of two
    that are the last together both do the work, and the second finds it done. Nobody waits for a run that failed.
    """
    if context["dag_run"].run_type != "backfill":
        return 0
    ti = context["ti"]
    count: int = ti.get_ti_count(dag_id=ti.dag_id, task_ids=[ti.task_id], states=TO_COME)
    return count


@contextmanager
def skipping(first: Callable[[], object] = lambda: None, *, in_dry_runs: bool = True) -> Iterator[None]:
    """End the task as skipped in a dry run, and where the date has no file: nothing changes. Before, `first`."""
    if in_dry_runs and get_current_context()["params"]["dry_run"]:
        first()
        raise AirflowSkipException("dry run: what it would do is in the log of task plan")
    try:
        yield
    except SkippedError as nothing:
        first()
        raise AirflowSkipException(str(nothing)) from nothing


class LogProgress:
    """Stages as lines of the task's log: at the start, at every tenth, at the end."""

    def __init__(self) -> None:
        self._total: int | None = None
        self._unit = ""
        self._done = 0
        self._next = 0

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Say what is to be done."""
        self._total, self._unit, self._done, self._next = total, unit, 0, self._step(total)
        log.info("%s: %s", stage, "started" if total is None else f"{total:,} {unit}")

    def advance(self, stage: str, amount: int, tokens: int = 0) -> None:
        """Say it when another tenth is done, or another 100,000 where the total is not known."""
        self._done += amount
        if self._done >= self._next:
            self._next = self._done + self._step(self._total)
            log.info("%s: %s %s", stage, f"{self._done:,}", self._unit)

    def note(self, stage: str, line: str) -> None:
        """Say it."""
        log.info("%s: %s", stage, line)

    def finish(self, stage: str, summary: str) -> None:
        """Say what came of it."""
        log.info("%s: %s", stage, summary)

    @staticmethod
    def _step(total: int | None) -> int:
        return 100_000 if total is None else max(1, total // 10)


def mark_failed(context: Context) -> None:
    """Close the run in the ledger with the reason. Called when a task has failed for good, never before a retry."""
    from vectorshelf import pipeline

    run_id = context["ti"].xcom_pull(task_ids="prepare")
    if not run_id:
        return  # prepare itself failed: it says so in its log, and no run was opened
    reason = context.get("exception") or context.get("reason") or "it was stopped"
    pipeline.fail(run_id, f"{context['ti'].task_id}: {reason}", settings())
