"""One DAG per catalog file: `embed_<name>`. Wiring only; the work is in `vectorshelf.pipeline`.

Parsing reads the YAML files and nothing else. A file that cannot be used makes no DAG here and an import error in
`broken_catalogs.py`, so that it takes no other catalog down.
"""

import logging
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    CronDataIntervalTimetable,
    Metadata,
    dag,
    get_current_context,
    get_parsing_context,
    task,
)

from vectorshelf.catalog.loading import load_folder
from vectorshelf.catalog.model import Catalog
from vectorshelf_connections import from_environment, settings
from vectorshelf_form import form
from vectorshelf_retries import ByReaction
from vectorshelf_runbook import asset_name, description, runbook
from vectorshelf_runs import LogProgress, deal, embed_states, mark_failed, request_of, runs_to_come, skipping

log = logging.getLogger(__name__)

# Before any date a person may ask for: Airflow runs nothing, and says "success", for a manual run dated before it.
START = datetime(2000, 1, 1, tzinfo=UTC)
# The id of the run in the ledger. A template and not an argument, so that the graph stays a chain.
RUN = "{{ ti.xcom_pull(task_ids='prepare') }}"
DEFAULTS = {
    "owner": "vectorshelf",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": ByReaction(),
    "on_failure_callback": mark_failed,
}


@task(execution_timeout=timedelta(minutes=15))
def prepare(catalog: str) -> str:
    """Check the database and the endpoint, migrate, open the run in the ledger. Returns the run's id there."""
    from vectorshelf import pipeline

    return pipeline.prepare(request_of(catalog, get_current_context()), settings(), LogProgress())


@task(execution_timeout=timedelta(hours=4))
def extract(run: str, connection: str | None) -> dict[str, int]:
    """Stream the source into the run's staging table. Ends as skipped where a missing file is no fault."""
    from vectorshelf import pipeline

    with skipping(in_dry_runs=False):
        return pipeline.extract(run, settings(connection), LogProgress())


@task(execution_timeout=timedelta(hours=1))
def plan(run: str) -> list[dict[str, Any]]:
    """Compare with what is stored, apply the brakes, cut the work into shards. Returns one item per embed task."""
    from vectorshelf import pipeline
    from vectorshelf.report import plain

    planned = pipeline.plan(run, settings(), LogProgress(), may_ask=True)
    if planned["dry_run"]:
        log.info("%s", plain(pipeline.report(run, settings())))
        return []
    return deal(planned["shards"], embed_states(get_current_context()))


@task(
    pool="embedding_api",
    retries=5,
    execution_timeout=timedelta(hours=6),
    map_index_template="{{ task.op_kwargs['label'] }}",
)
def embed(run: str, shard: int | None, texts: int, label: str) -> dict[str, int]:
    """Embed what the shard still lacks; a retry goes on where the last try stopped."""
    if shard is None:
        return {}
    from vectorshelf import pipeline

    progress = LogProgress()
    progress.start(label, texts, "texts")  # the pipeline counts them; it does not know how many shards there are
    return pipeline.embed(run, shard, settings(), progress)


# Also runs when there was nothing to embed: `embed` is skipped then.
@task(trigger_rule="none_failed", execution_timeout=timedelta(hours=6))
def load(run: str) -> dict[str, int]:
    """Merge staging and vectors into the serving table. A dry run ends here, as skipped."""
    from vectorshelf import pipeline

    with skipping():  # extract said so; `embed` is skipped then as on a quiet night
        return pipeline.load(run, settings(), LogProgress())


# These two also run for a date without a file: it may be the last of a backfill.
@task(trigger_rule="none_failed", execution_timeout=timedelta(hours=12))
def index(run: str) -> dict[str, Any]:
    """Build or keep the vector index, and measure its recall. A backfill's last run measures for all of them."""
    from vectorshelf import pipeline

    with skipping():
        return pipeline.index(run, settings(), LogProgress(), to_come=runs_to_come(get_current_context()))


@task(trigger_rule="none_failed", execution_timeout=timedelta(hours=6))
def vacuum(run: str) -> dict[str, Any]:
    """VACUUM (ANALYZE), where something changed. A backfill's last run does it for all of them."""
    from vectorshelf import pipeline

    with skipping(lambda: pipeline.report(run, settings())):  # `report` is skipped as well then
        return pipeline.vacuum(run, settings(), LogProgress(), to_come=runs_to_come(get_current_context()))


# The leaf that carries the status: it runs only when everything before it went well.
@task(execution_timeout=timedelta(minutes=15))
def report(run: str) -> Generator[Metadata, None, dict[str, Any]]:
    """Write the run's figures in the ledger and put them on the event of the serving table's asset."""
    from vectorshelf import pipeline
    from vectorshelf.report import plain

    figures = pipeline.report(run, settings())
    log.info("%s", plain(figures))
    (table,) = get_current_context()["outlets"]
    yield Metadata(table, extra=figures)
    return figures


@task(execution_timeout=timedelta(minutes=15), on_failure_callback=None)
def drop_staging(run: str) -> None:
    """Drop the run's staging tables, whatever became of the run."""
    from vectorshelf import pipeline

    pipeline.drop_staging(run, settings())


def embed_dag(catalog: Catalog) -> DAG:
    """The DAG of one catalog."""
    asset = Asset(name=asset_name(catalog), uri=f"vectorshelf://{'/'.join(catalog.table_parts)}", group="vectorshelf")

    @dag(
        dag_id=f"embed_{catalog.name}",
        description=description(catalog),
        doc_md=runbook(catalog),
        schedule=CronDataIntervalTimetable(catalog.schedule, timezone=catalog.timezone) if catalog.schedule else None,
        start_date=START,
        catchup=False,
        max_active_runs=1,
        params=form(catalog),
        tags=["vectorshelf", catalog.mode, catalog.embedding.provider],
        default_args=DEFAULTS,
    )
    def wiring() -> None:
        opened, extracted, shards = prepare(catalog.name), extract(RUN, catalog.source.connection), plan(RUN)
        embedded = embed.partial(run=RUN).expand_kwargs(shards)
        loaded, before = load(RUN), shards
        reported = report.override(outlets=[asset])(RUN)
        if catalog.over_budget == "ask":
            from vectorshelf_approval import BudgetApproval

            before = before >> BudgetApproval(task_id="approve", run=RUN)
        if catalog.embedding.batch != "never":
            from vectorshelf_batch import BatchJobs

            before = before >> BatchJobs(task_id="batch", run=RUN)
        before >> embedded
        opened >> extracted >> shards >> embedded >> loaded >> index(RUN) >> vacuum(RUN) >> reported
        # Staging lives from extract to load. Setups, so that clearing `embed` or `load` brings it back first.
        loaded >> drop_staging(RUN).as_teardown(setups=[opened, extracted, shards])

    return wiring()


# A worker parses this file for one task of one DAG: it need not make the others.
wanted = get_parsing_context().dag_id
for found in load_folder(from_environment().catalogs).catalogs.values():
    if wanted in (None, f"embed_{found.name}"):
        embed_dag(found)
