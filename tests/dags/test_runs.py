"""Whole runs of a DAG on a real database, in this process: what runs, what is skipped, what the run is called."""

from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from tests.dags.shop import FRUIT, Shop, run

TODAY = datetime.now(UTC).date().isoformat()
AFTER_PLAN = {"load", "index", "vacuum", "report"}


@pytest.fixture
def shop(tmp_path):
    found = Shop(tmp_path)
    found.catalog(source={"path": "shop/{as_of:%Y-%m-%d}.csv", "missing": "previous"})
    found.snapshot("2026-11-20")
    return found


@pytest.fixture
def dag(shop, catalog_database, load_dags):
    return load_dags(shop.folder).dags["embed_shop"]


@pytest.fixture
def ask(catalog_database):
    """The rows of a query on the catalog database."""

    def answer(statement):
        with psycopg2.connect(catalog_database.get_secret_value()) as conn, conn.cursor() as cur:
            cur.execute(statement)
            return cur.fetchall()

    return answer


def staging_tables(ask):
    return ask("SELECT relname FROM pg_class WHERE relname ~ '^(staging|pending)_[0-9]' AND relkind IN ('r', 'p')")


def test_a_run_fills_the_table_and_a_second_one_embeds_nothing_but_still_loads(dag, ask):
    first = run(dag)
    assert first.state == "success"
    assert first.tasks["embed[0]"] == "success"
    assert first.labels == ["shard 1 of 1, 4 texts"]
    assert (first.figures["new"], first.figures["embedded"]) == (4, 4)
    assert ask("SELECT count(*), count(embedding) FROM shop_products") == [(4, 4)]

    second = run(dag)
    assert second.state == "success"
    assert second.tasks["embed"] == "skipped"
    assert {name for name, state in second.tasks.items() if state != "success"} == {"embed"}
    assert (second.figures["unchanged"], second.figures["embedded"]) == (4, 0)


def test_the_figures_are_on_the_assets_event(dag):
    from airflow.models.asset import AssetEvent
    from airflow.settings import Session

    finished = run(dag)
    with Session() as session:
        events = session.query(AssetEvent).filter_by(source_run_id=finished.run_id).all()
    assert [event.extra for event in events] == [finished.figures]
    assert finished.figures["status"] == "success"


def test_a_dry_run_stops_after_the_plan_and_is_green(dag, ask):
    finished = run(dag, {"dry_run": True})
    assert finished.state == "success"
    assert {name for name, state in finished.tasks.items() if state == "skipped"} == {"embed", *AFTER_PLAN}
    assert {finished.tasks[name] for name in ("prepare", "extract", "plan", "drop_staging")} == {"success"}
    assert ask("SELECT to_regclass('shop_products')") == [(None,)]
    assert ask("SELECT status, (figures ->> 'new')::int FROM vectorshelf.runs") == [("planned", 4)]
    assert staging_tables(ask) == []


def test_a_run_without_dates_is_as_of_its_trigger(dag, ask):
    before = datetime.now(UTC)
    run(dag)
    ((as_of,),) = ask("SELECT as_of FROM vectorshelf.runs")
    assert before - timedelta(seconds=1) <= as_of <= datetime.now(UTC)


def test_a_run_with_a_date_is_as_of_its_data_intervals_end(shop, dag, ask):
    shop.snapshot("2026-11-18", FRUIT[:2])
    finished = run(dag, logical_date=datetime(2026, 11, 18, 12, tzinfo=UTC))
    assert ask("SELECT as_of FROM vectorshelf.runs") == [(datetime(2026, 11, 18, 2, tzinfo=UTC),)]
    assert finished.figures["extracted"] == 2


def test_a_date_in_the_form_wins_over_the_runs_own(shop, dag, ask):
    shop.snapshot("2026-11-17", FRUIT[:3])
    finished = run(dag, {"as_of": "2026-11-17"}, logical_date=datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert ask("SELECT as_of FROM vectorshelf.runs") == [(datetime(2026, 11, 17, 2, tzinfo=UTC),)]
    assert finished.figures["extracted"] == 3


def test_a_run_dated_long_before_anything_does_run(shop, dag):
    shop.snapshot("2004-02-29", FRUIT[:1])
    finished = run(dag, logical_date=datetime(2004, 2, 29, 12, tzinfo=UTC))
    assert finished.figures["extracted"] == 1


def test_source_and_limit_of_the_form_reach_the_run(shop, dag):
    other = shop.snapshot("other", [*FRUIT, ("5", "kettle", "kitchen", "30.00")])
    assert run(dag, {"source": str(other)}).figures["extracted"] == 5
    limited = run(dag, {"limit": 2})
    assert (limited.figures["extracted"], limited.figures["deleted"]) == (2, 0)


def test_a_missing_file_ends_the_run_failed_with_its_reason_in_the_ledger(shop, catalog_database, load_dags, ask):
    shop.catalog("gone")
    finished = run(load_dags(shop.folder).dags["embed_gone"])
    assert finished.state == "failed"
    assert finished.tasks["extract"] == "failed"
    assert {finished.tasks[name] for name in {"plan", "embed", *AFTER_PLAN}} == {"upstream_failed"}
    assert finished.tasks["drop_staging"] == "success"
    ((status, error),) = ask("SELECT status, error FROM vectorshelf.runs")
    assert status == "failed"
    assert error.startswith("extract: ")
    assert f"{TODAY}.csv" in error


def test_a_missing_file_may_skip_the_date_and_the_run_ends_skipped(shop, catalog_database, load_dags, ask):
    shop.catalog("lazy", source={"path": "lazy/{as_of:%Y-%m-%d}.csv", "missing": "skip"})
    finished = run(load_dags(shop.folder).dags["embed_lazy"])
    assert finished.state == "success"
    assert {finished.tasks[name] for name in {"extract", "plan", "embed", *AFTER_PLAN}} == {"skipped"}
    assert finished.tasks["drop_staging"] == "success"
    ((status, skipped),) = ask("SELECT status, figures ->> 'skipped' FROM vectorshelf.runs")
    assert status == "success"
    assert f"{TODAY}.csv is not there" in skipped
    assert ask("SELECT count(*) FROM lazy_products") == [(0,)]
    assert staging_tables(ask) == []


def test_upkeep_that_fails_on_a_date_without_a_file_fails_the_run_in_the_ledger_too(
    shop, catalog_database, load_dags, ask, tmp_path
):
    source = {"path": "lazy/{as_of:%Y-%m-%d}.csv", "missing": "skip"}
    shop.catalog("lazy", source=source, index={"queries": str(tmp_path / "not there.txt")})
    finished = run(load_dags(shop.folder).dags["embed_lazy"])
    assert (finished.state, finished.tasks["index"]) == ("failed", "failed")
    ((status, error),) = ask("SELECT status, error FROM vectorshelf.runs")
    assert status == "failed"
    assert "index.queries" in error


def test_a_brake_fails_the_run_at_once_and_leaves_no_staging(shop, dag, ask):
    run(dag)
    shop.snapshot("2026-11-21", FRUIT[:1])
    finished = run(dag)
    assert (finished.state, finished.tasks["plan"]) == ("failed", "failed")
    assert ask("SELECT count(*) FROM shop_products") == [(4,)]
    assert staging_tables(ask) == []

    allowed = run(dag, {"allow_delete": True})
    assert (allowed.state, allowed.figures["deleted"]) == ("success", 3)


def test_a_run_that_fails_in_prepare_is_failed_and_needs_no_teardown(dag, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@/no_such_database?host=/nowhere")
    monkeypatch.setenv("AIRFLOW_CONN_CATALOG_DB", "mysql://u@h/d")
    finished = run(dag)
    assert (finished.state, finished.tasks["prepare"]) == ("failed", "failed")
    assert finished.tasks["drop_staging"] == "upstream_failed"
