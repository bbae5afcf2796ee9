"""What a newcomer types: `make run` twice, `make up`, `make down`, each in a folder of its own."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from local_airflow import PROJECT
from tests.dags.conftest import free_port
from vectorshelf import embedded

pytestmark = pytest.mark.timeout(240)

OURS = ("DATABASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "VECTORSHELF_CATALOGS")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """VECTORSHELF_HOME of these tests; whatever they leave running is stopped."""
    with tempfile.TemporaryDirectory(prefix="vs-make-") as name:
        yield Path(name)
        script("down.py", Path(name))
        embedded.stop(Path(name))


def script(name: str, home: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """A script as the Makefile runs it, without keys and without anybody's Airflow settings."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW") and key not in OURS}
    return subprocess.run(
        [sys.executable, str(PROJECT / "scripts" / name), *arguments],
        env={**inherited, "VECTORSHELF_HOME": str(home), "COLUMNS": "120", **more},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def first(home: Path) -> "subprocess.CompletedProcess[str]":
    """`make run` on an empty machine."""
    return script("run_sample.py", home)


@pytest.fixture(scope="module")
def second(home: Path, first: "subprocess.CompletedProcess[str]") -> "subprocess.CompletedProcess[str]":
    """`make run` again."""
    return script("run_sample.py", home)


def test_make_run_ends_well_with_every_figure(first):
    assert first.returncode == 0, first.stdout + first.stderr
    for name in ("extracted", "new", "changed", "unchanged", "deleted", "quarantined", "tokens", "cost_usd", "lists"):
        assert re.search(rf"\b{name} \d", first.stdout), name
    assert re.search(r"recall (0\.9\d*|1\.0)", first.stdout)
    assert re.search(r"seconds: extract \d.*vacuum \d", first.stdout)


def test_make_run_shows_every_task_and_keeps_airflows_log_off_the_terminal(first):
    tasks = re.findall(r"^  ✔ (\w+)", first.stdout, re.MULTILINE)
    assert tasks == ["database", "prepare", "extract", "plan", "embed", "load", *tasks[6:]]
    assert {*tasks[6:]} == {"drop_staging", "index", "vacuum", "report"}
    assert "[info" not in first.stdout
    assert first.stderr == ""


def test_a_portable_coding_machine_is_a_laptop(first):
    hits = first.stdout.partition("? portable coding machine")[2].partition("? ")[0]
    best = next(line for line in hits.splitlines() if line.startswith("1 "))
    assert "Laptops" in best


def test_three_searches_are_shown_and_one_keeps_to_its_category(first):
    assert first.stdout.count("\n  ? ") == 3
    filtered = first.stdout.rpartition("  ? ")[2].splitlines()
    assert all("E-Readers" in line for line in filtered if re.match(r"\d ", line))


def test_a_second_make_run_embeds_nothing(second):
    assert second.returncode == 0, second.stdout + second.stderr
    assert re.search(r"\bnew 0, changed 0\b", second.stdout)
    assert re.search(r"\bembedded 0\b", second.stdout)
    assert "✔ embed" not in second.stdout


def test_make_run_leaves_no_server_behind(home, second):
    assert embedded.url(home) is None


def test_make_airflow_without_make_up_says_what_to_do(tmp_path):
    done = script("airflow_command.py", tmp_path, "dags", "list")
    assert (done.returncode, "`make up` starts it" in done.stderr) == (2, True)


def test_a_run_that_fails_says_why_where_its_log_is_and_exits_with_1(tmp_path):
    (tmp_path / "electronics.yaml").write_text("name: electronics\nsource: {path: gone.csv}\ntable: products\n")
    with tempfile.TemporaryDirectory(prefix="vs-make-") as name:
        failed = script("run_sample.py", Path(name), VECTORSHELF_CATALOGS=str(tmp_path))
        embedded.stop(Path(name))
    assert failed.returncode == 1
    assert "The run ended failed: " in failed.stdout
    assert "run.log" in failed.stdout


def test_make_up_is_healthy_on_loopback_only_and_make_down_stops_just_that(home, second):
    port = free_port()
    up = script("up.py", home, VECTORSHELF_UI_PORT=str(port))
    assert up.returncode == 0, up.stdout + up.stderr
    services = json.loads((home / "airflow/services.json").read_text())
    processes = [psutil.Process(service["pid"]) for service in services]
    try:
        _check_it_is_up(up.stdout, port, processes)
        again = script("up.py", home, VECTORSHELF_UI_PORT=str(port))
        assert (again.returncode, "up already" in again.stdout) == (0, True)
        beside = script("run_sample.py", home)
        assert (beside.returncode, "`make down` first" in beside.stdout) == (1, True)
        listed = script("airflow_command.py", home, "dags", "list", "-o", "plain")
        assert (listed.returncode, "embed_electronics" in listed.stdout) == (0, True)
    finally:
        down = script("down.py", home)
    assert down.stdout == "Stopped: api-server, scheduler, dag-processor, triggerer, postgres.\n"
    assert not any(process.is_running() for process in processes)
    assert embedded.url(home) is None
    assert script("down.py", home).stdout == "Nothing of ours was running.\n"


def _check_it_is_up(said: str, port: int, processes: list[psutil.Process]) -> None:
    password = re.search(r"password +(\S+)", said)
    assert password
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        credentials = {"username": "admin", "password": password[1]}
        token = client.post("/auth/token", json=credentials).json()["access_token"]
        dag = client.get("/api/v2/dags/embed_electronics", headers={"Authorization": f"Bearer {token}"}).json()
    assert dag["is_paused"] is False
    everyone = [*processes, *(child for process in processes for child in process.children(recursive=True))]
    listening = {c.laddr.ip for p in everyone for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_make_down_leaves_a_postgres_alone_that_make_up_did_not_start(home, second):
    embedded.start(home)
    try:
        assert script("down.py", home).stdout == "Nothing of ours was running.\n"
        assert embedded.url(home) is not None
    finally:
        embedded.stop(home)


def test_a_taken_port_is_said_with_what_to_do():
    with socket.socket() as taken, tempfile.TemporaryDirectory(prefix="vs-make-") as name:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = script("up.py", Path(name), VECTORSHELF_UI_PORT=str(port))
    assert refused.returncode == 1
    assert f"port {port} is taken" in refused.stderr
    assert "VECTORSHELF_UI_PORT=" in refused.stderr
