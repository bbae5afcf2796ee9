"""Rate headers as endpoints really write them, and as broken ones do."""

import pytest

from vectorshelf.embed.headers import observed_in, retry_after_of, seconds_of
from vectorshelf.store.pacing import Observed


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("6m0s", 360.0), ("1.5s", 1.5), ("20ms", 0.02), ("1h2m3s", 3723.0), ("soon", None), ("5", None), (None, None)],
)
def test_durations(written, seconds):
    assert seconds_of(written) == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "600"}, 600.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "later"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after_of(headers) == seconds


def test_limits_are_read_and_absent_ones_are_unknown():
    assert observed_in({"x-ratelimit-limit-requests": "600"}) == Observed(requests_per_minute=600.0)
    assert observed_in({"x-ratelimit-limit-tokens": "0"}) == Observed()


def test_an_exhausted_allowance_holds_everybody_for_a_moment_not_until_it_is_whole():
    headers = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}
    assert observed_in(headers).exhausted == 5.0
    assert observed_in({**headers, "x-ratelimit-reset-tokens": "200ms"}).exhausted == pytest.approx(0.2)
    assert observed_in({**headers, "x-ratelimit-remaining-tokens": "12"}).exhausted is None
