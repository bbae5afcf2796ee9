"""What became of a run: asked of Airflow's REST API, and of the catalog database."""

import time
from typing import Any

import psycopg2

from api import Api

Run = dict[str, Any]


def runs_of(api: Api, dag_id: str) -> list[Run]:
    """The DAG's runs, as the API gives them."""
    found: list[Run] = api.get(f"/dags/{dag_id}/dagRuns")["dag_runs"]
    return found


def end_of(api: Api, dag_id: str, run_id: str, seconds: float = 120) -> Run:
    """The run once it has ended, within two minutes unless told."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        run: Run = api.get(f"/dags/{dag_id}/dagRuns/{run_id}")
        if run["state"] in {"success", "failed"}:
            return run
        time.sleep(0.5)
    raise AssertionError(f"{dag_id} {run_id} is still {run['state']}: {tasks_of(api, run)}")


def tasks_of(api: Api, run: Run) -> dict[str, str]:
    """Each task's state."""
    items = api.get(f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances")["task_instances"]
    return {item["task_id"]: item["state"] for item in items}


def ask(database: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement on the catalog database."""
    with psycopg2.connect(database) as conn, conn.cursor() as cur:
        cur.execute(statement)
        return cur.fetchall() if cur.description else []
