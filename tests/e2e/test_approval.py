"""A run over its budget in a real Airflow: it waits, a person answers through the UI's API, it goes on or fails."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from api import Api
from local_airflow import LocalAirflow
from services import Services, wait_for
from tests.dags.conftest import free_port
from tests.dags.shop import Shop
from tests.e2e.asking import ask, end_of, tasks_of
from vectorshelf import embedded

pytestmark = [pytest.mark.timeout(240)]

PARTS = ["api-server", "scheduler", "dag-processor"]  # no triggerer: who waits for a person needs none
CATALOGS = ("approved", "rejected")


@pytest.fixture(scope="module")
def cluster() -> Iterator[SimpleNamespace]:
    """Airflow up, with two catalogs that may spend nothing this month and ask."""
    with tempfile.TemporaryDirectory(prefix="vs-approval-") as name, embedded.running(Path(name)) as database:
        folder = Path(name) / "catalogs"
        folder.mkdir()
        for catalog in CATALOGS:
            Shop(folder).catalog(
                catalog,
                schedule=None,
                source={"path": "all/snapshot.csv"},
                embedding={"provider": "local", "usd_per_million_tokens": 1000.0},
                max_cost_usd_per_month=0,
                over_budget="ask",
            )
        Shop(folder).snapshot("snapshot", name="all")
        local = LocalAirflow(Path(name), free_port())
        environment = local.environment() | {
            "DATABASE_URL": database.get_secret_value(),
            "VECTORSHELF_CATALOGS": str(folder),
        }
        local.migrate(environment)
        services = Services(local)
        services.start(PARTS, environment)
        try:
            yield _ready(local, services, database.get_secret_value())
        finally:
            services.stop(patience=5)
            embedded.stop(local.home)


def _ready(local: LocalAirflow, services: Services, database: str) -> SimpleNamespace:
    api = Api(local)
    services.wait_until_healthy(PARTS, api, 120)
    api.login()
    for catalog in CATALOGS:
        wait_for(f"{catalog} is not in Airflow", lambda name=catalog: api.has_dag(f"embed_{name}"), 60)
    return SimpleNamespace(api=api, local=local, database=database)


@pytest.fixture(scope="module")
def waiting(cluster) -> dict[str, str]:
    """One run of each catalog, waiting for an answer: the path of its task, by catalog."""
    for catalog in CATALOGS:
        cluster.api.patch(f"/dags/embed_{catalog}", {"is_paused": False})
    found = {}
    for catalog in CATALOGS:
        run = cluster.api.post(f"/dags/embed_{catalog}/dagRuns", {"logical_date": None})
        found[catalog] = f"/dags/embed_{catalog}/dagRuns/{run['dag_run_id']}"
    for path in found.values():
        task = f"{path}/taskInstances/approve"
        wait_for(f"{path} asks nobody", lambda task=task: cluster.api.get(task)["state"] == "awaiting_input", 90)
    return found


def answer(api: Api, run: str, body: dict[str, object]) -> None:
    """Answer, and see the task end.

    Airflow asks again when an answer comes in the very second in which the worker hands the task over: its scheduler
    then takes the worker's exit for that of the task it has just queued. No person is so quick, this test may be.
    """
    task = f"{run}/taskInstances/approve"

    def ended() -> bool:
        state = api.get(task)["state"]
        if state == "awaiting_input" and not api.get(f"{task}/-1/hitlDetails")["response_received"]:
            api.patch(f"{task}/-1/hitlDetails", body)
        return state in {"success", "failed"}

    wait_for(f"{run} does not take the answer", ended, 120)


def test_while_it_waits_it_holds_no_slot_and_has_paid_nothing(cluster, waiting):
    asks = cluster.api.get(f"{waiting['approved']}/hitlDetails")["hitl_details"]
    assert [detail["options"] for detail in asks] == [["Approve", "Reject"]]
    assert "may this run cost up to $" in asks[0]["subject"]
    assert "the budget is $0" in asks[0]["body"]
    assert asks[0]["params"]["cap_usd"]["value"] > 0
    assert cluster.api.get("/pools/default_pool")["occupied_slots"] == 0
    assert ask(cluster.database, "SELECT count(*) FROM vectorshelf.vectors") == [(0,)]


def test_approved_it_goes_on_under_the_cap_it_was_given(cluster, waiting):
    path = waiting["approved"]
    answer(cluster.api, path, {"chosen_options": ["Approve"], "params_input": {"cap_usd": 1.25}})
    ended = end_of(cluster.api, "embed_approved", path.rpartition("/")[2])
    assert ended["state"] == "success", tasks_of(cluster.api, ended)
    assert ask(cluster.database, "SELECT count(*), count(embedding) FROM approved_products") == [(4, 4)]
    assert ask(
        cluster.database,
        "SELECT approved_usd::float8, approved_by, status FROM vectorshelf.runs WHERE catalog = 'approved'",
    ) == [(1.25, "admin", "success")]
    ((spent,),) = ask(
        cluster.database,
        "SELECT sum(cost_usd)::float8 FROM vectorshelf.requests WHERE catalog = 'approved' AND shard >= 0",
    )
    assert 0 < spent <= 1.25


def test_rejected_it_fails_and_says_by_whom(cluster, waiting):
    path = waiting["rejected"]
    answer(cluster.api, path, {"chosen_options": ["Reject"]})
    ended = end_of(cluster.api, "embed_rejected", path.rpartition("/")[2])
    assert ended["state"] == "failed"
    tasks = tasks_of(cluster.api, ended)
    assert (tasks["approve"], tasks["embed"], tasks["drop_staging"]) == ("failed", "upstream_failed", "success")
    ((error,),) = ask(cluster.database, "SELECT error FROM vectorshelf.runs WHERE catalog = 'rejected'")
    assert error.startswith("approve: admin rejected")
    assert ask(
        cluster.database, "SELECT count(*) FROM vectorshelf.requests WHERE catalog = 'rejected' AND shard >= 0"
    ) == [(0,)]
