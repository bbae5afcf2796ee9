"""The Batch API against a stand-in, over HTTP and in a real Postgres: paid once, at half price, whatever goes wrong."""

from functools import partial

import pytest

from tests.integration.batched import batch_shop, embed_and_load, planned, see_through
from tests.integration.paid import USD_PER_MILLION, asked, digest, paid_shop, products, sent_again
from tests.integration.shop import Heard, Shop
from tests.standin.ending import end_jobs
from vectorshelf import pipeline
from vectorshelf.errors import BrakeError, ConfigurationError, TransientError
from vectorshelf.pipeline import batching, embedding, tasks
from vectorshelf.store import batches, db


@pytest.fixture
def shop(tmp_path, database_url, standin):
    return batch_shop(tmp_path, database_url, standin)


def stored(shop) -> int:
    [(count,)] = shop.query("SELECT count(*) FROM vectorshelf.vectors")
    return count


def spent(shop) -> float:
    [(cost,)] = shop.query("SELECT coalesce(sum(cost_usd), 0)::float8 FROM vectorshelf.requests WHERE shard >= 0")
    return cost


def states(shop) -> list[tuple]:
    return shop.query("SELECT state, note FROM vectorshelf.batch_jobs ORDER BY created_at")


def claims(shop) -> int:
    [(count,)] = shop.query("SELECT count(*) FROM vectorshelf.batch_texts")
    return count


def test_texts_come_through_jobs_at_half_the_price(shop, standin):
    shop.write(1, products(2500))
    run_id = planned(shop)
    see_through(shop, run_id)
    seen = standin.batches()
    assert (seen["jobs"], seen["inputs"], seen["twice"]) == (3, 2500, 0)
    assert stored(shop) == 2500
    assert spent(shop) == pytest.approx(seen["tokens"] * USD_PER_MILLION / 2e6)
    requests = standin.figures()["requests"]
    embed_and_load(shop, run_id)
    assert standin.figures()["requests"] == requests, "nothing was left for ordinary requests"
    assert digest(shop)[0] == 2500
    assert {state for state, _ in states(shop)} == {"ended"}
    assert seen["uploads_left"] == 0
    figures = tasks.report(run_id, shop.settings)
    assert figures["embedded"] == 2500
    assert figures["cost_usd"] == pytest.approx(spent(shop))


def test_the_table_is_the_one_that_ordinary_requests_make(shop, tmp_path, database_url, standin):
    shop.write(1, products(300))
    run_id = planned(shop)
    see_through(shop, run_id, max_inputs=100)
    embed_and_load(shop, run_id)
    batched = digest(shop)
    shop.query("TRUNCATE products, vectorshelf.vectors; SELECT 1")
    other = paid_shop(tmp_path, database_url, standin)
    other.run(1)
    assert digest(other) == batched


def test_failed_garbage_and_expired_lines_go_the_ordinary_way(shop, standin):
    standin.tell(batches={"failed_lines": 0.1, "garbage_lines": 0.1, "expire_jobs": [1], "cancel_jobs": [2]})
    shop.write(1, products(2000))
    run_id = planned(shop)
    see_through(shop, run_id, max_inputs=500)
    before = stored(shop)
    assert 500 < before < 2000
    assert claims(shop) == 0
    assert standin.batches()["states"] == {"completed": 2, "expired": 1, "cancelled": 1}
    embed_and_load(shop, run_id)
    assert stored(shop) == 2000
    assert digest(shop)[0] == 2000
    notes = [note for _, note in states(shop)]
    assert all("ordinary requests take" in note for note in notes[1:3])  # the expired one and the cancelled one
    # Chance may spare the lines of a job that came through.
    assert all(("ordinary requests take" in note) != ("500 of 500" in note) for note in notes), notes


def test_a_poisoned_text_ends_in_quarantine_and_its_line_in_the_table(shop, standin):
    standin.tell(rejected="number 77 ")
    shop.write(1, products(200))
    run_id = planned(shop)
    see_through(shop, run_id)
    embed_and_load(shop, run_id)
    assert stored(shop) == 199
    assert shop.query("SELECT kind, id FROM vectorshelf.quarantine") == [("text", "77")]


def test_a_job_that_fails_as_a_whole_is_left_to_ordinary_requests_with_its_reason(shop, standin):
    standin.tell(batches={"fail_jobs": [0]})
    shop.write(1, products(100))
    run_id = planned(shop)
    see_through(shop, run_id)
    assert "Enqueued token limit reached" in states(shop)[0][1]
    assert (stored(shop), claims(shop)) == (0, 0)
    embed_and_load(shop, run_id)
    assert digest(shop)[0] == 100


@pytest.mark.parametrize("status", [404, 405, 501])
def test_an_endpoint_without_batches_falls_back_with_a_note(shop, standin, status):
    standin.tell(batches={"absent": status})
    shop.write(1, products(100))
    run_id = planned(shop)
    standing = see_through(shop, run_id)
    assert any("ordinary requests take its texts" in note for note in standing.notes)
    embed_and_load(shop, run_id)
    assert digest(shop)[0] == 100
    assert not sent_again(standin)


@pytest.mark.parametrize("trouble", ["after_reset", "after_500", "after_429"])
@pytest.mark.parametrize("metadata", [True, False], ids=["metadata", "no metadata"])
def test_a_job_that_was_made_though_the_answer_says_otherwise_is_found_and_not_made_again(
    shop, standin, trouble, metadata
):
    standin.tell(batches={"creates": [trouble], "metadata": metadata})
    shop.write(1, products(100))
    run_id = planned(shop)
    see_through(shop, run_id, settle=3600.0)
    seen = standin.batches()
    assert (seen["jobs"], seen["creates"], seen[f"trouble_{trouble}"]) == (1, 1, 1)
    assert stored(shop) == 100
    assert not sent_again(standin)


@pytest.mark.parametrize("trouble", ["before_reset", "before_500", "before_429"])
def test_a_job_that_was_not_made_is_made_once_its_absence_is_sure(shop, standin, trouble):
    standin.tell(batches={"creates": [trouble]})
    shop.write(1, products(100))
    run_id = planned(shop)
    for _ in range(3):
        assert batching.advance(run_id, shop.settings, settle=3600.0).open == 1
    assert standin.batches()["creates"] == 1, "the provider's list may lag behind"
    see_through(shop, run_id, settle=0.0)
    assert standin.batches()["jobs"] == 1
    assert stored(shop) == 100


def test_an_upload_whose_answer_was_lost_leaves_no_file_behind(shop, standin):
    standin.tell(batches={"uploads": ["after_500"]})
    shop.write(1, products(100))
    run_id = planned(shop)
    see_through(shop, run_id)
    seen = standin.batches()
    assert (seen["uploads"], seen["uploads_left"], seen["jobs"]) == (2, 0, 1)


def test_a_download_that_breaks_off_is_read_again_and_charged_once(shop, standin):
    standin.tell(batches={"cut_downloads": 2})
    shop.write(1, products(500))
    run_id = planned(shop)
    see_through(shop, run_id)
    seen = standin.batches()
    assert seen["downloads"] == 3
    assert stored(shop) == 500
    assert spent(shop) == pytest.approx(seen["tokens"] * USD_PER_MILLION / 2e6)


def test_a_run_that_died_is_followed_by_one_that_takes_its_jobs_over(shop, standin):
    standin.tell(batches={"delay": 3600})
    shop.write(1, products(300))
    first = planned(shop)
    assert batching.advance(first, shop.settings, max_inputs=100).open == 3
    tasks.fail(first, "stopped by a person", shop.settings)
    tasks.drop_staging(first, shop.settings)

    second = planned(shop)
    standing = batching.advance(second, shop.settings, max_inputs=100)
    assert (standing.open, len(standing.watched)) == (3, 3)
    assert standin.batches()["jobs"] == 3, "nothing new was submitted"
    end_jobs(standin)
    see_through(shop, second)
    embed_and_load(shop, second)
    assert digest(shop)[0] == 300
    assert not sent_again(standin)
    assert shop.query("SELECT DISTINCT run_id FROM vectorshelf.requests WHERE shard >= 0") == [(first,)]


def test_ordinary_requests_leave_alone_what_stands_in_an_open_job(shop, tmp_path, database_url, standin):
    standin.tell(batches={"delay": 3600})
    shop.write(1, products(100))
    first = planned(shop)
    batching.advance(first, shop.settings)
    other = paid_shop(tmp_path, database_url, standin)
    run_id = planned(other)
    with pytest.raises(TransientError, match="100 texts of this shard are in jobs") as raised:
        tasks.embed(run_id, 0, other.settings)
    assert raised.value.retry_after
    assert asked(standin) == {}


def test_a_job_nobody_hears_of_is_given_up_after_two_days(shop, standin):
    standin.tell(batches={"delay": 10**6})
    shop.write(1, products(100))
    run_id = planned(shop)
    batching.advance(run_id, shop.settings)
    shop.query("UPDATE vectorshelf.batch_jobs SET created_at = created_at - interval '3 days' RETURNING 1")
    see_through(shop, run_id)
    assert "nothing was heard" in states(shop)[0][1]
    embed_and_load(shop, run_id)
    assert digest(shop)[0] == 100


def test_a_batch_the_provider_has_forgotten_is_not_waited_for(shop, standin):
    standin.tell(batches={"delay": 3600})
    shop.write(1, products(100))
    run_id = planned(shop)
    batching.advance(run_id, shop.settings)
    standin.reset()
    see_through(shop, run_id)
    embed_and_load(shop, run_id)
    assert digest(shop)[0] == 100


def test_a_refused_key_stops_the_run_and_a_valid_one_goes_on(shop, standin):
    shop.write(1, products(100))
    run_id = planned(shop)
    standin.tell(keys=["right"])
    with pytest.raises(ConfigurationError, match="does not let this key"):
        batching.advance(run_id, shop.settings)
    assert claims(shop) == 0, "somebody who gives batches up must not wait for them"
    standin.tell()
    see_through(shop, run_id)
    assert (stored(shop), standin.batches()["jobs"]) == (100, 1)


def test_long_and_blank_texts_are_left_to_the_path_that_cuts_and_rejects_them(shop, standin):
    rows = [*products(50), ("long", "word " * 8000, "shelf", "1.00")]
    shop.write(1, rows)
    run_id = planned(shop)
    see_through(shop, run_id)
    assert standin.batches()["inputs"] == 50
    embed_and_load(shop, run_id)
    assert digest(shop)[0] == 51


def test_money_is_promised_for_as_long_as_a_job_lives(tmp_path, database_url, standin):
    shop = batch_shop(tmp_path, database_url, standin, max_cost_usd_per_month=1e6)
    standin.tell(batches={"delay": 3600})
    shop.write(1, products(100))
    run_id = planned(shop)
    batching.advance(run_id, shop.settings)
    [(lines, shortest, held)] = shop.query(
        "SELECT count(*), min(held_until - now()), sum(held_usd)::float8 FROM vectorshelf.requests"
        f" WHERE run_id = '{run_id}' AND held_until IS NOT NULL"
    )
    assert lines == 4
    assert shortest.total_seconds() > 47 * 3600
    end_jobs(standin)
    see_through(shop, run_id)
    assert shop.query("SELECT count(*) FROM vectorshelf.requests WHERE held_until IS NOT NULL") == [(0,)]
    assert 0 < spent(shop) < held


def test_lines_that_fail_or_expire_give_their_money_back(tmp_path, database_url, standin):
    shop = batch_shop(tmp_path, database_url, standin, max_cost_usd_per_month=1e6)
    standin.tell(batches={"expire_jobs": [0], "done_share": 0.0})
    shop.write(1, products(100))
    run_id = planned(shop)
    see_through(shop, run_id)
    assert (stored(shop), spent(shop)) == (0, 0.0)
    assert shop.query("SELECT count(*) FROM vectorshelf.requests WHERE held_until IS NOT NULL") == [(0,)]


@pytest.fixture
def holding(tmp_path, database_url, standin) -> tuple[Shop, Shop]:
    """A catalog with 400 texts in a job that takes an hour, and the same one with hardly more money than that holds."""
    shop = batch_shop(tmp_path, database_url, standin, max_cost_usd_per_month=1e6)
    standin.tell(batches={"delay": 3600})
    shop.write(1, products(400))
    batching.advance(planned(shop), shop.settings)
    [(held,)] = shop.query("SELECT sum(held_usd)::float8 FROM vectorshelf.requests WHERE held_until > now()")
    night = batch_shop(tmp_path, database_url, standin, embedding={"batch": "auto"}, max_cost_usd_per_month=held * 1.01)
    return shop, night


def test_a_night_that_has_to_wait_for_a_jobs_money_is_told_so_by_its_plan(holding):
    _, night = holding
    night.write(2, [*products(400), *((f"n{n}", f"novelty {n}", "shelf", "1.00") for n in range(50))])
    heard = Heard()
    run_id = tasks.prepare(night.request(2, kind="scheduled"), night.settings)
    tasks.extract(run_id, night.settings)
    tasks.plan(run_id, night.settings, heard)
    assert any("embedding may have to wait: of the budget of $" in line for line in heard.lines), heard.lines
    night.write(3, products(400))
    heard = Heard()
    run_id = tasks.prepare(night.request(3, kind="scheduled"), night.settings)
    tasks.extract(run_id, night.settings)
    tasks.plan(run_id, night.settings, heard)
    assert heard.lines == [], "all of its texts are in the job already, and paid for with it"


@pytest.mark.parametrize("looks", [True, False])
def test_the_money_of_a_job_that_has_ended_is_free_though_its_run_never_came_back(holding, standin, monkeypatch, looks):
    monkeypatch.setattr(embedding, "deliver", partial(embedding.deliver, money_patience=0.4))
    shop, night = holding
    night.write(2, products(40, "novelty"))
    run_id = planned(night, 2, kind="scheduled")
    batching.advance(run_id, night.settings)
    with pytest.raises(TransientError, match="are promised to requests and batch jobs under way"):
        tasks.embed(run_id, 0, night.settings)
    end_jobs(standin)
    if looks:
        assert batching.advance(run_id, night.settings).open == 0
    tasks.embed(run_id, 0, night.settings)
    assert (stored(shop), standin.batches()["jobs"]) == (440, 1)


def test_a_measurement_does_not_wait_for_money_that_is_promised_to_a_job(tmp_path, database_url, standin):
    index = {"type": "ivfflat", "lists": 2}
    ordinary = paid_shop(tmp_path, database_url, standin, index=index)
    ordinary.run(1, products(400))
    ordinary.run(2, products(400, "other"))
    shop = batch_shop(tmp_path, database_url, standin, max_cost_usd_per_month=1e6, index=index)
    standin.tell(batches={"delay": 3600})
    shop.write(3, products(400, "third"))
    batching.advance(planned(shop, 3), shop.settings)
    [(counted,)] = shop.query(
        "SELECT sum(CASE WHEN held_until > now() THEN held_usd ELSE cost_usd END)::float8 FROM vectorshelf.requests"
    )
    night = paid_shop(tmp_path, database_url, standin, index=index, max_cost_usd_per_month=counted + 1e-9)
    figures = night.run(4, products(400))
    assert (figures["status"], figures["embedded"]) == ("success", 0)
    assert figures["index"]["recall"] > 0


def test_a_measurement_waits_for_its_own_requests(tmp_path, database_url, standin):
    """The budget has room for what they cost, and not for all they may cost at once."""
    queries = tmp_path / "queries.txt"
    queries.write_text("".join(f"a query number {n} that is long enough to be many bytes\n" for n in range(200)))
    index = {"type": "ivfflat", "lists": 2, "queries": str(queries)}
    shop = paid_shop(tmp_path, database_url, standin, index=index)
    shop.run(1, products(400))
    shop.run(2, products(400, "other"))

    def counted() -> float:
        [(cost,)] = shop.query("SELECT sum(cost_usd)::float8 FROM vectorshelf.requests")
        return cost

    before = counted()
    shop.run(3, products(400))
    cost = counted() - before
    standin.tell(latency=0.2)
    capped = paid_shop(tmp_path, database_url, standin, index=index, max_cost_usd_per_month=counted() + 2.5 * cost)
    heard = Heard()
    capped.write(4, products(400, "other"))
    pipeline.run(capped.request(4), capped.settings, heard)
    assert not any("in place of search texts" in line for line in heard.lines), heard.lines


def other_model(tmp_path, database_url, standin, **embedding: object) -> tuple[Shop, Shop]:
    """A catalog before and after its file names another model."""
    old = batch_shop(tmp_path, database_url, standin, embedding={"model": "text-embedding-3-small"})
    section = {"model": "text-embedding-3-large", **embedding}
    return old, batch_shop(tmp_path, database_url, standin, embedding=section)


KEPT = "SELECT model, dimensions, count(*) FROM vectorshelf.vectors JOIN vectorshelf.spaces USING (space) GROUP BY 1, 2"


def test_a_job_that_was_not_sent_is_never_sent_to_another_model(tmp_path, database_url, standin):
    old, new = other_model(tmp_path, database_url, standin)
    old.write(1, products(50))
    run_id = planned(old, 1, key="cleared")
    standin.tell(batches={"uploads": ["after_500"]})
    assert batching.advance(run_id, old.settings).open == 1
    assert [state for state, _ in states(old)] == ["uploading"]
    assert planned(new, 1, key="cleared") == run_id
    see_through(new, run_id)
    [(model, _, count)] = old.query(KEPT)
    assert (model, count) == ("text-embedding-3-large", 50)
    assert claims(old) == 0


def test_what_a_sent_job_brings_is_kept_for_its_own_model(tmp_path, database_url, standin):
    old, new = other_model(tmp_path, database_url, standin, dimensions=32)
    standin.tell(batches={"delay": 3600})
    old.write(1, products(50))
    run_id = planned(old, 1, key="cleared")
    batching.advance(run_id, old.settings)
    assert planned(new, 1, key="cleared") == run_id
    standing = batching.advance(run_id, new.settings)
    assert standing.open == 1, "its own, and not the one of the old model"
    end_jobs(standin)
    see_through(new, run_id)
    assert sorted(old.query(KEPT)) == [("text-embedding-3-large", 32, 50), ("text-embedding-3-small", 64, 50)]
    assert old.run(2, products(50))["embedded"] == 0


def test_the_report_counts_the_jobs_that_the_run_made_whoever_fetched_them(tmp_path, database_url, standin):
    shop = batch_shop(tmp_path, database_url, standin)
    standin.tell(batches={"delay": 3600})
    shop.write(1, products(100))
    shop.write(2, products(100))
    made, waits = planned(shop, 1, key="cleared"), planned(shop, 2)
    for run_id in (made, waits):
        batching.advance(run_id, shop.settings)
    end_jobs(standin)
    see_through(shop, waits)
    assert planned(shop, 1, key="cleared") == made
    see_through(shop, made)
    found = [pipeline.report(run_id, shop.settings)["batch"] for run_id in (made, waits)]
    assert [(one["jobs"], one["texts"], one["stored"]) for one in found] == [(1, 100, 100), (0, 0, 0)]


def test_a_budget_is_kept_by_batches_and_what_follows_them(tmp_path, database_url, standin):
    shop = batch_shop(tmp_path, database_url, standin)
    shop.write(1, products(1000))
    estimate = planned(shop, dry_run=True)
    [(cost,)] = shop.query(
        f"SELECT (counts ->> 'cost_usd')::float8 FROM vectorshelf.stages WHERE run_id = '{estimate}' AND stage = 'plan'"
    )
    cap = cost * 1.05
    run_id = planned(shop, max_cost_usd=cap)
    standing = see_through(shop, run_id)
    assert any("budget leaves no more" in note for note in standing.notes), "half price, a token a byte: some must wait"
    batch = pipeline.report(run_id, shop.settings)["batch"]
    assert (batch["jobs"], batch["chosen"]) == (standin.batches()["jobs"], True)
    assert 0 < batch["texts"] == batch["stored"] < 1000, "the job that was cut short by the budget counts as well"
    try:
        embed_and_load(shop, run_id)
    except BrakeError:
        pytest.fail("the whole run fits its budget")
    assert spent(shop) <= cap
    assert digest(shop)[0] == 1000


def test_the_whole_pipeline_waits_for_its_batches(shop, standin):
    shop.write(1, products(200))
    figures = pipeline.run(shop.request(1), shop.settings)
    assert (figures["status"], figures["embedded"]) == ("success", 200)
    assert standin.batches()["jobs"] == 1
    said = {"chosen": True, "reason": "embedding.batch: always", "jobs": 1, "texts": 200, "stored": 200}
    assert said.items() <= figures["batch"].items()
    assert figures["batch"]["notes"][-1].endswith("completed: 200 of 200 texts")


def test_a_small_run_of_an_auto_catalog_waits_for_nothing(tmp_path, database_url, standin):
    shop = batch_shop(tmp_path, database_url, standin, embedding={"batch": "auto", "usd_per_million_tokens": 0.02})
    shop.write(1, products(100))
    run_id = planned(shop)
    assert batching.advance(run_id, shop.settings).open == 0
    assert standin.batches()["jobs"] == 0
    [(reason,)] = shop.query(
        f"SELECT counts ->> 'batch_reason' FROM vectorshelf.stages WHERE run_id = '{run_id}' AND stage = 'plan'"
    )
    assert "half price would save" in reason


@pytest.mark.parametrize("state", ["planning", "planned", "uploading", "uploaded"])
def test_a_job_that_was_never_sent_holds_up_nobody(shop, tmp_path, database_url, standin, state):
    standin.tell(batches={"delay": 3600})
    shop.write(1, products(100))
    batching.advance(planned(shop), shop.settings)
    shop.query(f"UPDATE vectorshelf.batch_jobs SET state = '{state}', batch_id = NULL RETURNING 1")
    other = paid_shop(tmp_path, database_url, standin)
    other.run(1)
    assert digest(other)[0] == 100
    assert claims(shop) == 0


def test_a_job_too_old_to_come_back_holds_up_nobody_and_counts_as_the_most_it_can_have_cost(
    tmp_path, database_url, standin
):
    shop = batch_shop(tmp_path, database_url, standin, max_cost_usd_per_month=1e6)
    standin.tell(batches={"delay": 3600})
    shop.write(1, products(100))
    batching.advance(planned(shop), shop.settings)
    shop.query("UPDATE vectorshelf.batch_jobs SET created_at = created_at - interval '3 days' RETURNING 1")
    [(presumed,)] = shop.query("SELECT sum(cost_usd)::float8 FROM vectorshelf.requests WHERE held_until > now()")
    other = paid_shop(tmp_path, database_url, standin)
    ordinary = other.run(1)["cost_usd"]
    assert digest(other)[0] == 100
    assert ordinary / 2 < presumed  # half the price of as many tokens as the texts have bytes
    assert spent(shop) == pytest.approx(ordinary + presumed)


def test_nothing_is_sent_for_a_job_that_is_on_no_record(conn):
    with db.transaction(conn) as cur, pytest.raises(TransientError, match="was dropped meanwhile"):
        batches.about_to_create(cur, "gone")
