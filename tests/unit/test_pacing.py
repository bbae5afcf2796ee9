"""When may the next request be sent? Decided by pure functions, so these tests know no clock and no database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorshelf.store.pacing import (
    BURST,
    LONGEST_BLOCK,
    WINDOW,
    Account,
    Limits,
    Observed,
    Sent,
    after,
    earliest_start,
    share_used,
)

LIMITS = Limits(requests=600, tokens=200_000)


def schedule(costs: list[float], limits: Limits) -> list[Sent]:
    """Requests that queue without pause: each is placed as soon as the one before it was sent."""
    sent: list[Sent] = []
    for cost in costs:
        now = sent[-1].at if sent else 0.0
        history = [Sent(one.at - now, one.requests, one.tokens) for one in sent if one.at > now - WINDOW]
        sent.append(Sent(now + earliest_start(history, cost, limits), 1, cost))
    return sent


def busiest_minute(sent: list[Sent]) -> tuple[float, float]:
    """The most requests and tokens that any 60 seconds hold."""
    windows = [[one for one in sent if first.at <= one.at < first.at + 60.0] for first in sent]
    return max(len(window) for window in windows), max(sum(one.tokens for one in window) for window in windows)


def test_the_first_request_goes_at_once():
    assert earliest_start([], 5_000, LIMITS) == 0.0


def test_nothing_is_sent_before_the_time_the_endpoint_asked_for():
    assert earliest_start([], 5_000, LIMITS, blocked_for=17.0) == 17.0


def test_nobody_overtakes_a_place_already_promised():
    assert earliest_start([Sent(30.0, 1, 10)], 10, LIMITS) >= 30.0


def test_a_request_larger_than_the_limit_goes_alone_after_everything_else_has_passed():
    assert earliest_start([Sent(-1.0, 1, 100)], 500_000, LIMITS) == pytest.approx(WINDOW - 1.0)


@given(st.lists(st.floats(1, 50_000), min_size=1, max_size=120))
def test_no_sixty_seconds_hold_more_than_the_limit(costs):
    requests, tokens = busiest_minute(schedule(costs, LIMITS))
    assert requests <= LIMITS.requests
    assert tokens <= LIMITS.tokens


@given(st.integers(1, 40), st.integers(1, 300))
def test_no_sixty_seconds_hold_more_requests_than_the_limit(limit, count):
    requests, _ = busiest_minute(schedule([1.0] * count, Limits(limit, 1e9)))
    assert requests <= limit


def test_a_long_queue_of_small_requests_uses_at_least_97_percent_of_the_limit():
    sent = schedule([2_000.0] * 1_000, LIMITS)
    allowed = sent[-1].at / 60 * LIMITS.tokens
    assert 0.97 * allowed <= 1_000 * 2_000.0


def test_requests_are_spread_rather_than_sent_in_clumps():
    sent = schedule([2_000.0] * 400, LIMITS)
    in_five_seconds = max(sum(1 for one in sent if first.at <= one.at < first.at + 5) for first in sent)
    fair_share = 5 / 60 * 100
    assert in_five_seconds <= fair_share * 1.05 * (5 + BURST) / 5 + 2


def test_after_a_limit_was_halved_the_pause_is_the_windows_and_no_longer():
    minute_at_the_limit = [Sent(-60.0 + 0.6 * number, 1, 2_000) for number in range(100)]
    wait = earliest_start(minute_at_the_limit, 2_000, Limits(300, 100_000))
    assert wait == pytest.approx(WINDOW - 30.0, abs=2)


def test_an_idle_minute_lets_a_burst_through_at_once():
    assert earliest_start([Sent(-50.0, 1, 2_000), Sent(0.0, 1, 2_000)], 2_000, LIMITS) == 0.0


def test_the_lower_of_configured_and_server_limit_holds():
    account = Account(server_requests=300, server_tokens=1_000_000)
    assert account.effective(LIMITS) == Limits(300, 200_000)


def test_a_lowered_limit_in_the_headers_is_taken_over_and_a_raised_one_too():
    lowered = after(Account(server_tokens=200_000.0), Observed(tokens_per_minute=100_000.0))
    assert lowered.effective(LIMITS).tokens == 100_000
    raised = after(lowered, Observed(tokens_per_minute=200_000.0))
    assert raised.effective(LIMITS).tokens == 200_000


def test_a_response_that_says_nothing_new_changes_nothing():
    account = Account(server_requests=600.0, server_tokens=200_000.0)
    assert after(account, Observed(600.0, 200_000.0)) == account
    assert after(account, Observed()) == account


def test_retry_after_blocks_everybody_for_the_longest_time_asked():
    account = after(Account(blocked_for=3.0), Observed(refused=True, retry_after=20.0))
    assert account.blocked_for == 20.0
    assert after(account, Observed(refused=True, retry_after=5.0)).blocked_for == 20.0


def test_nobody_is_blocked_for_a_day_because_one_response_said_so():
    assert after(Account(), Observed(refused=True, retry_after=86_400.0)).blocked_for == LONGEST_BLOCK


@pytest.mark.parametrize(("used", "left"), [(1.0, 0.9), (0.95, 0.9), (0.7, 0.7), (0.1, 0.5)])
@pytest.mark.parametrize("retry_after", [None, 1.0])
def test_a_refusal_by_an_endpoint_that_never_tells_its_limit_lowers_the_pace_to_what_was_used(used, left, retry_after):
    cut = after(Account(), Observed(refused=True, retry_after=retry_after), used)
    assert cut.effective(LIMITS).tokens == pytest.approx(left * LIMITS.tokens)


def test_a_lowered_pace_grows_back():
    healed = Account(factor=0.9, factor_age=60.0)
    assert healed.effective(LIMITS) == LIMITS


@pytest.mark.parametrize("told", [Observed(600.0, None, refused=True), Observed(None, 200_000.0, refused=True)])
def test_a_refusal_by_an_endpoint_that_tells_its_limit_does_not_lower_the_pace(told):
    assert after(Account(), told, 0.5).effective(LIMITS) == LIMITS
    known = Account(server_requests=600.0, server_tokens=200_000.0)
    assert after(known, Observed(refused=True, retry_after=1.0), 0.5).effective(LIMITS) == LIMITS


def test_what_was_used_is_the_past_by_whichever_limit_it_fills_more():
    history = [Sent(-50.0, 30, 20_000), Sent(-1.0, 30, 100_000), Sent(5.0, 600, 200_000)]
    assert share_used(history, LIMITS) == pytest.approx(0.6)
    assert share_used([Sent(-1.0, 300, 10)], LIMITS) == pytest.approx(0.5)
