"""Run a catalog stage by stage, each in a process of its own, and read seconds and peak memory from the ledger."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from vectorshelf.catalog.model import Catalog
from vectorshelf.pipeline import RunRequest, tasks
from vectorshelf.settings import Settings
from vectorshelf.store import db, ledger

AS_OF = datetime(2026, 11, 1, 2, tzinfo=UTC)
STAGES = ("extract", "plan", "embed", "load", "index", "vacuum")


@dataclass(frozen=True)
class Stage:
    """Seconds of all its processes together, the highest peak of any of them in MiB."""

    seconds: float
    peak: float


def measure(catalog: Catalog, url: SecretStr) -> tuple[dict[str, Stage], dict[str, Any]]:
    """The stages' figures and the run's report. Shards run one after another."""
    settings = Settings(database_url=url, openai_api_key=SecretStr("none"))
    run_id = tasks.prepare(RunRequest(catalog=catalog, as_of=AS_OF), settings)
    apart(tasks.extract, run_id, settings)
    for shard in apart(tasks.plan, run_id, settings)["shards"]:
        apart(tasks.embed, run_id, shard["shard"], settings)
    for task in (tasks.load, tasks.index, tasks.vacuum):
        apart(task, run_id, settings)
    report = tasks.report(run_id, settings)
    with db.connect(url) as conn, db.transaction(conn) as cur:
        rows = ledger.stages(cur, run_id)
    tasks.drop_staging(run_id, settings)
    return {name: _stage(name, rows) for name in STAGES}, report


def apart(task: Callable[..., Any], *arguments: object) -> Any:
    """Run a task in a fresh interpreter, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(task, *arguments).result()


def _stage(name: str, rows: list[tuple[str, int, float, float, dict[str, Any]]]) -> Stage:
    found = [(seconds, peak) for stage, _, seconds, peak, _ in rows if stage == name]
    return Stage(sum(seconds for seconds, _ in found), max((peak for _, peak in found), default=0.0))
