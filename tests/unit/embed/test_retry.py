"""Backoff grows, spreads, and respects what the server asks."""

from hypothesis import given
from hypothesis import strategies as st

from vectorshelf.embed.retry import Retries

RETRIES = Retries(first=0.5, longest=60.0)
randoms = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 100), randoms)
def test_backoff_doubles_up_to_the_longest_and_is_half_jitter(attempt, random):
    whole = min(60.0, 0.5 * 2.0 ** (attempt - 1))
    assert whole / 2 <= RETRIES.delay(attempt, None, random) <= whole


@given(st.integers(1, 20), st.floats(0, 3_600), randoms)
def test_retry_waits_at_least_as_long_as_the_server_asks(attempt, asked, random):
    assert asked <= RETRIES.delay(attempt, asked, random) <= asked + 1
