"""The environment of docker-compose.yml on this machine: CeleryExecutor, Redis with a password, a worker.

Only what names another container is replaced. Needs redis-server.
"""

import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from api import Api
from local_airflow import PROJECT, LocalAirflow
from services import Services, wait_for
from tests.dags.conftest import free_port
from tests.e2e.asking import ask, end_of, runs_of, tasks_of
from vectorshelf import embedded

pytestmark = pytest.mark.timeout(240)

PARTS = ["api-server", "scheduler", "dag-processor", "worker"]


@pytest.fixture(scope="module")
def redis() -> Iterator[SimpleNamespace]:
    """A Redis as compose starts it."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("redis-server is not installed: apt install redis-server")
    port, password = free_port(), secrets.token_hex(12)
    command = [server, "--bind", "127.0.0.1", "--port", str(port), "--requirepass", password, "--save", ""]
    with tempfile.TemporaryDirectory(prefix="vs-redis-") as folder:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        try:
            yield SimpleNamespace(port=port, password=password)
        finally:
            process.terminate()
            process.wait(10)


def compose_environment(local: LocalAirflow, redis: SimpleNamespace, database: str) -> dict[str, str]:
    """The worker's environment in docker-compose.yml, with this machine's addresses and made-up secrets."""
    text = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
    found: dict[str, str] = yaml.safe_load(text)["services"]["airflow-worker"]["environment"]
    values = {
        "REDIS_PASSWORD": redis.password,
        "AIRFLOW_FERNET_KEY": local.secrets["fernet"],
        "AIRFLOW_JWT_SECRET": local.secrets["jwt"],
        "AIRFLOW_API_SECRET_KEY": local.secrets["session"],
        "AIRFLOW_WORKER_CONCURRENCY": "2",
    }
    filled = {
        key: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: values.get(found[1], ""), value) for key, value in found.items()
    }
    metadata = embedded.database(local.home, "airflow", driver="psycopg2").get_secret_value()
    here = local.environment()
    return {
        **here,
        **filled,
        "AIRFLOW__CELERY__BROKER_URL": filled["AIRFLOW__CELERY__BROKER_URL"].replace(
            "redis:6379", f"127.0.0.1:{redis.port}"
        ),
        "AIRFLOW__CELERY__RESULT_BACKEND": re.sub(r"postgresql.*", metadata, filled["AIRFLOW__CELERY__RESULT_BACKEND"]),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": here["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": here["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"],
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata,
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(free_port()),
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": "127.0.0.1",
        "DATABASE_URL": database,
    }


@pytest.fixture(scope="module")
def cluster(redis: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """Airflow as compose runs it, healthy, with the sample DAG unpaused."""
    with tempfile.TemporaryDirectory(prefix="vs-celery-") as name, embedded.running(Path(name)) as database:
        local = LocalAirflow(Path(name), free_port())
        environment = compose_environment(local, redis, database.get_secret_value())
        local.migrate(environment)
        services, api = Services(local), Api(local)
        services.start(PARTS, environment)
        try:
            services.wait_until_healthy(PARTS, api, 120)
            api.login()
            wait_for("the sample is not in Airflow", lambda: api.has_dag("embed_electronics"), 60)
            yield SimpleNamespace(api=api, local=local, database=database.get_secret_value())
        finally:
            services.stop(patience=5)
            embedded.stop(local.home)


def test_the_sample_runs_on_a_celery_worker(cluster):
    cluster.api.patch("/dags/embed_electronics", {"is_paused": False})
    wait_for("there is no run", lambda: bool(runs_of(cluster.api, "embed_electronics")), 30)
    (run,) = runs_of(cluster.api, "embed_electronics")
    ended = end_of(cluster.api, "embed_electronics", run["dag_run_id"])
    assert ended["state"] == "success", tasks_of(cluster.api, ended)
    ((rows,),) = ask(cluster.database, "SELECT count(*) FROM products")
    assert rows > 500
    log = cluster.local.log("worker")
    # Every task of the run, embed's one shard among them; the worker writes its line after the task has told Airflow.
    wait_for("not all nine ran", lambda: log.read_text(errors="replace").count("succeeded in") == 9, 30)
