"""`vectorshelf search`, `status`, `check` and `quarantine`, as processes on a real Postgres."""

import pytest

from tests.conftest import REPOSITORY
from tests.integration.command import PRODUCTS, Command


@pytest.fixture
def command(tmp_path, database_url) -> Command:
    command = Command(tmp_path / "project", DATABASE_URL=database_url.get_secret_value())
    command.catalog()
    command.snapshot(1)
    return command


@pytest.fixture
def loaded(command) -> Command:
    done = command("run", "shop", "--as-of", "2025-11-01")
    assert done.returncode == 0, done.stderr
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
        assert (entry["rows"], entry["quarantine"], entry["recall"], entry["recall_target"]) == (4, 0, 1.0, 0.95)
        assert entry["last_run"]["status"] == "success"

    def test_a_broken_file_hides_no_other_catalog(self, loaded):
        loaded.catalog("broken", mode="sometimes")
        done = loaded("status")
        assert done.returncode == 0
        assert "shop" in done.stdout
        assert "broken.yaml cannot be used: vectorshelf check" in done.stderr

    def test_one_unknown_catalog_is_wrong_usage(self, command):
        assert "did you mean shop?" in command.json("status", "shopp", code=2)["error"]


class TestCheck:
    def test_a_good_file_is_summed_up(self, command):
        done = command("check")
        assert done.returncode == 0
        assert "shop.yaml: ok, shop into table shop, local wordllama" in done.stdout

    def test_every_fault_is_named_and_the_others_are_checked_all_the_same(self, command):
        command.catalog("broken", mode="sometimes", shedule="0 2 * * *")
        done = command("check")
        assert done.returncode == 2
        assert "mode: 'sometimes' is not offered here" in done.stdout
        assert "did you mean schedule?" in done.stdout
        assert "shop.yaml: ok" in done.stdout

    def test_one_file_or_a_folder_can_be_named(self, command):
        path = command.catalog("broken", mode="sometimes")
        assert command("check", str(command.catalogs / "shop.yaml")).returncode == 0
        assert command("check", str(path)).returncode == 2
        assert command("check", str(command.catalogs)).returncode == 2

    def test_a_warning_is_shown_and_fails_nothing(self, command):
        command.catalog("shop", max_delete_fraction=1.0)
        done = command("check")
        assert done.returncode == 0
        assert "warning: " in done.stdout
        assert "the brake is off" in done.stdout

    @pytest.mark.parametrize("what", ["none.yaml", "nowhere/"])
    def test_what_is_not_there_is_an_error(self, command, what):
        done = command("check", what)
        assert done.returncode == 2
        assert "none.yaml" in done.stdout or "nowhere" in done.stdout

    def test_it_needs_no_database(self, command):
        assert command("check", DATABASE_URL="postgresql://shelf:hunter2@127.0.0.1:1/shop").returncode == 0

    def test_the_sample_catalog_is_free_of_complaints(self, command):
        done = command("check", str(REPOSITORY / "include" / "catalogs"))
        assert (done.returncode, "warning" in done.stdout) == (0, False)


class TestQuarantine:
    @pytest.fixture
    def with_rejects(self, command) -> Command:
        many = [(str(number), f"thing {number}", "things", "1") for number in range(5, 30)]
        command.snapshot(1, [*PRODUCTS, *many, ("99", " ", "fruit", "1"), ("1", "apple again", "fruit", "1")])
        run = command.json("run", "shop", "--as-of", "2025-11-01")
        assert run["quarantined"] == 2
        return command

    def test_the_list_has_line_and_reason(self, with_rejects):
        done = with_rejects("quarantine", "list", "shop")
        assert done.returncode == 0
        header, *rows = [line for line in done.stdout.splitlines() if line.strip()]
        assert header.split()[:3] == ["line", "id", "reason"]
        assert len(rows) == 2
        assert "duplicate id" in done.stdout

    def test_json_has_all_of_it_and_a_limit_says_how_many_there_are(self, with_rejects):
        found = with_rejects.json("quarantine", "list", "shop", "--limit", "1")
        assert (found["catalog"], len(found["quarantine"]), found["total"]) == ("shop", 1, 2)
        assert found["quarantine"][0].keys() >= {"id", "line", "reason", "raw", "first_seen", "last_seen"}
        assert "1 of 2 shown" in with_rejects("quarantine", "list", "shop", "--limit", "1").stdout

    def test_requeue_empties_it_and_the_next_run_meets_them_again(self, with_rejects):
        assert with_rejects.json("quarantine", "requeue", "shop") == {"catalog": "shop", "requeued": 2}
        assert with_rejects("quarantine", "list", "shop").stdout == "nothing of shop is in quarantine\n"
        assert with_rejects.json("run", "shop", "--as-of", "2025-11-01")["quarantined"] == 2

    def test_an_empty_quarantine_requeues_nothing(self, command):
        done = command("quarantine", "requeue", "shop")
        assert (done.returncode, done.stdout.split()[0]) == (0, "0")
