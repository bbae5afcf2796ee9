"""A run waits for its batches in a real triggerer and holds no slot: the only one there is runs another DAG."""

import os
import signal
import tempfile
from pathlib import Path

import httpx
import pytest

from api import Api
from local_airflow import LocalAirflow
from services import Services, wait_for
from tests.dags.conftest import free_port
from tests.dags.shop import Shop
from tests.e2e.asking import ask, end_of, tasks_of
from tests.standin.ending import end_jobs
from vectorshelf import embedded

pytestmark = pytest.mark.timeout(600)

PARTS = ["api-server", "scheduler", "dag-processor", "triggerer"]


@pytest.fixture
def cluster(tmp_path, standin):
    """An Airflow that runs one task at a time, with a batched catalog and one that uses the local model."""
    with tempfile.TemporaryDirectory(prefix="vs-batch-") as name, embedded.running(Path(name)) as database:
        folder = Path(name) / "catalogs"
        folder.mkdir()
        shop = Shop(folder)
        shop.snapshot("2026-11-20")
        source = {"path": "shop/{as_of:%Y-%m-%d}.csv", "missing": "previous"}
        asked = {"base_url": standin.base_url, "dimensions": 8, "batch": "always"}
        shop.catalog("batched", source=source, embedding=asked, schedule=None, index={"type": "none"})
        shop.catalog("other", source=source, schedule=None, index={"type": "none"})
        local = LocalAirflow(Path(name), free_port())
        environment = local.environment() | {
            "DATABASE_URL": database.get_secret_value(),
            "VECTORSHELF_CATALOGS": str(folder),
            "AIRFLOW__CORE__PARALLELISM": "1",
        }
        local.migrate(environment)
        services = Services(local)
        services.start(PARTS, environment)
        try:
            api = Api(local)
            services.wait_until_healthy(PARTS, api, 180)
            api.login()
            for dag_id in ("embed_batched", "embed_other"):
                wait_for(f"{dag_id} is not in Airflow", lambda dag_id=dag_id: api.has_dag(dag_id), 120)
                api.patch(f"/dags/{dag_id}", {"is_paused": False})
            yield api, services, environment, database.get_secret_value()
        finally:
            services.stop(patience=5)
            embedded.stop(local.home)


def test_a_waiting_run_holds_no_slot_and_outlives_its_triggerer(cluster, standin):
    api, services, environment, database = cluster
    standin.tell(batches={"delay": 10**6})
    run = {"dag_id": "embed_batched", "dag_run_id": started(api, "embed_batched")}
    wait_for("batch is not deferred", lambda: state_of_batch(api, run) == "deferred", 240)

    other = end_of(api, "embed_other", started(api, "embed_other"))
    assert other["state"] == "success", "the only slot is free while batches are waited for"
    assert state_of_batch(api, run) == "deferred"

    [triggerer] = [service for service in services.running() if service.name == "triggerer"]
    os.kill(triggerer.pid, signal.SIGKILL)
    end_jobs(standin)
    services.start(["triggerer"], environment)

    ended = end_of(api, "embed_batched", run["dag_run_id"])
    assert ended["state"] == "success", tasks_of(api, ended)
    seen = standin.batches()
    assert (seen["jobs"], seen["twice"]) == (1, 0)
    assert ask(database, "SELECT count(*) FROM batched_products") == [(4,)]


def state_of_batch(api: Api, run: dict[str, str]) -> str | None:
    """None when a busy machine gives no answer in time."""
    try:
        return tasks_of(api, run).get("batch")
    except httpx.TimeoutException:
        return None


def started(api: Api, dag_id: str) -> str:
    return api.post(f"/dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"]
