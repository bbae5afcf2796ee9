"""A real Airflow: API server, scheduler and DAG processor, tasks in processes of their own, asked over its REST API."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from api import Api
from local_airflow import PROJECT, LocalAirflow
from services import Services, wait_for
from tests.dags.conftest import free_port
from tests.dags.shop import Shop
from tests.e2e import daily
from tests.e2e.asking import ask, end_of, runs_of, tasks_of
from tests.standin.client import StandIn
from vectorshelf import embedded
from vectorshelf.settings import Settings

pytestmark = pytest.mark.timeout(240)

PARTS = ["api-server", "scheduler", "dag-processor"]
KEY = "sk-of-a-test"
PAST = list(daily.snapshots(daily.generated(200), 6))
"""A catalog's last six days; the newest is the night's that is over."""

SNAPSHOT = sorted((PROJECT / "include/catalogs/electronics").glob("*.csv"))[-1]


@pytest.fixture(scope="module")
def catalogs(_standin_process: StandIn) -> Iterator[Path]:
    """The sample, a catalog whose file is not there, one that cannot be read, and one with a past."""
    with tempfile.TemporaryDirectory(prefix="vs-catalogs-") as name:
        folder = Path(name)
        shutil.copy(PROJECT / "include/catalogs/electronics.yaml", folder)
        shutil.copytree(PROJECT / "include/catalogs/electronics", folder / "electronics")
        Shop(folder).catalog("late", schedule=None, source={"path": "late/{as_of:%Y-%m-%d}.csv"})
        Shop(folder).catalog("big", schedule=None)
        Shop(folder).catalog("old", source={"path": "old/{as_of:%Y-%m-%d}.csv", "missing": "skip"})
        (folder / "torn.yaml").write_text("name: [torn\n")
        daily.catalog(folder, _standin_process.base_url)
        daily.write(folder, daily.last_tick().date(), PAST)
        yield folder


@pytest.fixture(scope="module")
def cluster(catalogs: Path) -> Iterator[SimpleNamespace]:
    """Airflow up and healthy, its API and the catalog database's URL."""
    with tempfile.TemporaryDirectory(prefix="vs-scheduler-") as name, embedded.running(Path(name)) as database:
        local = LocalAirflow(Path(name), free_port())
        environment = local.environment() | {
            "DATABASE_URL": database.get_secret_value(),
            "VECTORSHELF_CATALOGS": str(catalogs),
            "OPENAI_API_KEY": KEY,
        }
        local.migrate(environment)
        services = Services(local)
        services.start(PARTS, environment)
        try:
            yield _ready(local, services, database.get_secret_value(), environment)
        finally:
            services.stop(patience=5)
            embedded.stop(local.home)


def _ready(local: LocalAirflow, services: Services, database: str, environment: dict[str, str]) -> SimpleNamespace:
    api = Api(local)
    services.wait_until_healthy(PARTS, api, 120)
    api.login()
    for dag_id in ("embed_electronics", "embed_late", "embed_big", "embed_daily", "embed_old"):
        wait_for(f"{dag_id} is not in Airflow", lambda dag_id=dag_id: api.has_dag(dag_id), 60)
    return SimpleNamespace(api=api, local=local, database=database, environment=environment)


@pytest.fixture(scope="module")
def runs(cluster: SimpleNamespace) -> dict[str, Any]:
    """Everything that takes time, started together: two runs of the sample, one of the catalog without a file."""
    for dag_id in ("embed_electronics", "embed_late"):
        cluster.api.patch(f"/dags/{dag_id}", {"is_paused": False})
    started = {
        "manual": cluster.api.post("/dags/embed_electronics/dagRuns", {"logical_date": None})["dag_run_id"],
        "late": cluster.api.post("/dags/embed_late/dagRuns", {"logical_date": None})["dag_run_id"],
    }
    ended = {
        "manual": end_of(cluster.api, "embed_electronics", started["manual"]),
        "late": end_of(cluster.api, "embed_late", started["late"]),
    }
    (nightly,) = [run for run in runs_of(cluster.api, "embed_electronics") if run["run_type"] == "scheduled"]
    return {**ended, "nightly": end_of(cluster.api, "embed_electronics", nightly["dag_run_id"])}


def test_the_pool_that_embedding_needs_is_there(cluster):
    assert cluster.api.get("/pools/embedding_api")["slots"] == 4


def test_a_torn_catalog_file_is_an_import_error_of_its_own(cluster):
    (error,) = cluster.api.get("/importErrors")["import_errors"]
    assert error["filename"] == "broken_catalogs.py"
    assert "torn.yaml" in error["stack_trace"]
    shown = {dag["dag_id"]: dag["has_import_errors"] for dag in cluster.api.get("/dags")["dags"]}
    assert {"embed_electronics", "embed_late", "embed_big"} <= set(shown)
    assert not any(shown.values())


def test_a_manual_run_without_a_date_succeeds(cluster, runs):
    assert runs["manual"]["logical_date"] is None
    assert runs["manual"]["state"] == "success", tasks_of(cluster.api, runs["manual"])


def test_unpausing_runs_the_latest_night_over_a_real_interval(cluster, runs):
    assert runs["nightly"]["state"] == "success", tasks_of(cluster.api, runs["nightly"])
    assert runs["nightly"]["data_interval_start"] < runs["nightly"]["data_interval_end"]


def test_the_table_has_every_product_that_can_be_used(cluster, runs):
    lines = len(SNAPSHOT.read_text(encoding="utf-8").splitlines()) - 1
    ((rows, vectors),) = ask(cluster.database, "SELECT count(*), count(embedding) FROM products")
    ((rejected,),) = ask(cluster.database, "SELECT count(*) FROM vectorshelf.quarantine WHERE catalog = 'electronics'")
    assert rows == vectors
    assert 0 < rows <= lines
    assert rows + rejected >= lines - 5  # a product may span lines


def test_each_run_left_its_figures_on_the_assets_event(cluster, runs):
    events = cluster.api.get("/assets/events", source_dag_id="embed_electronics")["asset_events"]
    figures = {event["source_run_id"]: event["extra"] for event in events}
    assert set(figures) == {runs["manual"]["dag_run_id"], runs["nightly"]["dag_run_id"]}
    assert all(found["status"] == "success" for found in figures.values())
    # One of them came first and embedded everything; the other found it all in the store.
    ((distinct,),) = ask(cluster.database, "SELECT count(*) FROM vectorshelf.vectors")
    assert sorted(found["embedded"] for found in figures.values()) == [0, distinct]


def test_a_run_without_dates_is_as_of_its_trigger(cluster, runs):
    events = cluster.api.get("/assets/events", source_dag_id="embed_electronics")["asset_events"]
    as_of = {event["source_run_id"]: event["extra"]["as_of"] for event in events}
    assert as_of[runs["manual"]["dag_run_id"]][:23] == runs["manual"]["run_after"][:23]
    assert as_of[runs["nightly"]["dag_run_id"]][:19] == runs["nightly"]["data_interval_end"][:19]


def test_the_shard_has_a_label_a_person_can_read(cluster, runs):
    first = next(run for run in (runs["nightly"], runs["manual"]) if tasks_of(cluster.api, run)["embed"] == "success")
    path = f"/dags/embed_electronics/dagRuns/{first['dag_run_id']}/taskInstances/embed/listMapped"
    (shard,) = cluster.api.get(path)["task_instances"]
    assert shard["rendered_map_index"].startswith("shard 1 of 1, ")
    assert shard["pool"] == "embedding_api"


def test_a_catalog_without_its_file_ends_failed_and_not_success(cluster, runs):
    assert runs["late"]["state"] == "failed"
    tasks = tasks_of(cluster.api, runs["late"])
    assert tasks["extract"] == "failed"
    assert {tasks[name] for name in ("plan", "embed", "load", "index", "vacuum", "report")} == {"upstream_failed"}
    assert tasks["drop_staging"] == "success"
    ((status, error),) = ask(cluster.database, "SELECT status, error FROM vectorshelf.runs WHERE catalog = 'late'")
    assert (status, error[:9]) == ("failed", "extract: ")


def test_it_failed_at_once_because_nobody_can_retry_a_file_into_being(cluster, runs):
    path = f"/dags/embed_late/dagRuns/{runs['late']['dag_run_id']}/taskInstances/extract"
    assert cluster.api.get(path)["try_number"] == 1


def test_cleared_once_the_file_is_there_the_same_run_goes_on_to_success(cluster, runs, catalogs):
    Shop(catalogs).snapshot(runs["late"]["run_after"][:10], name="late")
    cluster.api.post(
        "/dags/embed_late/clearTaskInstances",
        {"dry_run": False, "dag_run_id": runs["late"]["dag_run_id"], "only_failed": True, "reset_dag_runs": True},
    )
    ended = end_of(cluster.api, "embed_late", runs["late"]["dag_run_id"])
    assert ended["state"] == "success", tasks_of(cluster.api, ended)
    assert ask(cluster.database, "SELECT count(*) FROM late_products") == [(4,)]
    assert ask(cluster.database, "SELECT status, error FROM vectorshelf.runs WHERE catalog = 'late'") == [
        ("success", None)
    ]


def test_clearing_one_shard_embeds_what_is_missing_and_nothing_else(cluster, catalogs):
    """Three shards; what the middle one stored is lost; only that task is cleared."""
    rows = [(str(n), f"product number {n}", "numbers", "1.00") for n in range(13_000)]
    path = Shop(catalogs).snapshot("all", rows, name="big")
    cluster.api.patch("/dags/embed_big", {"is_paused": False})
    body = {"logical_date": None, "conf": {"source": str(path)}}
    run = end_of(cluster.api, "embed_big", cluster.api.post("/dags/embed_big/dagRuns", body)["dag_run_id"])
    assert run["state"] == "success", tasks_of(cluster.api, run)
    before = _shards(cluster.api, run)
    assert [state for _, state, _ in before] == ["success"] * 3

    ours = "sha256 < '\\x40' AND sha256 IN (SELECT text_hash FROM big_products)"
    lost = ask(cluster.database, f"DELETE FROM vectorshelf.vectors WHERE {ours} RETURNING 1")
    ask(cluster.database, "TRUNCATE big_products")
    tasks = [["embed", 1], "load", "index", "vacuum", "report"]
    body = {"dry_run": False, "dag_run_id": run["dag_run_id"], "only_failed": False, "task_ids": tasks}
    cluster.api.post("/dags/embed_big/clearTaskInstances", body)
    run = end_of(cluster.api, "embed_big", run["dag_run_id"])
    assert run["state"] == "success", tasks_of(cluster.api, run)
    after = _shards(cluster.api, run)
    assert [(index, state) for index, state, _ in after] == [(0, "success"), (1, "success"), (2, "success")]
    assert [tries for _, _, tries in after] == [1, 2, 1]
    ((figures,),) = ask(cluster.database, "SELECT figures FROM vectorshelf.runs WHERE catalog = 'big'")
    assert figures["embedded"] == len(lost)
    assert ask(cluster.database, "SELECT count(*), count(embedding) FROM big_products") == [(13_000, 13_000)]


def _shards(api: Api, run: dict[str, Any]) -> list[tuple[int, str, int]]:
    path = f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances/embed/listMapped"
    found = api.get(path)["task_instances"]
    return sorted((item["map_index"], item["state"], item["try_number"]) for item in found)


@pytest.fixture(scope="module")
def backfilled(cluster: SimpleNamespace, catalogs: Path, _standin_process: StandIn) -> Any:
    """Five past days, backwards, four at a time, while the night's own run fires."""
    cluster.api.patch("/dags/embed_daily", {"is_paused": False})
    dates = sorted(date.fromisoformat(path.name[:10]) for path in (catalogs / "daily").iterdir())
    cluster.local.command(daily.backfill(dates[:-1]), cluster.environment)
    wait_for("six runs are not there", lambda: len(runs_of(cluster.api, "embed_daily")) == len(PAST), 60)
    ended = [end_of(cluster.api, "embed_daily", run["dag_run_id"], 500) for run in runs_of(cluster.api, "embed_daily")]
    asked = _standin_process.texts()
    sequential = embedded.database(cluster.local.home, "sequential")
    daily.in_date_order(catalogs, dates, Settings(database_url=sequential, openai_api_key=SecretStr(KEY)))
    return SimpleNamespace(runs=ended, asked=asked, dates=dates, sequential=sequential.get_secret_value())


@pytest.mark.timeout(600)  # the first to ask for it waits for six runs
def test_every_run_of_the_backfill_succeeds_and_has_the_date_of_its_file(cluster, backfilled):
    assert [run["state"] for run in backfilled.runs] == ["success"] * len(PAST)
    assert sorted(run["run_type"] for run in backfilled.runs) == ["backfill"] * (len(PAST) - 1) + ["scheduled"]
    loaded = ask(
        cluster.database,
        "SELECT as_of::date, request ->> 'kind' FROM vectorshelf.runs WHERE catalog = 'daily' ORDER BY as_of",
    )
    assert loaded == [*((day, "backfill") for day in backfilled.dates[:-1]), (backfilled.dates[-1], "scheduled")]


def test_a_backfill_backwards_and_at_once_ends_in_the_table_of_date_order(cluster, backfilled):
    assert ask(cluster.database, daily.CHECKSUM) == ask(backfilled.sequential, daily.CHECKSUM)


def test_every_text_of_the_backfill_is_stored_once(cluster, backfilled):
    texts = daily.distinct_texts(PAST)
    ((stored,),) = ask(
        cluster.database,
        "SELECT count(*) FROM vectorshelf.vectors JOIN vectorshelf.spaces USING (space) WHERE dimensions = 64",
    )
    assert stored == len(texts)


def test_no_text_of_the_backfill_is_paid_for_twice(backfilled):
    assert daily.paid_twice(backfilled.asked, daily.distinct_texts(PAST)) == 0


def test_the_index_is_built_once_and_not_by_every_run(cluster, backfilled):
    log = ask(
        cluster.database,
        "SELECT count(*) FILTER (WHERE action <> 'kept' AND action <> 'none'), count(curve), count(*)"
        " FROM vectorshelf.index_log WHERE catalog = 'daily'",
    )
    ((built, measured, looked),) = log
    assert built == 1
    assert measured <= 2
    assert looked == len(PAST)


OLD = ["1999-12-30", "1999-12-31", "2000-01-01", "2000-01-02"]
"""Dates of files, two of them before the DAG's `start_date`; of the last there is none."""


@pytest.fixture(scope="module")
def reprocessed(cluster: SimpleNamespace, catalogs: Path) -> SimpleNamespace:
    """Four old dates forwards, as the UI's Backfill tab asks for it; the failed one again; then all of them again."""
    shop = Shop(catalogs)
    shop.snapshot(OLD[0], SHELF, name="old")
    shop.snapshot(OLD[1], name="old").write_text("sku,title\n1,apple\n")
    shop.snapshot(OLD[2], [*SHELF, ("kettle", "tea kettle", "home", "30.00")], name="old")
    cluster.api.patch("/dags/embed_old", {"is_paused": False})
    wait_for("the night's run is not there", lambda: runs_of(cluster.api, "embed_old"), 60)
    (night,) = runs_of(cluster.api, "embed_old")  # without a file; it would do the upkeep of the others
    end_of(cluster.api, "embed_old", night["dag_run_id"])
    first = _backfill(cluster, "none", at_once=1)  # so that the date without a file is the last
    vacuums = [action for (action,) in ask(cluster.database, OLD_VACUUMS)]
    shop.snapshot(OLD[1], [*SHELF, ("candle", "wax candle", "home", "3.00")], name="old")
    failed = _backfill(cluster, "failed")
    table, requests = ask(cluster.database, OLD_TABLE), ask(cluster.database, OLD_REQUESTS)
    completed = _backfill(cluster, "completed")
    return SimpleNamespace(
        first=first, vacuums=vacuums, failed=failed, completed=completed, table=table, requests=requests
    )


OLD_REQUESTS = "SELECT count(*) FROM vectorshelf.requests WHERE catalog = 'old' AND shard >= 0"  # prepare's test aside
OLD_TABLE = "SELECT id, name, updated_at FROM old_products ORDER BY id"


OLD_VACUUMS = """
SELECT counts ->> 'action' FROM vectorshelf.stages JOIN vectorshelf.runs USING (run_id)
WHERE catalog = 'old' AND stage = 'vacuum' AND request ->> 'kind' = 'backfill' ORDER BY as_of
"""
SHELF = [(str(number), f"shelf number {number}", "home", "1.00") for number in range(40)]


def _backfill(cluster: SimpleNamespace, reprocess: str, at_once: int = 4) -> dict[str, Any]:
    """The runs by the date of their data, once all have ended. Airflow's dates are where intervals begin."""
    body = {
        "dag_id": "embed_old",
        "from_date": "1999-12-29T00:00:00Z",
        "to_date": "2000-01-01T23:59:59Z",
        "max_active_runs": at_once,
        "reprocess_behavior": reprocess,
    }
    wait_for("the backfill before is not over", lambda: _is_over(cluster.api), 90)  # until then no other can be
    cluster.api.post("/backfills", body)
    runs = {}
    for run in runs_of(cluster.api, "embed_old"):
        if run["run_type"] == "backfill":
            runs[run["data_interval_end"][:10]] = end_of(cluster.api, "embed_old", run["dag_run_id"], 200)
    return runs


def _is_over(api: Api) -> bool:
    return all(found["completed_at"] for found in api.get("/backfills", dag_id="embed_old")["backfills"])


@pytest.mark.timeout(600)  # the first to ask for it waits for nine runs
def test_dates_before_the_start_date_are_backfilled_and_a_date_without_a_file_is_skipped(cluster, reprocessed):
    states = {day: run["state"] for day, run in reprocessed.first.items()}
    assert states == dict(zip(OLD, ["success", "failed", "success", "success"], strict=True))
    last = tasks_of(cluster.api, reprocessed.first[OLD[3]])
    assert {last[name] for name in ("extract", "load", "index", "vacuum", "report")} == {"skipped"}


def test_reprocessing_what_failed_runs_that_date_and_no_other(reprocessed):
    again = {day for day in OLD if reprocessed.failed[day]["start_date"] != reprocessed.first[day]["start_date"]}
    assert again == {OLD[1]}
    assert reprocessed.failed[OLD[1]]["state"] == "success"


def test_reprocessing_what_is_complete_pays_for_nothing_and_changes_nothing(cluster, reprocessed):
    assert [run["state"] for run in reprocessed.completed.values()] == ["success"] * 4
    assert all(reprocessed.completed[day]["start_date"] != reprocessed.failed[day]["start_date"] for day in OLD)
    assert ask(cluster.database, OLD_TABLE) == reprocessed.table
    assert {id_ for id_, *_ in reprocessed.table} == {*(id_ for id_, *_ in SHELF), "kettle"}
    assert ask(cluster.database, OLD_REQUESTS) == reprocessed.requests
    assert reprocessed.requests[0][0] > 0


def test_the_upkeep_is_done_by_the_backfills_last_run_though_it_had_no_file(cluster, reprocessed):
    first_load, one_row_more, no_file = reprocessed.vacuums
    assert (first_load, one_row_more) == ("vacuumed", "skipped")
    assert no_file == "analyzed"
    assert ask(cluster.database, "SELECT unvacuumed FROM vectorshelf.catalogs WHERE catalog = 'old'") == [(0,)]


def test_no_secret_is_in_any_log(cluster, runs):
    secrets = {*cluster.local.secrets.values()}
    assert len(secrets) == 4
    logs = [path for path in (cluster.local.folder / "logs").rglob("*") if path.is_file()]
    assert any("task_id=load" in str(path) for path in logs)
    for path in logs:
        text = path.read_text(errors="replace")
        assert not any(secret in text for secret in secrets), path


def test_secrets_are_their_owners_alone(cluster):
    for name in ("secrets.json", "passwords.json"):
        path = cluster.local.folder / name
        assert path.stat().st_mode & 0o077 == 0
        assert json.loads(path.read_text())
