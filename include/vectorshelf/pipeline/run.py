"""All tasks in order in one process: what the command line runs. Airflow runs the same functions, one a task."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from vectorshelf.errors import SkippedError, VectorshelfError
from vectorshelf.pipeline import batching, tasks
from vectorshelf.pipeline.progress import SILENT, Progress
from vectorshelf.pipeline.request import RunRequest
from vectorshelf.settings import Settings


def run(request: RunRequest, settings: Settings, progress: Progress = SILENT) -> dict[str, Any]:
    """Run the catalog from its source to a vacuumed, indexed table and return the run's figures.

    Whatever ends it (an error, Ctrl-C), the ledger says so and the staging tables are dropped; vectors that
    were paid for stay. Raises the error that ended it.
    """
    run_id = tasks.prepare(request, settings, progress)
    with _closed_properly(run_id, settings):
        try:
            tasks.extract(run_id, settings, progress)
        except SkippedError:
            return tasks.report(run_id, settings)
        planned = tasks.plan(run_id, settings, progress)
        if not planned["dry_run"]:
            if request.catalog.embedding.batch != "never":
                batching.wait(run_id, settings, progress)
            progress.start("embed", planned["pending"], "texts")
            for shard in planned["shards"]:
                tasks.embed(run_id, shard["shard"], settings, progress)
            progress.finish("embed", f"{planned['pending']:,} texts")
            tasks.load(run_id, settings, progress)
            tasks.index(run_id, settings, progress)
            tasks.vacuum(run_id, settings, progress)
        return tasks.report(run_id, settings)


@contextmanager
def _closed_properly(run_id: str, settings: Settings) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        _close(run_id, settings, error)
        raise
    with suppress(VectorshelfError):  # the run is done and closed: what stays is dropped by the next one's prepare
        tasks.drop_staging(run_id, settings)


def _close(run_id: str, settings: Settings, error: BaseException) -> None:
    """Best effort: the database may be what failed, and the first error is the one to show."""
    reason = _reason(error)
    try:
        tasks.fail(run_id, reason, settings)
        tasks.drop_staging(run_id, settings)
    except VectorshelfError as second:
        error.add_note(f"the ledger could not be told: {second}")


def _reason(error: BaseException) -> str:
    if isinstance(error, VectorshelfError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "stopped by a person (Ctrl-C or a signal): run it again, it goes on from what is stored"
    return f"{type(error).__name__}: {error}"
