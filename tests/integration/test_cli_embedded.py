"""The command without DATABASE_URL: `vectorshelf db`, and commands that bring their own Postgres."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.integration.command import Command


@pytest.fixture
def place() -> Iterator[Path]:
    """Not `tmp_path`: every pytest that starts takes the way into its parent from other accounts again."""
    with tempfile.TemporaryDirectory(prefix="vs-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def command(place) -> Iterator[Command]:
    command = Command(place / "project")
    command.catalog()
    command.snapshot(1)
    yield command
    command("db", "stop")


def server_is_up(command: Command) -> bool:
    return command("db", "url").returncode == 0


def test_without_a_server_the_url_is_not_invented(command):
    done = command("db", "url")
    assert (done.returncode, done.stdout) == (1, "")
    assert "vectorshelf db start" in done.stderr
    assert not (command.folder / ".vectorshelf").exists()


def test_start_url_stop(command):
    started = command("db", "start")
    assert started.returncode == 0, started.stderr
    assert (command.folder / ".vectorshelf" / "postgres-18").is_dir()
    url = command("db", "url").stdout
    assert re.fullmatch(r"postgresql://postgres@/vectorshelf\?host=\S+\n", url)
    assert url in started.stdout
    psycopg2.connect(url.strip()).close()
    assert command("db", "start").returncode == 0
    assert command("db", "stop").stdout == "the embedded Postgres is stopped\n"
    assert command("db", "stop").stdout == "the embedded Postgres was not running\n"


def test_a_run_brings_its_own_server_and_takes_it_away_but_not_the_data(command):
    assert command.json("run", "shop", "--as-of", "2025-11-01")["new"] == 4
    assert not server_is_up(command)
    assert command.json("status")["catalogs"][0]["rows"] == 4
    assert command.json("search", "shop", "computer", "-k", "1")["results"][0]["name"] == "laptop"


def test_a_run_leaves_up_what_db_start_started(command):
    command("db", "start")
    assert command("run", "shop", "--as-of", "2025-11-01").returncode == 0
    assert server_is_up(command)


def test_the_home_can_be_elsewhere(command, place):
    home = place / "elsewhere"
    assert command("status", VECTORSHELF_HOME=str(home)).returncode == 0
    assert (home / "postgres-18").is_dir()
    assert not (command.folder / ".vectorshelf").exists()


def test_two_commands_at_once_share_the_server(command):
    runs = [command.start("run", "shop", "--as-of", "2025-11-01", "--json") for _ in range(2)]
    ends = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], ends
    assert command.json("status")["catalogs"][0]["rows"] == 4
    assert not server_is_up(command)


def test_with_database_url_the_url_is_that_one_and_start_says_so(command):
    mine = "postgresql://me@127.0.0.1:1/mine"
    assert command("db", "url", DATABASE_URL=mine).stdout == mine + "\n"
    assert "DATABASE_URL is set" in command("db", "start", DATABASE_URL=mine).stderr


def test_dotenv_is_read_from_the_folder(command):
    (command.folder / ".env").write_text("DATABASE_URL=postgresql://me@127.0.0.1:1/mine\n")
    assert command("db", "url").stdout == "postgresql://me@127.0.0.1:1/mine\n"


def test_a_home_that_cannot_be_is_wrong_configuration(command):
    (command.folder / "file").write_text("")
    wrong = command("run", "shop", VECTORSHELF_HOME="file")
    assert wrong.returncode == 2
    assert "VECTORSHELF_HOME" in wrong.stderr


def test_a_broken_pipe_is_no_bug_of_ours(command):
    """`vectorshelf check | head -0`: the reader went away."""
    line = command.line("check")
    with subprocess.Popen(
        line, cwd=command.folder, env=command.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
    assert said == ""
