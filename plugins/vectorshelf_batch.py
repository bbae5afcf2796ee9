"""A run's texts in the provider's Batch API: the task `batch`, which waits in the triggerer and holds no worker slot.

Only DAGs of catalogs with `embedding.batch: auto` or `always` have it. The jobs are durable in the catalog database, so
a task that is killed, retried or cleared goes on with them.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.context import Context
from airflow.triggers.base import BaseTrigger, TriggerEvent

from vectorshelf_connections import settings
from vectorshelf_runs import LogProgress

if TYPE_CHECKING:
    from vectorshelf.pipeline.batching import Standing

LOOK_ANYWAY = 1800.0
"""Seconds after which the task looks for itself, whatever the trigger saw: jobs may be another's, or too old."""

PATIENCE = timedelta(hours=54)
"""Airflow counts the time that a task is deferred. A job is given up after two days."""

SOON = 30.0
"""The same while a job is not surely submitted, or somebody else has it."""


class BatchTrigger(BaseTrigger):
    """Fires when one of these batches has ended. Holds no secret: the key comes from Airflow's connections."""

    def __init__(self, endpoint: str, batches: Sequence[str], patience: float) -> None:
        super().__init__()
        self.endpoint = endpoint
        self.batches = list(batches)
        self.patience = patience

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow keeps of it in its database."""
        kept = {"endpoint": self.endpoint, "batches": self.batches, "patience": self.patience}
        return ("vectorshelf_batch.BatchTrigger", kept)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask ever more rarely; every way out is a reason for the task to look."""
        from vectorshelf.embed.batch_endpoint import until_one_ends

        found = await asyncio.to_thread(settings)
        yield TriggerEvent(await until_one_ends(self.endpoint, found.openai_api_key, self.batches, self.patience))


class BatchJobs(BaseOperator):
    """Submits what the plan of `run` sends through batches, waits deferred, and stores what comes back."""

    template_fields: Sequence[str] = ("run",)

    def __init__(self, *, run: str, **kwargs: Any) -> None:  # noqa: ANN401  Airflow's own arguments
        super().__init__(execution_timeout=PATIENCE, **kwargs)
        self.run = run

    def execute(self, context: Context, event: str | None = None) -> dict[str, Any] | None:
        """Do what can be done now; with open jobs left, leave the worker until one of them has ended."""
        from vectorshelf import pipeline

        if event:
            self.log.info("the trigger saw %s", event)
        if context["params"]["dry_run"]:
            return None
        progress = LogProgress()
        progress.start("batch", None, "texts")
        standing = pipeline.advance(self.run, settings(), progress)
        if standing.open:
            self.log.info("%d jobs with %s texts are open", standing.open, f"{standing.texts:,}")
            self.defer(trigger=_trigger(standing), method_name="execute")
        return {"stored": standing.stored}


def _trigger(standing: "Standing") -> BatchTrigger:
    everything = len(standing.watched) == standing.open
    return BatchTrigger(standing.endpoint, standing.watched, LOOK_ANYWAY if everything else SOON)
