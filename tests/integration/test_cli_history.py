"""`vectorshelf search --as-of` and `vectorshelf history`, as processes on a real Postgres."""

from collections.abc import Iterator

import pytest

from tests import postgres
from tests.integration.command import PRODUCTS, Command

APPLE, PEAR, LAPTOP, LAMP = PRODUCTS


def project(folder, url, **changes: object) -> Command:
    command = Command(folder / "project", DATABASE_URL=url.get_secret_value())
    command.catalog(history=True, schedule="0 2 * * *", timezone="Europe/Berlin", **changes)
    return command


def run(command: Command, day: int, products) -> None:
    command.snapshot(day, products)
    done = command("run", "shop", "--as-of", f"2025-11-{day:02}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, postgres_server) -> Iterator[Command]:
    """Three dates, the middle one last. For questions only."""
    with postgres.fresh_database(postgres_server) as url:
        command = project(tmp_path_factory.mktemp("history"), url)
        run(command, 3, PRODUCTS)
        run(command, 7, [APPLE, PEAR, LAMP])
        run(command, 5, [APPLE, LAPTOP, LAMP])
        yield command


def names(command: Command, *options: str) -> set[str]:
    return {hit["name"] for hit in command.json("search", "shop", "portable computer", *options)["results"]}


class TestSearch:
    @pytest.mark.parametrize(
        ("as_of", "expected"),
        [
            ("2025-11-04", {"apple", "pear", "laptop", "desk lamp"}),  # no snapshot of its own
            ("2025-11-05", {"apple", "laptop", "desk lamp"}),
            ("2025-11-05T01:59", {"apple", "pear", "laptop", "desk lamp"}),  # naive: Berlin's; loaded at 02:00
        ],
    )
    def test_it_finds_what_was_on_sale_then(self, loaded, as_of, expected):
        assert names(loaded, "--as-of", as_of) == expected

    def test_without_a_date_it_is_the_table(self, loaded):
        assert names(loaded) == {"apple", "pear", "desk lamp"}

    def test_the_answer_says_which_snapshot_gave_it(self, loaded):
        found = loaded.json("search", "shop", "portable computer", "--as-of", "2025-11-06", "-k", "1")
        assert set(found) == {"results", "milliseconds", "as_of"}
        assert found["as_of"] == "2025-11-05T01:00:00+00:00"
        assert found["results"][0]["name"] == "laptop"
        shown = loaded("search", "shop", "portable computer", "--as-of", "2025-11-06", "-k", "1")
        assert "1 found in the snapshot of 2025-11-05 01:00 UTC in" in shown.stdout

    def test_category_and_hybrid_go_back_too(self, loaded):
        assert names(loaded, "--as-of", "2025-11-05", "--category", "computers") == {"laptop"}
        found = loaded.json("search", "shop", "laptop", "--as-of", "2025-11-05", "--mode", "hybrid", "-k", "1")
        assert found["results"][0]["name"] == "laptop"

    @pytest.mark.parametrize(
        ("as_of", "message"),
        [
            ("2025-11-02", "the history of shop begins at 2025-11-03 01:00:00 UTC, and"),
            ("13/01/2025", "is no date"),
        ],
    )
    def test_what_it_cannot_answer_is_wrong_usage_with_a_remedy(self, loaded, as_of, message):
        assert message in loaded.json("search", "shop", "computer", "--as-of", as_of, code=2)["error"]


def test_a_catalog_without_history_says_how_to_get_one(tmp_path, database_url):
    command = project(tmp_path, database_url)
    command.catalog()
    run(command, 3, PRODUCTS)
    failed = command.json("search", "shop", "computer", "--as-of", "2025-11-03", code=2)
    assert "shop keeps no history yet: set `history: true`" in failed["error"]
    assert "loaded without history" in command("history", "list", "shop").stdout


def test_a_delta_catalog_is_refused_with_the_reason(tmp_path, database_url):
    command = project(tmp_path, database_url, mode="delta")
    done = command("check")
    assert done.returncode == 2
    assert "history: a delta says what changed and not what was on sale" in done.stdout


class TestHistory:
    def test_the_list_has_every_date(self, loaded):
        found = loaded.json("history", "list", "shop")
        assert [(date["as_of"], date["products"]) for date in found["dates"]] == [
            ("2025-11-03T01:00:00+00:00", 4),
            ("2025-11-05T01:00:00+00:00", 3),
            ("2025-11-07T01:00:00+00:00", 3),
        ]
        assert found["versions"] == 5
        shown = loaded("history", "list", "shop").stdout
        assert "2025-11-05 01:00 UTC" in shown
        assert "3 dates in 5 rows of history" in shown

    def test_status_says_since_when(self, loaded):
        (entry,) = loaded.json("status", "shop")["catalogs"]
        assert (entry["history"]["dates"], entry["history"]["first"]) == (3, "2025-11-03T01:00:00+00:00")
        assert "3 dates from 2025-11-03 01:00 UTC" in " ".join(loaded("status", "shop", COLUMNS="200").stdout.split())

    def test_prune_forgets_what_is_older_and_answers_the_rest_as_before(self, tmp_path, database_url):
        command = project(tmp_path, database_url)
        assert command.json("history", "prune", "shop", "--before", "2025-11-05", code=2)["error"]  # never loaded
        run(command, 3, PRODUCTS)
        run(command, 5, PRODUCTS[:3])
        pruned = command.json("history", "prune", "shop", "--before", "2025-11-06")
        assert pruned == {"catalog": "shop", "first": "2025-11-05T01:00:00+00:00", "dates": 1, "versions": 1}
        assert names(command, "--as-of", "2025-11-06") == {"apple", "pear", "laptop"}
        assert "begins at 2025-11-05" in command.json("search", "shop", "x", "--as-of", "2025-11-04", code=2)["error"]
        again = command("history", "prune", "shop", "--before", "2025-11-06")
        assert "0 dates and 0 rows of history forgotten; the oldest date kept is 2025-11-05" in again.stdout
