"""The weekly upkeep: one task per catalog, each measures, whatever the others meet."""

from datetime import timedelta

import psycopg2
import pytest

from tests.dags.shop import Shop, run

BUILT_LAST = "SELECT catalog, action, recall IS NOT NULL FROM vectorshelf.index_log ORDER BY build_id DESC LIMIT 2"


@pytest.fixture
def shop(tmp_path):
    found = Shop(tmp_path)
    for name in ("apples", "pears"):
        found.catalog(name, source={"path": name + "/{as_of:%Y-%m-%d}.csv", "missing": "previous"})
        found.snapshot("2026-11-20", name=name)
    return found


def test_every_catalog_is_measured_by_a_task_of_its_own(shop, catalog_database, load_dags):
    dags = load_dags(shop.folder).dags
    run(dags["embed_apples"])
    run(dags["embed_pears"])
    finished = run(dags["maintain_indexes"])
    assert finished.state == "success"
    assert finished.labels == ["apples", "pears"]
    with psycopg2.connect(catalog_database.get_secret_value()) as conn, conn.cursor() as cur:
        cur.execute(BUILT_LAST)
        assert set(cur.fetchall()) == {("apples", "kept", True), ("pears", "kept", True)}


def test_a_catalog_that_was_never_loaded_and_one_whose_file_is_broken_stop_nothing(shop, catalog_database, load_dags):
    (shop.folder / "torn.yaml").write_text("name: torn\nsource: {path: [")
    finished = run(load_dags(shop.folder).dags["maintain_indexes"])
    assert finished.state == "success"
    assert finished.labels == ["apples", "pears"]


def test_it_is_weekly_guarded_and_tells_what_to_do(load_dags):
    from airflow.sdk import CronDataIntervalTimetable

    dag = load_dags().dags["maintain_indexes"]
    assert isinstance(dag.timetable, CronDataIntervalTimetable)
    assert (dag.timetable.expression, dag.catchup, dag.max_active_runs) == ("0 6 * * 0", False, 1)
    assert "When a task fails" in dag.doc_md
    for task in dag.tasks:
        assert task.retries == 3
        assert task.execution_timeout > timedelta(0)
