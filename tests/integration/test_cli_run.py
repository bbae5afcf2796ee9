"""`vectorshelf run`, as a process on a real Postgres: figures, exit codes, JSON, Ctrl-C."""

import os
import signal

import psycopg2
import pytest

from tests.integration.command import PRODUCTS, Command
from tests.standin.client import running as running_standin

KEYS = {
    "run_id", "catalog", "as_of", "status", "extracted", "quarantined", "new", "changed", "attributes_changed",
    "unchanged", "deleted", "embedded", "reused", "requests", "tokens", "cost_usd", "index", "seconds", "peak_rss_mb",
}  # fmt: skip
INDEX_KEYS = {"action", "reason", "type", "lists", "probes", "recall"}


@pytest.fixture
def command(tmp_path, database_url) -> Command:
    command = Command(tmp_path / "project", DATABASE_URL=database_url.get_secret_value())
    command.catalog()
    command.snapshot(1)
    return command


@pytest.fixture
def offline(tmp_path) -> Command:
    """For what is refused before any database is asked, or because it cannot be reached."""
    command = Command(tmp_path / "project", DATABASE_URL="postgresql://shelf:hunter2@127.0.0.1:1/shop")
    command.catalog()
    command.snapshot(1)
    return command


def counts(figures: dict, *names: str) -> tuple:
    return tuple(figures[name] for name in names)


def test_a_run_says_what_it_did_and_what_to_do_next(command):
    done = command("run", "shop", "--as-of", "2025-11-01")
    assert done.returncode == 0, done.stderr
    for shown in (
        "shop, 2025-11-01 00:00 UTC: done",
        "4 read: 4 new",
        "4 embedded in 1 request",
        "recall 1.000",
        "vectorshelf search shop",
    ):
        assert shown in done.stdout
    assert "extract: 4 products" in done.stderr


def test_json_has_every_key_that_outsiders_rely_on(command):
    figures = command.json("run", "shop", "--as-of", "2025-11-01")
    assert figures.keys() >= KEYS
    assert figures["index"].keys() >= INDEX_KEYS
    assert counts(figures, "status", "new", "embedded", "cost_usd") == ("success", 4, 4, 0)
    assert all(isinstance(seconds, float) for seconds in figures["seconds"].values())
    assert figures["as_of"] == "2025-11-01T00:00:00+00:00"


def test_the_second_run_embeds_nothing(command):
    command("run", "shop", "--as-of", "2025-11-01")
    assert counts(command.json("run", "shop", "--as-of", "2025-11-01"), "embedded", "unchanged") == (0, 4)


def test_a_dry_run_changes_nothing(command):
    assert command.json("run", "shop", "--as-of", "2025-11-01", "--dry-run")["status"] == "planned"
    assert command.json("status", "shop")["catalogs"][0]["rows"] == 0
    assert "nothing was changed" in command("run", "shop", "--as-of", "2025-11-01", "--dry-run").stdout


def test_a_source_of_ones_own_and_a_limit(command):
    other = command.folder / "other.csv"
    other.write_text("sku,title,department\n9,umbrella,rain\n10,boots,rain\n")
    figures = command.json("run", "shop", "--as-of", "2025-11-01", "--source", "other.csv", "--limit", "1")
    assert counts(figures, "extracted", "new", "deleted") == (1, 1, 0)


def test_the_index_is_rebuilt_on_request(command):
    command("run", "shop", "--as-of", "2025-11-01")
    assert command.json("run", "shop", "--as-of", "2025-11-01", "--rebuild-index")["index"]["action"] == "rebuilt"


def test_a_brake_fails_the_run_with_its_figures_and_can_be_lifted(command):
    command("run", "shop", "--as-of", "2025-11-01")
    command.snapshot(2, PRODUCTS[:1])
    stopped = command.json("run", "shop", "--as-of", "2025-11-02", code=1)
    assert stopped["status"] == "failed"
    assert "would delete 3 of the 4 products" in stopped["error"]
    assert counts(stopped, "extracted", "deleted") == (1, 3)
    assert command.json("run", "shop", "--as-of", "2025-11-02", "--allow-delete")["deleted"] == 3


def test_an_emptied_snapshot_changes_nothing_until_it_is_let_through_once(command):
    command("run", "shop", "--as-of", "2025-11-01")
    command.snapshot(2, [])
    stopped = command.json("run", "shop", "--as-of", "2025-11-02", code=1)
    assert "would delete every product; nothing was changed" in stopped["error"]
    assert command.json("status", "shop")["catalogs"][0]["rows"] == 4
    assert command.json("run", "shop", "--as-of", "2025-11-02", "--allow-delete")["deleted"] == 4
    command.snapshot(3, PRODUCTS)
    command.json("run", "shop", "--as-of", "2025-11-03")
    command.snapshot(4, [])
    command.json("run", "shop", "--as-of", "2025-11-04", code=1)  # it was let through once, not for ever
    assert command.json("status", "shop")["catalogs"][0]["rows"] == 4


def test_a_run_over_its_budget_stops_before_paying(command):
    command.catalog("dear", embedding={"provider": "local", "usd_per_million_tokens": 1000.0})
    stopped = command.json("run", "dear", "--as-of", "2025-11-01", "--max-cost-usd", "0.0001", code=1)
    assert counts(stopped, "status", "embedded", "cost_usd") == ("failed", 0, 0)
    assert "budget" in stopped["error"]


def test_a_missing_file_fails_the_run_in_one_sentence_and_is_in_the_ledger(command):
    failed = command.json("run", "shop", "--as-of", "2025-11-20", code=1)
    assert failed.keys() >= KEYS
    assert failed["run_id"].startswith("shop-20251120")
    assert "2025-11-20.csv" in failed["error"]
    last = command.json("status", "shop")["catalogs"][0]["last_run"]
    assert (last["run_id"], last["status"]) == (failed["run_id"], "failed")


class TestWrongUsage:
    def test_an_unknown_catalog_is_answered_with_the_nearest(self, offline):
        wrong = offline("run", "shpo")
        assert wrong.returncode == 2
        assert "did you mean shop?" in wrong.stderr
        assert wrong.stdout == ""

    def test_json_says_so_too(self, offline):
        failed = offline.json("run", "shpo", code=2)
        assert failed.keys() >= KEYS
        assert counts(failed, "catalog", "status", "run_id", "as_of") == ("shpo", "failed", None, None)

    def test_a_broken_catalog_names_file_line_and_key(self, offline):
        path = offline.catalog("broken", mode="snapshott")
        line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if "snapshott" in text)
        wrong = offline("run", "broken")
        assert wrong.returncode == 2
        assert f"broken.yaml:{line}: mode:" in wrong.stderr
        assert offline("check", str(offline.catalogs / "shop.yaml")).returncode == 0, "it took the others down"

    @pytest.mark.parametrize(
        "date",
        ["yesterday", "2025-13-01", "2999-01-01", "1.2.2025", "13/01/2026", "2026-1-5", "20260105", "1763596800"],
    )
    def test_a_date_that_is_none_is_refused(self, offline, date):
        wrong = offline("run", "shop", "--as-of", date)
        assert wrong.returncode == 2
        assert date in wrong.stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            "", "run", "nonsense", "run shop --limit 0", "run shop --max-cost-usd -1", "run shop --limit many",
            "run shop --nonsense", "search shop", "search shop x -k 0", "search shop x --mode magic", "quarantine list",
            "db restart",
        ],
    )  # fmt: skip
    def test_wrong_usage_is_exit_code_2_and_shows_the_usage(self, offline, arguments):
        wrong = offline(*arguments.split())
        assert wrong.returncode == 2
        assert "Usage: " in wrong.stderr + wrong.stdout
        assert "Traceback" not in wrong.stderr

    def test_openai_without_a_key_names_the_variable(self, command):
        command.catalog("clever", embedding={"provider": "openai"})
        wrong = command("run", "clever", "--as-of", "2025-11-01")
        assert wrong.returncode == 2
        assert "OPENAI_API_KEY" in wrong.stderr


class TestDatabase:
    def test_an_unreachable_database_is_said_without_its_password(self, offline):
        failed = offline.json("run", "shop", code=1)
        assert failed["status"] == "failed"
        assert "refused" in failed["error"]
        assert "hunter2" not in str(failed)

    @pytest.mark.parametrize(
        "url", ["postgresql+psycopg2://shelf:hunter2@h/db", "shelf:hunter2@h/db", "postgresql://shelf:p@hunter2@h/db"]
    )
    def test_a_url_that_is_none_is_a_configuration_error_and_not_quoted(self, offline, url):
        wrong = offline("status", DATABASE_URL=url)
        assert wrong.returncode == 2
        assert "postgresql://user:password@host:5432/database" in wrong.stderr
        assert "hunter2" not in wrong.stderr

    def test_debug_shows_a_traceback_and_still_no_password(self, offline):
        failed = offline("run", "shop", VECTORSHELF_DEBUG="1")
        assert "Traceback" in failed.stderr
        assert "hunter2" not in failed.stderr


class TestStopping:
    def test_ctrl_c_while_reading_marks_the_run_failed_and_it_can_be_run_again(self, command, conn):
        pipe = command.folder / "endless.csv"
        os.mkfifo(pipe)
        running = command.start("run", "shop", "--as-of", "2025-11-01", "--source", str(pipe), "--json")
        with pipe.open("w") as writer:  # opens when the run reads
            writer.write("sku,title,department,price\n")
            writer.flush()
            os.killpg(running.pid, signal.SIGINT)
            out, err = running.communicate(timeout=60)
        assert running.returncode == 130, err
        assert '"status": "failed"' in out
        assert "stopped by Ctrl-C" in err
        assert _last_status(conn) == "failed"
        assert _staging_tables(conn) == 0
        assert command.json("run", "shop", "--as-of", "2025-11-01")["new"] == 4

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_a_run_that_waits_for_the_database_can_be_stopped_too(self, command, conn, number, code):
        command("run", "shop", "--as-of", "2025-11-01")
        command.snapshot(2, [*PRODUCTS, ("5", "sofa", "home", "400")])
        with conn, conn.cursor() as cur:
            cur.execute("LOCK TABLE shop IN ACCESS EXCLUSIVE MODE")
            running = command.start("run", "shop", "--as-of", "2025-11-02")
            _wait_until_blocked(cur)
            os.kill(running.pid, number)
            _, err = running.communicate(timeout=60)
        assert running.returncode == code, err
        assert _last_status(conn) == "failed"
        assert _staging_tables(conn) == 0
        assert command.json("run", "shop", "--as-of", "2025-11-02")["new"] == 1

    def test_ctrl_c_while_the_model_is_asked_does_not_wait_for_its_answer(self, command, conn, standin):
        command.environment["OPENAI_API_KEY"] = "sk-of-a-test"
        command.catalog("clever", embedding={"provider": "openai", "dimensions": 64})
        with running_standin() as silent:
            silent.tell(faults=[{"kind": "slow", "seconds": 3600, "text": "desk lamp"}])
            command.environment["OPENAI_BASE_URL"] = silent.base_url
            running = command.start("run", "clever", "--as-of", "2025-11-01")
            while not silent.figures()["faults"]:
                assert running.poll() is None, running.communicate()
            os.killpg(running.pid, signal.SIGINT)
            _, err = running.communicate(timeout=60)
            os.kill(silent.pid, signal.SIGKILL)  # it would finish its answer first
        assert running.returncode == 130, err
        assert _last_status(conn) == "failed"
        command.environment["OPENAI_BASE_URL"] = standin.base_url
        assert command.json("run", "clever", "--as-of", "2025-11-01")["embedded"] == 4


def _last_status(conn: psycopg2.extensions.connection) -> str:
    return _value(conn, "SELECT status FROM vectorshelf.runs ORDER BY run_no DESC LIMIT 1")


def _staging_tables(conn: psycopg2.extensions.connection) -> int:
    return _value(
        conn, "SELECT count(*) FROM pg_tables WHERE schemaname = 'vectorshelf' AND tablename ~ '^(staging|pending)_'"
    )


def _value(conn: psycopg2.extensions.connection, statement: str):
    with conn, conn.cursor() as cur:
        cur.execute(statement)
        return cur.fetchone()[0]


def _wait_until_blocked(cur: psycopg2.extensions.cursor) -> None:
    """Until the command waits for our lock. Bounded by the test's own timeout, not by a clock here."""
    blocked = False
    while not blocked:
        cur.execute("SELECT pg_sleep(0.05), pg_stat_clear_snapshot()")  # a transaction sees one snapshot of it
        cur.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        (blocked,) = cur.fetchone()
