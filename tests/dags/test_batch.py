"""The task that waits for batches: which DAGs have it, that it defers, and what its trigger remembers and sees."""

import asyncio
from datetime import UTC, datetime

import psycopg2
import pytest

from tests.dags.shop import Shop, run
from tests.standin.ending import end_jobs


@pytest.fixture
def shop(tmp_path, standin):
    found = Shop(tmp_path)
    found.snapshot("2026-11-20")
    for name, mode in (("batched", "always"), ("choosy", "auto"), ("plain", "never")):
        found.catalog(
            name,
            source={"path": "shop/{as_of:%Y-%m-%d}.csv", "missing": "previous"},
            embedding={"base_url": standin.base_url, "dimensions": 8, "batch": mode},
            schedule=None,
            index={"type": "none"},
            over_budget="ask",
        )
    return found


@pytest.fixture
def dags(shop, catalog_database, load_dags):
    return load_dags(shop.folder).dags


def test_only_dags_of_catalogs_that_may_use_batches_have_the_task_between_plan_and_embed(dags):
    assert "batch" not in dags["embed_plain"].task_ids
    for name in ("embed_batched", "embed_choosy"):
        task = dags[name].get_task("batch")
        assert task.upstream_task_ids == {"approve"}
        assert task.downstream_task_ids == {"embed"}
        assert task.pool == "default_pool"


def test_a_run_waits_deferred_and_then_finds_nothing_left_to_embed(dags, standin, catalog_database):
    standin.tell(batches={"delay": 1.0})
    found = run(dags["embed_batched"])
    assert found.state == "success", found.tasks
    assert found.figures["embedded"] == 4
    seen = standin.batches()
    assert (seen["jobs"], seen["inputs"], seen["twice"]) == (1, 4, 0)
    assert standin.figures()["requests"] == 1, "the self-test alone went the ordinary way"
    with psycopg2.connect(catalog_database.get_secret_value()) as conn, conn.cursor() as cur:
        cur.execute("SELECT run_id, state FROM vectorshelf.batch_jobs")
        ((_, state),) = cur.fetchall()
    assert state == "ended"


def test_the_trigger_keeps_no_secret_and_comes_back_as_it_was(airflow):
    from vectorshelf_batch import BatchTrigger

    path, kept = BatchTrigger("http://127.0.0.1:1/v1", ["batch-1"], 7.0).serialize()
    assert path == "vectorshelf_batch.BatchTrigger"
    assert kept == {"endpoint": "http://127.0.0.1:1/v1", "batches": ["batch-1"], "patience": 7.0}
    assert BatchTrigger(**kept).serialize() == (path, kept)


def test_the_trigger_outlives_an_endpoint_that_is_away_and_fires_in_the_end(airflow, monkeypatch):
    from pydantic import SecretStr

    import vectorshelf_batch
    from vectorshelf.settings import Settings

    monkeypatch.setattr(vectorshelf_batch, "settings", lambda: Settings(openai_api_key=SecretStr("k")))

    async def first() -> object:
        trigger = vectorshelf_batch.BatchTrigger("http://127.0.0.1:9/v1", ["batch-1"], 0.2)
        return (await anext(trigger.run())).payload

    assert asyncio.run(first()) == "time to look"


def test_with_jobs_open_the_task_leaves_its_worker_to_the_trigger(
    shop, standin, catalog_database, airflow, monkeypatch
):
    from airflow.sdk.exceptions import TaskDeferred

    import vectorshelf_batch
    from vectorshelf import pipeline
    from vectorshelf.catalog.loading import find_catalog
    from vectorshelf.settings import Settings

    standin.tell(batches={"delay": 3600.0})
    found = Settings(database_url=catalog_database, catalogs=shop.folder)
    monkeypatch.setattr(vectorshelf_batch, "settings", lambda: found)
    catalog = find_catalog("batched", found.catalogs)
    request = pipeline.RunRequest(catalog=catalog, as_of=datetime(2026, 11, 20, tzinfo=UTC), key="batched")
    run_id = pipeline.prepare(request, found)
    pipeline.extract(run_id, found)
    pipeline.plan(run_id, found)
    task = vectorshelf_batch.BatchJobs(task_id="batch", run=run_id)

    for _ in range(2):  # a retry waits for the same job
        with pytest.raises(TaskDeferred) as deferred:
            task.execute({"params": {"dry_run": False}})
        _, kept = deferred.value.trigger.serialize()
        assert len(kept["batches"]) == 1
        assert deferred.value.method_name == "execute"
    assert standin.batches()["jobs"] == 1

    end_jobs(standin)
    assert task.execute({"params": {"dry_run": False}}, event="cancelled") == {"stored": 4}


@pytest.mark.parametrize(
    ("run_type", "kind"),
    [("manual", "manual"), ("backfill", "backfill"), ("scheduled", "scheduled"), ("asset_triggered", "scheduled")],
)
def test_what_airflow_calls_a_run_says_whether_it_has_a_deadline(run_type, kind):
    from vectorshelf_runs import kind_of

    assert kind_of(run_type) == kind
