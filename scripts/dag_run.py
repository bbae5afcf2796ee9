"""Run one DAG to its end in this process: a DagRun in Airflow's metadata database, without a scheduler.

What `airflow dags test` does, with its 20,000 characters of log in a file and one line per task for people. A scheduler
would need 25 seconds to start and a second per task.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pluggy

hookimpl = pluggy.HookimplMarker("airflow")

TaskLine = Callable[[str, str, float, str], None]
"""Called with the task's name, its state, the seconds it took, and what it said last."""


@dataclass
class Outcome:
    """How the run ended. `returned` is what each unmapped task returned; `reason` is the first failure's."""

    state: str = "never started"
    reason: str | None = None
    returned: dict[str, Any] = field(default_factory=dict)


def run_dag(dag_id: str, dags: Path, log: Path, tell: TaskLine) -> Outcome:
    """Parse the folder, run the DAG as a manual run without dates, and return how it went.

    The environment has to be Airflow's already. Everything Airflow prints goes to `log`.
    """
    with _output_to(log):
        from airflow.settings import dispose_orm

        try:
            return _run(dag_id, dags, _Watcher(tell))
        finally:
            dispose_orm(do_log=False)  # its open connections would keep a borrowed Postgres up


def _run(dag_id: str, dags: Path, watcher: "_Watcher") -> Outcome:
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.sdk.listener import get_listener_manager

    bag = BundleDagBag(dag_folder=dags, bundle_path=dags, bundle_name="dags-folder")
    if dag_id not in bag.dags:
        return Outcome(reason="; ".join(bag.import_errors.values()) or f"no DAG is called {dag_id}")
    get_listener_manager().add_listener(watcher)
    logging.getLogger("vectorshelf_runs").addHandler(watcher.ears)
    dag = bag.dags[dag_id]
    for task in dag.tasks:
        task.retries = 0  # somebody is watching: what is wrong is said now, not after three waits
    run = dag.test(logical_date=None)
    watcher.outcome.state = str(getattr(run.state, "value", run.state))
    watcher.outcome.returned = {ti.task_id: ti.xcom_pull(task_ids=ti.task_id) for ti in run.get_task_instances()}
    return watcher.outcome


class _Ears(logging.Handler):
    """Remembers the last line a stage logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage().partition(": ")[2]


class _Watcher:
    """Airflow's listener: one line when a task ends."""

    def __init__(self, tell: TaskLine) -> None:
        self.outcome = Outcome()
        self.ears = _Ears()
        self._tell = tell
        self._started = time.monotonic()

    @hookimpl
    def on_task_instance_running(self) -> None:
        self._started, self.ears.last = time.monotonic(), ""

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:  # noqa: ANN401  one of two classes of Airflow's
        self._ended(task_instance, "done", self.ears.last)

    @hookimpl
    def on_task_instance_skipped(self, task_instance: Any) -> None:  # noqa: ANN401
        self._ended(task_instance, "skipped", self.ears.last)

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: Any) -> None:  # noqa: ANN401
        self.outcome.reason = self.outcome.reason or f"{task_instance.task_id}: {error}"
        self._ended(task_instance, "failed", str(error))

    def _ended(self, task_instance: Any, state: str, note: str) -> None:  # noqa: ANN401
        self._tell(task_instance.task_id, state, time.monotonic() - self._started, note)


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """Point standard output and error, also of code in C and of children, at a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, saved in zip((1, 2), kept, strict=True):
            os.dup2(saved, number)
            os.close(saved)
