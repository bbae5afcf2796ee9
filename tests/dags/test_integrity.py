"""What Airflow makes of the DAG files: which DAGs, wired how, with which guards. Nothing is run."""

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest

from local_airflow import POOLS, PROJECT

IN_AN_EMPTY_ENVIRONMENT = """
import json, sys
sys.path.insert(0, "plugins")
import airflow.sdk, airflow.sdk.exceptions
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Metadata, Param, dag, get_current_context, task
from airflow.providers.standard.decorators.python import python_task
before = set(sys.modules)
import importlib.util
spec = importlib.util.spec_from_file_location("embed_catalogs", "dags/embed_catalogs.py")
spec.loader.exec_module(importlib.util.module_from_spec(spec))
ours = {name.partition(".")[0] for name in set(sys.modules) - before}
deep = sorted(name for name in sys.modules if name.startswith("vectorshelf."))

from airflow.dag_processing.dagbag import BundleDagBag
from pathlib import Path
bag = BundleDagBag(dag_folder="dags", bundle_path=Path("dags"), bundle_name="dags-folder")
print(json.dumps({"ids": sorted(bag.dag_ids), "errors": bag.import_errors, "ours": sorted(ours), "deep": deep}))
"""
TASKS = {"prepare", "extract", "plan", "embed", "load", "index", "vacuum", "report", "drop_staging"}


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    """The DAG files in a process that has nothing but PATH and an empty AIRFLOW_HOME."""
    home = str(tmp_path_factory.mktemp("empty"))
    environment = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    command = [sys.executable, "-c", IN_AN_EMPTY_ENVIRONMENT]
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def dag(load_dags):
    return load_dags().dags["embed_electronics"]


def test_an_empty_environment_gives_exactly_the_sample_and_the_upkeep_dag_and_no_import_error(parsed):
    assert parsed["ids"] == ["embed_electronics", "maintain_indexes"]
    assert parsed["errors"] == {}


def test_parsing_imports_nothing_heavy(parsed):
    heavy = {"numpy", "psycopg2", "openai", "pyarrow", "pgvector", "fsspec", "orjson", "wordllama", "pandas"}
    assert heavy.isdisjoint(parsed["ours"])


def test_parsing_touches_only_the_rooms_that_read_catalogs(parsed):
    rooms = {name.split(".")[1] for name in parsed["deep"]}
    assert rooms == {"catalog", "errors", "settings"}


def test_the_flow_is_a_chain_with_the_teardown_beside_it(dag):
    edges = {task.task_id: set(task.downstream_task_ids) for task in dag.tasks}
    assert edges == {
        "prepare": {"extract", "drop_staging"},
        "extract": {"plan", "drop_staging"},
        "plan": {"embed", "drop_staging"},
        "embed": {"load"},
        "load": {"index", "drop_staging"},
        "index": {"vacuum"},
        "vacuum": {"report"},
        "report": set(),
        "drop_staging": set(),
    }


def test_the_only_leaf_that_decides_the_runs_state_needs_success_before_it(dag):
    leaves = {task.task_id for task in dag.tasks if not task.downstream_task_ids and not task.is_teardown}
    assert leaves == {"report"}
    rules = {task.task_id: str(getattr(task.trigger_rule, "value", task.trigger_rule)) for task in dag.tasks}
    assert rules.pop("drop_staging") == "all_done_setup_success"
    assert rules.pop("load") == "none_failed"  # also when there was nothing to embed
    assert (rules.pop("index"), rules.pop("vacuum")) == ("none_failed", "none_failed")  # also when there was no file
    assert set(rules.values()) == {"all_success"}


def test_staging_is_brought_back_by_what_clears_a_task_that_reads_it(dag):
    assert {task.task_id for task in dag.tasks if task.is_setup} == {"prepare", "extract", "plan"}
    cleared = dag.partial_subset("embed", include_downstream=True, include_upstream=False)
    assert set(cleared.task_ids) == TASKS
    cleared = dag.partial_subset("index", include_downstream=True, include_upstream=False)
    assert set(cleared.task_ids) == {"index", "vacuum", "report"}


def test_every_task_has_a_time_limit_retries_with_backoff_and_the_policy(dag):
    from vectorshelf_retries import ByReaction

    for task in dag.tasks:
        assert timedelta(0) < task.execution_timeout <= timedelta(hours=12), task.task_id
        assert task.retries >= 3, task.task_id
        assert task.retry_exponential_backoff == 2.0, task.task_id
        assert task.max_retry_delay == timedelta(minutes=10), task.task_id
        assert isinstance(task.retry_policy, ByReaction), task.task_id


def test_only_embedding_takes_slots_of_the_pool_that_start_up_imports(dag):
    assert {task.task_id: task.pool for task in dag.tasks if task.pool != "default_pool"} == {"embed": "embedding_api"}
    assert json.loads(POOLS.read_text())["embedding_api"]["slots"] >= 1


def test_every_task_but_the_teardown_tells_the_ledger_when_it_fails(dag):
    silent = {task.task_id for task in dag.tasks if not task.on_failure_callback}
    assert silent == {"drop_staging"}


def test_it_runs_every_night_over_a_real_interval_and_catches_nothing_up(dag):
    from airflow.sdk import CronDataIntervalTimetable

    assert isinstance(dag.timetable, CronDataIntervalTimetable)
    assert dag.catchup is False
    assert dag.max_active_runs == 1


def test_it_starts_before_any_date_a_person_may_ask_for(dag):
    assert dag.start_date.year == 2000


def test_the_asset_is_the_serving_table(dag):
    (asset,) = dag.get_task("report").outlets
    assert (asset.name, asset.uri) == ("public.products", "vectorshelf://public/products")


def test_the_page_behind_the_dag_is_a_runbook_with_every_task(dag):
    assert "electronics" in dag.description
    assert dag.doc_md.startswith("# electronics")
    for name in TASKS:
        assert f"| `{name}` |" in dag.doc_md
    assert {"vectorshelf", "snapshot", "local"} == set(dag.tags)
    assert dag.owner == "vectorshelf"


def test_the_dag_survives_the_way_into_the_metadata_database(dag):
    from airflow.serialization.serialized_objects import DagSerialization

    returned = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    assert set(returned.task_ids) == TASKS


def test_the_form_works_untouched(dag):
    assert dag.params.validate() == {
        "as_of": None,
        "source": None,
        "dry_run": False,
        "limit": None,
        "rebuild_index": False,
        "max_cost_usd": None,
        "allow_delete": False,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("as_of", "2026-11-22"),
        ("source", "s3://bucket/products.csv"),
        ("dry_run", True),
        ("limit", 100),
        ("rebuild_index", True),
        ("max_cost_usd", 0),
        ("max_cost_usd", 2.5),
        ("allow_delete", True),
    ],
)
def test_the_form_takes(dag, field, value):
    assert dag.params.get_param(field).resolve(value) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("as_of", "yesterday"),
        ("as_of", "22.11.2026"),
        ("as_of", ""),
        ("source", ""),
        ("dry_run", "yes"),
        ("limit", 0),
        ("limit", 1.5),
        ("max_cost_usd", -1),
        ("allow_delete", None),
    ],
)
def test_the_form_refuses(dag, field, value):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dag.params.get_param(field).resolve(value)


def test_every_field_of_the_form_has_a_title_and_says_what_it_does(dag):
    for name in dag.params:
        param = dag.params.get_param(name)
        assert param.schema["title"], name
        assert param.description.endswith("."), name


def test_a_worker_parses_only_the_dag_of_its_task(load_dags, monkeypatch):
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "embed_something_else")
    assert load_dags().dag_ids == ["maintain_indexes"]
