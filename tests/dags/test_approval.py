"""The task that asks a person: which DAGs have it, and what it makes of an answer. A real answer: tests/e2e."""

from datetime import UTC, datetime

import psycopg2
import pytest

from tests.dags.shop import Shop, run
from vectorshelf.errors import BrakeError

PRICED = {"provider": "local", "usd_per_million_tokens": 1000.0}
CAP = "cap_usd"


@pytest.fixture
def shop(tmp_path):
    found = Shop(tmp_path)
    found.snapshot("2026-11-20")
    for name, cap, reaction in (("asks", 0.001, "ask"), ("roomy", 10.0, "ask"), ("stops", 0.001, "stop")):
        found.catalog(
            name,
            source={"path": "shop/{as_of:%Y-%m-%d}.csv", "missing": "previous"},
            embedding=PRICED,
            max_cost_usd_per_month=cap,
            over_budget=reaction,
        )
    return found


@pytest.fixture
def dags(shop, catalog_database, load_dags):
    return load_dags(shop.folder).dags


@pytest.fixture
def ask(catalog_database):
    """The rows of a query on the catalog database."""

    def answer(statement):
        with psycopg2.connect(catalog_database.get_secret_value()) as conn, conn.cursor() as cur:
            cur.execute(statement)
            return cur.fetchall()

    return answer


@pytest.fixture
def planned(dags, catalog_database, monkeypatch):
    """The id of a run that is planned, and over its budget."""
    import vectorshelf_approval
    from vectorshelf import pipeline
    from vectorshelf.catalog.loading import find_catalog
    from vectorshelf.settings import Settings

    settings = Settings.from_environment().model_copy(update={"database_url": catalog_database})
    monkeypatch.setattr(vectorshelf_approval, "settings", lambda: settings)
    catalog = find_catalog("asks", settings.catalogs)
    request = pipeline.RunRequest(catalog=catalog, as_of=datetime(2026, 11, 20, tzinfo=UTC), key="asks")
    run_id = pipeline.prepare(request, settings)
    pipeline.extract(run_id, settings)
    pipeline.plan(run_id, settings, may_ask=True)
    return run_id


def answered(run_id, options, name="ann", **params):
    """What becomes of the task when Airflow hands it this answer."""
    from vectorshelf_approval import BudgetApproval

    operator = BudgetApproval(task_id="approve", run=run_id)
    event = {
        "chosen_options": options,
        "params_input": params,
        "responded_at": datetime(2026, 11, 20, tzinfo=UTC),
        "responded_by_user": {"id": "1", "name": name},
    }
    return operator.execute_complete({}, event)


def test_only_the_dag_of_a_catalog_that_asks_has_the_task_between_plan_and_embed(dags):
    assert "approve" not in dags["embed_stops"].task_ids
    task = dags["embed_asks"].get_task("approve")
    assert (task.upstream_task_ids, task.downstream_task_ids) == ({"plan"}, {"embed"})
    assert "`approve`" in dags["embed_asks"].doc_md
    assert "`approve`" not in dags["embed_stops"].doc_md
    assert list(task.params) == [CAP]


def test_within_the_budget_nobody_is_asked(dags, ask):
    finished = run(dags["embed_roomy"])
    assert (finished.state, finished.tasks["approve"]) == ("success", "success")
    assert ask("SELECT count(*) FROM roomy_products") == [(4,)]


def test_a_dry_run_asks_nobody(dags):
    finished = run(dags["embed_asks"], {"dry_run": True})
    assert finished.state == "success"


def test_a_catalog_that_stops_fails_at_plan(dags):
    finished = run(dags["embed_stops"])
    assert (finished.state, finished.tasks["plan"]) == ("failed", "failed")


def test_an_approval_is_in_the_ledger_with_its_cap_and_name(planned, ask):
    assert answered(planned, ["Approve"], cap_usd=2.5) == {"approved_usd": 2.5, "by": "ann"}
    assert ask("SELECT approved_usd::float8, approved_by FROM vectorshelf.runs") == [(2.5, "ann")]


def test_an_approval_without_the_form_is_of_the_cap_that_was_suggested(planned):
    assert 0.001 < answered(planned, ["Approve"])["approved_usd"] < 1


def test_too_small_a_cap_and_a_rejection_fail_for_good(planned, ask):
    with pytest.raises(BrakeError, match="and the run needs about"):
        answered(planned, ["Approve"], cap_usd=0.002)
    with pytest.raises(BrakeError, match="ann rejected"):
        answered(planned, ["Reject"])
    assert ask("SELECT approved_usd FROM vectorshelf.runs") == [(None,)]


def test_no_answer_in_time_fails_for_good():
    from vectorshelf_approval import BudgetApproval

    operator = BudgetApproval(task_id="approve", run="r")
    with pytest.raises(BrakeError, match="nobody answered within 20:00:00"):
        operator.execute_complete({}, {"error": "timed out", "error_type": "timeout"})
