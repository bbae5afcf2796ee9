"""What an Airflow run asks of the pipeline: its dates, its form, and a key that stays the same."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from tests.dags.shop import Shop

pytestmark = pytest.mark.usefixtures("airflow")

FORM = {
    "as_of": None,
    "source": None,
    "dry_run": False,
    "limit": None,
    "rebuild_index": False,
    "max_cost_usd": None,
    "allow_delete": False,
}
NIGHT = (datetime(2026, 11, 21, 2, tzinfo=UTC), datetime(2026, 11, 22, 2, tzinfo=UTC))
TRIGGERED = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)


@pytest.fixture
def request_of(tmp_path, monkeypatch):
    Shop(tmp_path).catalog()
    monkeypatch.setenv("VECTORSHELF_CATALOGS", str(tmp_path))

    def ask(interval=NIGHT, run_type="scheduled", **form):
        from airflow.utils.types import DagRunType

        from vectorshelf_runs import request_of

        run = SimpleNamespace(
            run_type=DagRunType(run_type),
            dag_id="embed_shop",
            run_id="manual__1",
            run_after=TRIGGERED,
            data_interval_start=interval[0],
            data_interval_end=interval[1],
        )
        return request_of("shop", {"params": {**FORM, **form}, "dag_run": run})

    return ask


def test_a_nightly_run_is_its_interval(request_of):
    assert (request_of().start, request_of().as_of) == NIGHT


def test_a_run_without_dates_starts_where_the_last_ended_and_is_as_of_its_trigger(request_of):
    found = request_of((None, None))
    assert (found.start, found.as_of) == (None, TRIGGERED)


def test_an_interval_of_no_length_starts_where_the_last_run_ended(request_of):
    found = request_of((TRIGGERED, TRIGGERED))
    assert (found.start, found.as_of) == (None, TRIGGERED)


def test_a_date_in_the_form_is_the_nightly_runs_of_that_date(request_of):
    found = request_of(as_of="2026-11-19")
    assert (found.start, found.as_of) == (None, datetime(2026, 11, 19, 2, tzinfo=UTC))


def test_every_field_of_the_form_arrives(request_of):
    form = {
        "source": "other.csv",
        "dry_run": True,
        "limit": 5,
        "rebuild_index": True,
        "max_cost_usd": 1.5,
        "allow_delete": True,
    }
    found = request_of(**form)
    assert {name: getattr(found, name) for name in form} == form


def test_airflows_type_of_a_run_is_its_kind(request_of):
    kinds = {"manual": "manual", "backfill": "backfill", "scheduled": "scheduled", "asset_triggered": "scheduled"}
    assert {airflows: request_of(run_type=airflows).kind for airflows in kinds} == kinds


def test_a_cleared_task_finds_the_run_it_worked_on(request_of):
    assert request_of().run_id == request_of().run_id
    assert request_of().run_id != request_of((None, None)).run_id


def test_a_run_triggered_for_the_future_is_refused(request_of):
    later = datetime(2999, 1, 1, 2, tzinfo=UTC)
    with pytest.raises(Exception, match="is in the future") as refused:
        request_of((later, later))
    assert type(refused.value).__name__ == "ConfigurationError"


@pytest.mark.parametrize("form", [{"as_of": "2026-11-19"}, {"source": "other.csv"}])
def test_a_backfill_whose_runs_would_all_load_the_same_is_refused(request_of, form):
    with pytest.raises(Exception, match="loads the file of its own date") as refused:
        request_of(run_type="backfill", **form)
    assert type(refused.value).__name__ == "ConfigurationError"
    assert request_of(run_type="backfill", allow_delete=True, rebuild_index=True).as_of == NIGHT[1]


def test_only_a_backfills_run_leaves_work_to_another(request_of):
    from vectorshelf_runs import runs_to_come

    for kind in ("scheduled", "manual", "asset_triggered"):
        nobody_to_ask = SimpleNamespace(run_type=kind)
        assert runs_to_come({"dag_run": nobody_to_ask, "ti": None}) == 0
