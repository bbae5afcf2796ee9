"""`vectorshelf search`, `status`, `check` and `quarantine`, as processes on a real Postgres."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests import postgres
from tests.conftest import REPOSITORY
from tests.integration.command import PRODUCTS, Command


@pytest.fixture
def command(tmp_path, database_url) -> Command:
    """A project with one catalog, not run yet."""
    return _project(tmp_path, database_url)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, postgres_server) -> Iterator[Command]:
    """The same, run once. For questions only: the tests of this module share it."""
    with postgres.fresh_database(postgres_server) as url:
        command = _project(tmp_path_factory.mktemp("loaded"), url)
        many = [(str(number), f"thing {number}", "things", "1") for number in range(5, 30)]
        command.snapshot(1, [*PRODUCTS, *many, ("99", " ", "fruit", "1"), ("1", "apple again", "fruit", "1")])
        done = command("run", "shop", "--as-of", "2025-11-01")
        assert done.returncode == 0, done.stderr
        yield command


@pytest.fixture
def offline(tmp_path) -> Command:
    """A project whose database cannot be reached."""
    return _project(tmp_path, SecretStr("postgresql://shelf:hunter2@127.0.0.1:1/shop"))


def _project(folder: Path, database_url: SecretStr) -> Command:
    command = Command(folder / "project", DATABASE_URL=database_url.get_secret_value())
    command.catalog()
    command.snapshot(1)
    return command


class TestSearch:
    def test_the_nearest_is_first_and_the_score_is_a_similarity(self, loaded):
        found = loaded.json("search", "shop", "portable computer", "-k", "2")
        assert set(found) == {"results", "milliseconds"}
        first, second = found["results"]
        assert set(first) == {"id", "name", "category", "score", "attributes"}
        assert (first["name"], first["attributes"]) == ("laptop", {"price": "999.00"})
        assert 1 >= first["score"] > second["score"] >= -1

    def test_a_category_narrows_it(self, loaded):
        found = loaded.json("search", "shop", "portable computer", "--category", "home")
        assert [hit["name"] for hit in found["results"]] == ["desk lamp"]

    def test_hybrid_finds_a_word_too(self, loaded):
        found = loaded.json("search", "shop", "pear", "--mode", "hybrid", "-k", "1")
        assert found["results"][0]["name"] == "pear"

    def test_people_get_a_table(self, loaded):
        done = loaded("search", "shop", "portable computer", "-k", "2")
        assert done.returncode == 0
        header, first, *_ = done.stdout.splitlines()
        assert header.split() == ["#", "score", "name", "category", "id", "attributes"]
        assert first.split()[2:5] == ["laptop", "computers", "3"]
        assert "2 found in" in done.stdout

    def test_nothing_found_is_an_answer_and_no_error(self, loaded):
        done = loaded("search", "shop", "computer", "--category", "none such")
        assert (done.returncode, done.stdout) == (0, "nothing found\n")

    def test_a_catalog_that_was_never_loaded_says_what_to_run(self, command):
        failed = command.json("search", "shop", "computer", code=2)
        assert "vectorshelf run" in failed["error"]

    def test_the_sample_catalog_finds_a_laptop_for_a_portable_coding_machine(self, command):
        catalogs = str(REPOSITORY / "include" / "catalogs")
        run = command.json("run", "electronics", "--as-of", "2026-11-22", VECTORSHELF_CATALOGS=catalogs)
        assert run["status"] == "success"
        found = command.json(
            "search", "electronics", "portable coding machine", "-k", "1", VECTORSHELF_CATALOGS=catalogs
        )
        assert found["results"][0]["category"] == "Laptops"


class TestStatus:
    def test_before_any_run_there_is_nothing_and_that_is_fine(self, command):
        (entry,) = command.json("status")["catalogs"]
        assert (entry["name"], entry["rows"], entry["last_run"], entry["spent_usd_month"]) == ("shop", 0, None, 0)
        assert "never" in command("status").stdout

    def test_after_a_run_it_has_the_keys_that_outsiders_rely_on(self, loaded):
        (entry,) = loaded.json("status", "shop")["catalogs"]
        assert entry.keys() >= {"name", "rows", "last_run", "quarantine", "recall", "recall_target", "spent_usd_month"}
        assert (entry["rows"], entry["quarantine"], entry["recall"], entry["recall_target"]) == (29, 2, 1.0, 0.95)
        assert entry["last_run"]["status"] == "success"

    def test_a_broken_file_hides_no_other_catalog(self, command):
        command.catalog("broken", mode="sometimes")
        done = command("status")
        assert done.returncode == 0
        assert "shop" in done.stdout
        assert "broken.yaml cannot be used: vectorshelf check" in done.stderr

    def test_one_unknown_catalog_is_wrong_usage(self, command):
        assert "did you mean shop?" in command.json("status", "shopp", code=2)["error"]


class TestCheck:
    """Without a database, which checking does not need."""

    def test_a_good_file_is_summed_up(self, offline):
        done = offline("check")
        assert done.returncode == 0
        assert "shop.yaml: ok, shop into table shop, local wordllama" in done.stdout

    def test_every_fault_is_named_and_the_others_are_checked_all_the_same(self, offline):
        offline.catalog("broken", mode="sometimes", shedule="0 2 * * *")
        done = offline("check")
        assert done.returncode == 2
        assert "mode: 'sometimes' is not offered here" in done.stdout
        assert "did you mean schedule?" in done.stdout
        assert "shop.yaml: ok" in done.stdout

    def test_one_file_or_a_folder_can_be_named(self, offline):
        path = offline.catalog("broken", mode="sometimes")
        assert offline("check", str(offline.catalogs / "shop.yaml")).returncode == 0
        assert offline("check", str(path)).returncode == 2
        assert offline("check", str(offline.catalogs)).returncode == 2

    def test_a_warning_is_shown_and_fails_nothing(self, offline):
        offline.catalog("shop", max_delete_fraction=1.0)
        done = offline("check")
        assert done.returncode == 0
        assert "warning: " in done.stdout
        assert "the brake is off" in done.stdout

    @pytest.mark.parametrize("what", ["none.yaml", "nowhere/"])
    def test_what_is_not_there_is_an_error(self, offline, what):
        done = offline("check", what)
        assert done.returncode == 2
        assert "none.yaml" in done.stdout or "nowhere" in done.stdout

    def test_the_sample_catalog_is_free_of_complaints(self, offline):
        done = offline("check", str(REPOSITORY / "include" / "catalogs"))
        assert (done.returncode, "warning" in done.stdout) == (0, False)


class TestQuarantine:
    def test_the_list_has_line_and_reason(self, loaded):
        done = loaded("quarantine", "list", "shop")
        assert done.returncode == 0
        header, *rows = [line for line in done.stdout.splitlines() if line.strip()]
        assert header.split()[:3] == ["line", "id", "reason"]
        assert len(rows) == 2
        assert "duplicate id" in done.stdout

    def test_json_has_all_of_it_and_a_limit_says_how_many_there_are(self, loaded):
        found = loaded.json("quarantine", "list", "shop", "--limit", "1")
        assert (found["catalog"], len(found["quarantine"]), found["total"]) == ("shop", 1, 2)
        assert found["quarantine"][0].keys() >= {"id", "line", "reason", "raw", "first_seen", "last_seen"}
        assert "1 of 2 shown" in loaded("quarantine", "list", "shop", "--limit", "1").stdout

    def test_requeue_empties_it_and_the_next_run_meets_them_again(self, command):
        command.snapshot(1, [*PRODUCTS, ("99", " ", "fruit", "1")])
        assert command.json("run", "shop", "--as-of", "2025-11-01")["quarantined"] == 1
        assert command.json("quarantine", "requeue", "shop") == {"catalog": "shop", "requeued": 1}
        assert command("quarantine", "list", "shop").stdout == "nothing of shop is in quarantine\n"
        assert command.json("run", "shop", "--as-of", "2025-11-01")["quarantined"] == 1

    def test_an_empty_quarantine_requeues_nothing(self, command):
        done = command("quarantine", "requeue", "shop")
        assert (done.returncode, done.stdout.split()[0]) == (0, "0")
