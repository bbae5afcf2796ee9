"""Batch jobs whose run is over, or whose catalog has another model by now: fetched or dropped, never made anew."""

from functools import partial

import pytest

from tests.integration.batched import batch_shop, planned, see_through
from tests.integration.paid import paid_shop, products, sent_again
from tests.standin.ending import end_jobs
from vectorshelf.errors import TransientError
from vectorshelf.pipeline import batching, embedding, tasks

SMALL, LARGE = "text-embedding-3-small", "text-embedding-3-large"
HELD = "SELECT sum(held_usd)::float8 FROM vectorshelf.requests WHERE held_until > now()"
PAST = (
    "UPDATE vectorshelf.batch_jobs SET created_at = created_at - '{0}'::interval, moved_at = moved_at - '{0}'::interval"
)


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Nobody waits five minutes for money here."""
    monkeypatch.setattr(embedding, "deliver", partial(embedding.deliver, money_patience=0.4))


@pytest.fixture
def capped(tmp_path, database_url, standin):
    """A catalog with a budget for its jobs, which take an hour."""
    standin.tell(batches={"delay": 3600})
    return batch_shop(tmp_path, database_url, standin, max_cost_usd_per_month=1e6)


def orphan(shop, texts: int = 400, **look: float) -> str:
    """A run that dies with its texts in a job."""
    shop.write(1, products(texts))
    run_id = planned(shop)
    batching.advance(run_id, shop.settings, **look)
    tasks.fail(run_id, "stopped by a person", shop.settings)
    return run_id


def night_of(shop, tmp_path, database_url, standin, batch: str):
    """The same catalog, hardly any money left beside what is promised, and a run of 40 other texts up to its plan."""
    [(held,)] = shop.query(HELD)
    embedding_ = {"batch": batch}
    night = batch_shop(tmp_path, database_url, standin, embedding=embedding_, max_cost_usd_per_month=held * 1.01)
    night.write(2, products(40, "novelty"))
    return night, planned(night, 2, kind="scheduled")


@pytest.mark.parametrize("batch", ["auto", "never"])
def test_what_was_never_sent_gives_its_money_back(capped, tmp_path, database_url, standin, batch):
    standin.tell(batches={"uploads": ["after_500"]})
    orphan(capped)
    night, run_id = night_of(capped, tmp_path, database_url, standin, batch)
    batching.advance(run_id, night.settings)
    tasks.embed(run_id, 0, night.settings)
    assert (standin.batches()["jobs"], standin.batches()["uploads_left"]) == (0, 0)


@pytest.mark.parametrize("batch", ["auto", "never"])
def test_a_create_that_never_arrived_is_not_made_up_for(capped, tmp_path, database_url, standin, batch):
    standin.tell(batches={"creates": ["before_500"], "delay": 3600})
    orphan(capped, settle=3600.0)
    night, run_id = night_of(capped, tmp_path, database_url, standin, batch)
    capped.query(PAST.format("1 hour") + " RETURNING 1")
    if batch == "auto":
        batching.advance(run_id, night.settings)
    tasks.embed(run_id, 0, night.settings)
    assert standin.batches()["jobs"] == 0


def test_a_create_that_never_arrived_is_given_up_and_not_made_after_two_days(tmp_path, database_url, standin):
    shop = batch_shop(tmp_path, database_url, standin)
    standin.tell(batches={"creates": ["before_500"], "delay": 3600})
    shop.write(1, products(50))
    batching.advance(planned(shop), shop.settings, settle=3600.0)
    shop.query(PAST.format("3 days") + " RETURNING 1")
    batching.advance(planned(shop, 1), shop.settings)
    paid_shop(tmp_path, database_url, standin).run(3, products(50))
    end_jobs(standin)
    assert sent_again(standin) == 0


def test_a_catalog_without_batches_fetches_its_own_texts_from_a_job_that_has_ended(tmp_path, database_url, standin):
    orphan(batch_shop(tmp_path, database_url, standin), 100)
    night = paid_shop(tmp_path, database_url, standin)
    run_id = planned(night, 1)
    requests = standin.figures()["requests"]
    tasks.embed(run_id, 0, night.settings)
    assert standin.figures()["requests"] == requests


def test_another_runs_job_stops_no_night_that_needs_none(tmp_path, database_url, standin):
    standin.tell(batches={"delay": 3600})
    orphan(batch_shop(tmp_path, database_url, standin), 50)
    night = batch_shop(tmp_path, database_url, standin, embedding={"batch": "auto"})
    night.write(2, products(20, "novelty"))
    run_id = planned(night, 2, kind="scheduled")
    standin.tell(batches={"absent": 403})
    assert batching.advance(run_id, night.settings).open == 0


def test_a_key_that_may_not_use_batches_leaves_the_wait_for_money_a_wait(capped, tmp_path, database_url, standin):
    orphan(capped)
    night, run_id = night_of(capped, tmp_path, database_url, standin, "never")
    standin.tell(batches={"absent": 403})
    with pytest.raises(TransientError, match="has to wait"):
        tasks.embed(run_id, 0, night.settings)


@pytest.mark.parametrize("trouble", [{"uploads": ["after_500"]}, {"creates": ["before_500"]}])
def test_nobody_pays_for_the_old_models_job_once_the_catalog_has_another(tmp_path, database_url, standin, trouble):
    old = batch_shop(tmp_path, database_url, standin, embedding={"model": SMALL})
    new = batch_shop(tmp_path, database_url, standin, embedding={"model": LARGE})
    standin.tell(batches=trouble)
    old.write(1, products(50))
    run_id = planned(old, 1, key="cleared")
    batching.advance(run_id, old.settings, settle=3600.0)
    assert planned(new, 1, key="cleared") == run_id
    see_through(new, run_id)
    assert (standin.batches()["jobs"], standin.batches()["uploads_left"]) == (1, 0)
    assert old.query("SELECT DISTINCT model FROM vectorshelf.vectors JOIN vectorshelf.spaces USING (space)") == [
        (LARGE,)
    ]


@pytest.mark.parametrize("cap", [None, 1e6])
def test_an_old_models_job_costs_what_its_catalog_said(tmp_path, database_url, standin, cap):
    old = batch_shop(tmp_path, database_url, standin, embedding={"model": SMALL}, max_cost_usd_per_month=cap)
    new = batch_shop(tmp_path, database_url, standin, embedding={"model": LARGE, "usd_per_million_tokens": 1.0})
    standin.tell(batches={"delay": 3600})
    run_id = orphan(old, 50)
    new.write(2, products(5, "novelty"))
    later = planned(new, 2)
    end_jobs(standin)
    see_through(new, later)
    [(cost, tokens)] = old.query(
        "SELECT sum(cost_usd)::float8, sum(tokens)::float8 FROM vectorshelf.requests"
        f" WHERE run_id = '{run_id}' AND shard >= 0"
    )
    assert cost == pytest.approx(tokens * 1000 / 2e6, rel=1e-3)
