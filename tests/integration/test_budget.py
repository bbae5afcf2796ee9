"""No cap is ever exceeded. What counts is what the server charged, not what the run believed, however often it ran."""

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from tests.integration.paid import USD_PER_MILLION, asked, charged, paid_shop, products, sent_again
from tests.integration.shop import at
from vectorshelf import pipeline
from vectorshelf.errors import BrakeError
from vectorshelf.pipeline import tasks
from vectorshelf.pipeline.progress import Silent
from vectorshelf.store import budget, db
from vectorshelf.store.budget import Asked, Caps, MoneyPromisedError, Price

PRODUCTS = 400
TOKEN = USD_PER_MILLION / 1_000_000


def test_ten_retries_of_a_shard_that_costs_twice_its_estimate_stay_under_the_cap(tmp_path, database_url, standin):
    cap = 5_200 * TOKEN  # the estimate is about 4,800 tokens, the truth twice that
    shop = paid_shop(tmp_path, database_url, standin, max_cost_usd=cap)
    standin.tell(tokens_per_byte=0.5)
    shop.write(1, products(PRODUCTS))
    run_id = tasks.prepare(shop.request(1, key="ten"), shop.settings)
    tasks.extract(run_id, shop.settings)
    tasks.plan(run_id, shop.settings)
    for _ in range(10):
        with pytest.raises(BrakeError, match="what was paid for is stored"):
            tasks.embed(run_id, 0, shop.settings)
        assert charged(standin) <= cap
    print(f"\ncap ${cap:.3f}, charged ${charged(standin):.3f} by {standin.figures()['requests']} requests")
    assert charged(standin) > 0.9 * cap  # and it is not left lying either
    assert sent_again(standin) == 0


def test_ten_whole_runs_stay_under_the_months_cap_and_a_higher_one_finishes_them(tmp_path, database_url, standin):
    cap = 5_200 * TOKEN
    shop = paid_shop(tmp_path, database_url, standin, max_cost_usd_per_month=cap)
    standin.tell(tokens_per_byte=0.5)
    shop.write(1, products(PRODUCTS))
    for _ in range(10):
        with pytest.raises(BrakeError, match="for this calendar month"):
            shop.run(1)
        assert 0.9 * cap < charged(standin) <= cap
    roomy = paid_shop(tmp_path, database_url, standin, max_cost_usd_per_month=100.0)
    assert roomy.run(1)["new"] == PRODUCTS
    assert sent_again(standin) == 0


def test_three_overlapping_backfills_share_one_cap(tmp_path, database_url, standin):
    cap = 7_000 * TOKEN  # each is about 4,900: all three begin, one and a half fit
    shop = paid_shop(tmp_path, database_url, standin, max_cost_usd_per_month=cap)
    standin.tell(latency=0.02)
    together = threading.Barrier(3, timeout=60)

    class Abreast(Silent):
        """Lets no run embed before all are planned."""

        def start(self, stage: str, total: int | None, unit: str) -> None:
            if stage == "embed":
                together.wait()

    def backfill(day: int) -> str:
        shop.write(day, products(PRODUCTS, f"thing of day {day}"))
        try:
            return pipeline.run(shop.request(day), shop.settings, Abreast())["status"]
        except BrakeError as error:
            return str(error)

    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(backfill, (1, 2, 3)))
    print(f"\ncap ${cap:.3f}, charged ${charged(standin):.3f}, three runs: {ends}")
    assert 0.9 * cap < charged(standin) <= cap
    assert sum("budget is $7.0000 for this calendar month" in end for end in ends) >= 2

    roomy = paid_shop(tmp_path, database_url, standin)
    for day in (1, 2, 3):
        roomy.run(day)
    assert len(asked(standin)) == 3 * PRODUCTS
    assert sent_again(standin) == 0


def test_answers_that_get_lost_are_paid_for_and_count(tmp_path, database_url, standin):
    cap = 9_000 * TOKEN
    shop = paid_shop(tmp_path, database_url, standin, max_cost_usd=cap)
    standin.tell(faults=[{"kind": "reset_after", "probability": 0.5, "after": 1}], seed=3)
    with pytest.raises(BrakeError):
        shop.run(1, products(PRODUCTS))
    assert standin.figures()["faults"]["reset_after"] > 1
    assert shop.query("SELECT count(*) FROM vectorshelf.vectors")[0][0] < len(asked(standin))
    assert 0.3 * cap < charged(standin) <= cap


@pytest.mark.parametrize("fault", ["reset_after", "truncated", "nan", "wrong_dimension", "extra"])
def test_dense_texts_whose_answers_are_no_use_stay_under_the_cap_too(tmp_path, database_url, standin, fault):
    cap = 20_000 * TOKEN
    shop = paid_shop(tmp_path, database_url, standin, max_cost_usd=cap)
    # Every text is four times as many tokens as estimated; the answers of half of the requests are lost or no use.
    standin.tell(tokens_per_byte=1.0, faults=[{"kind": fault, "probability": 0.5, "after": 1}], seed=3)
    with pytest.raises(BrakeError):
        shop.run(1, products(2 * PRODUCTS))
    assert 0.5 * cap < charged(standin) <= cap


@pytest.mark.parametrize("usage", [False, True])
def test_an_endpoint_that_tells_no_usage_keeps_to_the_cap_too(tmp_path, database_url, standin, usage):
    cap = 20_000 * TOKEN
    shop = paid_shop(tmp_path, database_url, standin, max_cost_usd=cap)
    standin.tell(usage=usage, tokens_per_byte=1.0)
    with pytest.raises(BrakeError):
        shop.run(1, products(2 * PRODUCTS))
    assert 0.5 * cap < charged(standin) <= cap


def test_the_report_says_what_lost_answers_may_have_cost(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin, max_cost_usd=100.0)
    standin.tell(faults=[{"kind": "reset_after", "times": 1, "after": 1}])
    figures = shop.run(1, products(50))
    lost = (
        charged(standin)
        - figures["cost_usd"]
        - shop.query("SELECT sum(cost_usd)::float8 FROM vectorshelf.requests WHERE shard = -1")[0][0]
    )
    assert 0 < lost <= figures["presumed_usd"]


def test_the_self_test_pays_for_each_of_its_questions(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin, max_cost_usd=100.0)
    standin.tell(faults=[{"kind": "truncated", "times": 2}])
    tasks.prepare(shop.request(1), shop.settings)
    assert standin.figures()["requests"] == 3
    [(rows, dollars)] = shop.query("SELECT count(*), sum(cost_usd)::float8 FROM vectorshelf.requests")
    assert rows == 3
    assert dollars >= charged(standin)


def test_a_refused_request_costs_nothing(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin, max_cost_usd=6_000 * TOKEN)
    standin.tell(faults=[{"kind": "status", "status": 503, "probability": 0.5, "after": 1}], seed=3)
    figures = shop.run(1, products(PRODUCTS))
    [(rows, total)] = shop.query("SELECT count(*), sum(cost_usd)::float8 FROM vectorshelf.requests")
    assert (rows, total) == (figures["requests"] + 1, pytest.approx(charged(standin)))
    assert shop.query("SELECT count(*) FROM vectorshelf.requests WHERE held_until IS NOT NULL") == [(0,)]


def test_a_run_that_only_just_fits_is_not_stopped_by_caution(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin)
    shop.run(1, products(PRODUCTS))  # calibrates the estimate
    before = charged(standin)
    shop.run(2, products(PRODUCTS, "twist"), dry_run=True)
    tight = paid_shop(tmp_path, database_url, standin, max_cost_usd=1.01 * before)
    assert tight.run(2)["embedded"] == PRODUCTS


class TestNothingLeft:
    def test_a_budget_of_nothing_sends_nothing_not_even_the_self_test(self, tmp_path, database_url, standin):
        shop = paid_shop(tmp_path, database_url, standin, max_cost_usd_per_month=0)
        with pytest.raises(BrakeError, match=r"budget is \$0"):
            shop.run(1, products(10))
        assert standin.figures()["requests"] == 0

    def test_a_night_without_new_texts_succeeds_when_the_months_money_is_gone(self, tmp_path, database_url, standin):
        paid_shop(tmp_path, database_url, standin).run(1, products(10))
        before = standin.figures()["requests"]
        broke = paid_shop(tmp_path, database_url, standin, max_cost_usd_per_month=charged(standin))
        figures = broke.run(2, products(10))
        assert (figures["status"], figures["unchanged"]) == ("success", 10)
        assert standin.figures()["requests"] == before

    def test_a_night_without_new_texts_waits_for_no_promised_money(self, tmp_path, database_url, standin):
        paid_shop(tmp_path, database_url, standin).run(1, products(10))
        before = standin.figures()["requests"]
        dollars = Decimal("1")
        elsewhere = Asked("other", "shop", 0, 1, 1, 1, 1, Price(dollars / 4, dollars), seconds=300.0)
        with db.connect(database_url) as conn:
            budget.hold(conn, elsewhere, Caps(month_usd=10.0))
        rest = charged(standin) + float(dollars) + TOKEN
        figures = paid_shop(tmp_path, database_url, standin, max_cost_usd_per_month=rest).run(2, products(10))
        assert (figures["status"], standin.figures()["requests"]) == ("success", before)

    def test_last_months_money_is_not_this_months(self, tmp_path, database_url, standin):
        shop = paid_shop(tmp_path, database_url, standin, max_cost_usd_per_month=300 * TOKEN)
        shop.run(1, products(20))
        with pytest.raises(BrakeError):
            shop.run(2, products(40))
        shop.query(
            "UPDATE vectorshelf.requests SET at = date_trunc('month', now(), 'UTC') - interval '1 second' RETURNING 1"
        )
        assert shop.run(2)["embedded"] == 20

    def test_a_run_that_is_opened_again_has_not_a_second_budget(self, tmp_path, database_url, standin):
        shop = paid_shop(tmp_path, database_url, standin, max_cost_usd=1_500 * TOKEN)
        shop.run(1, products(100), key="cleared")
        shop.query("TRUNCATE vectorshelf.vectors, products; SELECT 1")
        with pytest.raises(BrakeError, match="on top of"):
            shop.run(1, key="cleared")
        assert shop.run(1, key="another")["embedded"] == 100


class TestACrashedHolder:
    """Who dies between the promise and the answer."""

    CAPS = Caps(month_usd=10.0)

    def ask(self, dollars: str, run_id: str = "a") -> Asked:
        price = Price(Decimal(dollars) / 4, Decimal(dollars))
        return Asked(run_id, "shop", 0, 1, 1, 1, 1, price, seconds=300.0)

    def test_its_promise_counts_in_full_while_an_answer_may_come(self, conn):
        budget.hold(conn, self.ask("8"), self.CAPS)
        with pytest.raises(MoneyPromisedError):
            budget.hold(conn, self.ask("4", "b"), self.CAPS)
        budget.hold(conn, self.ask("2", "b"), self.CAPS)

    def test_after_that_it_counts_as_the_most_it_can_have_cost(self, conn):
        promise = budget.hold(conn, self.ask("6"), self.CAPS)
        expire(conn, promise)
        budget.hold(conn, self.ask("4", "b"), self.CAPS)
        with db.transaction(conn) as cur:
            spending = budget.spending_of(cur, "a", "shop")
        assert (spending.month_spent, spending.month_held, spending.run_held) == (6, 4, 0)

    def test_a_late_answer_still_replaces_it(self, tmp_path, database_url, standin):
        shop = paid_shop(tmp_path, database_url, standin, max_cost_usd=1_000 * TOKEN)
        shop.run(1, products(50))
        assert shop.query("SELECT sum(cost_usd)::float8 FROM vectorshelf.requests")[0][0] == pytest.approx(
            charged(standin)
        )

    def test_two_who_ask_at_once_never_both_get_the_last_of_it(self, conn, database_url):
        def one(number: int) -> bool:
            with db.connect(database_url) as own:
                try:
                    budget.hold(own, self.ask("2", f"run {number}"), self.CAPS)
                except (MoneyPromisedError, BrakeError):
                    return False
                return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(one, range(24))) == 5


class TestApproval:
    @pytest.fixture
    def shop(self, tmp_path, database_url, standin):
        shop = paid_shop(tmp_path, database_url, standin, max_cost_usd_per_month=300 * TOKEN, over_budget="ask")
        shop.write(1, products(100))
        return shop

    def planned(self, shop) -> str:
        run_id = tasks.prepare(shop.request(1, key="asks"), shop.settings)
        tasks.extract(run_id, shop.settings)
        tasks.plan(run_id, shop.settings, may_ask=True)
        return run_id

    def test_a_person_is_asked_with_the_figures_and_nothing_is_paid_meanwhile(self, shop, standin):
        run_id = self.planned(shop)
        asks = pipeline.question(run_id, shop.settings)
        assert "may this run cost up to $" in asks.subject
        assert "and the budget is $0.3000 for this calendar month" in asks.body
        assert "| texts to embed | 100 |" in asks.body
        assert f"{at(1):%Y-%m-%d}" in asks.body
        assert asks.need_usd < asks.suggested_usd < 1.2 * asks.need_usd
        with pytest.raises(BrakeError):
            tasks.embed(run_id, 0, shop.settings)
        assert len(asked(standin)) <= 25

    def test_the_approved_run_gets_the_new_cap_and_others_keep_theirs(self, shop, standin):
        run_id = self.planned(shop)
        asks = pipeline.question(run_id, shop.settings)
        pipeline.approve(run_id, asks.suggested_usd, "ann", shop.settings)
        tasks.embed(run_id, 0, shop.settings)
        assert tasks.load(run_id, shop.settings)["new"] == 100
        assert charged(standin) <= asks.suggested_usd
        assert shop.query("SELECT approved_by, approved_usd::float8 FROM vectorshelf.runs") == [
            ("ann", asks.suggested_usd)
        ]
        with pytest.raises(BrakeError, match="for this calendar month"):
            shop.run(2, products(200))

    def test_the_new_cap_holds_too(self, shop, standin):
        run_id = self.planned(shop)
        cap = pipeline.question(run_id, shop.settings).suggested_usd
        pipeline.approve(run_id, cap, "ann", shop.settings)
        standin.tell(tokens_per_byte=1.0)
        with pytest.raises(BrakeError, match="for this run"):
            tasks.embed(run_id, 0, shop.settings)
        assert charged(standin) <= cap

    def test_less_than_the_run_needs_is_refused_before_paying(self, shop):
        run_id = self.planned(shop)
        with pytest.raises(BrakeError, match=r"approved \$0\.3000, and the run needs about"):
            pipeline.approve(run_id, 0.3, "ann", shop.settings)

    def test_nobody_is_asked_within_the_budget_or_for_a_catalog_that_stops(self, shop, tmp_path, database_url, standin):
        shop.write(1, products(10))
        assert pipeline.question(self.planned(shop), shop.settings) is None
        stops = paid_shop(tmp_path, database_url, standin, max_cost_usd_per_month=0.1)
        stops.write(1, products(100))
        with pytest.raises(BrakeError, match="nothing was paid"):
            self.planned(stops)

    def test_the_command_line_stops_where_airflow_would_ask(self, shop):
        with pytest.raises(BrakeError, match="Raise max_cost_usd or max_cost_usd_per_month"):
            shop.run(1)


def expire(conn: db.Connection, promise: int) -> None:
    """Let the promise's time have passed."""
    with db.transaction(conn) as cur:
        cur.execute("UPDATE vectorshelf.requests SET held_until = clock_timestamp() WHERE request_id = %s", (promise,))
