"""`vectorshelf plan`: a backfill's total before any run is made, which the runs then keep to."""

import psycopg2
import pytest

from tests.integration.command import PRODUCTS, Command
from tests.standin.fixtures import StandIn

NEW = [("5", "kettle", "kitchen", "30"), ("6", "chair", "home", "40")]


@pytest.fixture
def command(tmp_path, database_url, standin: StandIn) -> Command:
    """Three days: the second one repeats the first, the third has two new products and lacks one."""
    command = Command(
        tmp_path / "project",
        DATABASE_URL=database_url.get_secret_value(),
        OPENAI_BASE_URL=standin.base_url,
        OPENAI_API_KEY="sk-of-a-test",
    )
    command.catalog(embedding={"dimensions": 64}, schedule="0 2 * * *")
    for day, products in ((1, PRODUCTS), (2, PRODUCTS), (3, [*PRODUCTS[1:], *NEW])):
        command.snapshot(day, products)
    return command


def plan(command: Command, first: int = 1, last: int = 3) -> dict:
    return command.json("plan", "shop", "--from", f"2025-11-{first:02}", "--to", f"2025-11-{last:02}")


def test_each_distinct_text_of_the_range_is_counted_once(command):
    found = plan(command)
    assert [(day["as_of"][:16], day["products"], day["texts"]) for day in found["dates"]] == [
        ("2025-11-01T02:00", 4, 4),
        ("2025-11-02T02:00", 4, 0),
        ("2025-11-03T02:00", 5, 2),
    ]
    assert (found["texts"], found["requests"]) == (6, 2)
    assert found["tokens"] == sum(day["tokens"] for day in found["dates"]) >= 6
    assert found["cost_usd"] > 0


def test_runs_that_will_use_batches_are_named_with_what_that_saves(command):
    assert plan(command)["batch_saves_usd"] == 0.0
    command.catalog(embedding={"dimensions": 64, "batch": "always"}, schedule="0 2 * * *")
    found = plan(command)
    assert [day["batch"] for day in found["dates"]] == [True, False, True]
    assert found["batch_saves_usd"] == pytest.approx(found["cost_usd"] / 2)
    shown = command("plan", "shop", "--from", "2025-11-01", "--to", "2025-11-03").stdout
    assert "2 of the runs go through the Batch API" in shown


def test_the_runs_embed_what_was_planned_in_any_order_and_then_nothing_is_left(command):
    planned = plan(command)
    runs = [command.json("run", "shop", "--as-of", f"2025-11-0{day}") for day in (3, 1, 2)]
    assert sum(run["embedded"] for run in runs) == planned["texts"]
    assert plan(command)["texts"] == 0


def test_it_changes_and_pays_nothing_even_in_a_database_that_knows_nothing(command, database_url, standin):
    with psycopg2.connect(database_url.get_secret_value()) as conn, conn.cursor() as cur:
        cur.execute("DROP SCHEMA vectorshelf CASCADE")
    assert plan(command)["texts"] == 6
    with psycopg2.connect(database_url.get_secret_value()) as conn, conn.cursor() as cur:
        cur.execute("SELECT to_regnamespace('vectorshelf')")
        assert cur.fetchone() == (None,)
    assert standin.texts() == {}


def test_a_date_that_cannot_be_read_says_so_and_the_others_count(command):
    found = plan(command, 1, 4)
    assert "2025-11-04.csv is not there" in found["dates"][3]["note"]
    assert found["dates"][3]["note"].startswith("would fail")
    assert found["texts"] == 6


def test_a_file_that_may_be_half_a_file_is_named(command):
    command.snapshot(2, PRODUCTS[:1])
    command.snapshot(3, [*PRODUCTS, ("", "nameless", "home", "1")])
    notes = [day["note"] for day in plan(command)["dates"]]
    assert notes[0] is None
    assert notes[1] == f"is the file whole? It has {len(PRODUCTS) - 1} products fewer than the date before it"
    assert notes[2] == f"1 of {len(PRODUCTS) + 1} rows cannot be used"


def test_airflows_command_is_dated_where_the_intervals_begin(command):
    shown = command("plan", "shop", "--from", "2025-11-01", "--to", "2025-11-03").stdout
    assert "6 texts to embed in 2 requests" in shown
    assert "--from-date 2025-10-31T02:00:00+00:00 --to-date 2025-11-02T02:00:00+00:00" in shown


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2025-11-03", "2025-11-01", "swap the two dates"),
        ("2025-11-01T02:00", "2025-11-03", "write 2026-11-20"),
        ("2025-11-01", "2999-01-01", "in the future"),
        ("1.11.2025", "2025-11-03", "write 2026-11-20"),
    ],
)
def test_a_range_that_is_none_is_wrong_usage(command, first, last, said):
    wrong = command("plan", "shop", "--from", first, "--to", last)
    assert wrong.returncode == 2
    assert said in wrong.stderr
