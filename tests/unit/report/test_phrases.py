from datetime import UTC, datetime, timedelta, timezone

import pytest

from vectorshelf.report import phrases


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.00 s"), (0.044, "0.04 s"), (1.44, "1.4 s"),
        (9.94, "9.9 s"), (12.4, "12 s"), (59.4, "59 s"), (200, "3 min 20 s"),
     (3720, "1 h 2 min"), (50 * 3600, "2 days")],
)  # fmt: skip
def test_a_duration_has_the_precision_that_matters(seconds, text):
    assert phrases.duration(seconds) == text


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (0, "$0"),
        (0.00002468, "$0.00002468"),
        (0.0000002, "$0.0000002"),
        (0.0042, "$0.0042"),
        (0.01, "$0.01"),
        (1234.5, "$1,234.50"),
    ],
)
def test_money_that_was_spent_never_reads_as_nothing(dollars, text):
    assert phrases.money(dollars) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 KB"),
        (8192, "8 KB"),
        (999_400, "999 KB"),
        (999_999, "1.0 MB"),
        (154_000_000, "154 MB"),
        (1.24e9, "1.2 GB"),
    ],
)
def test_bytes_are_shown_in_the_largest_unit_that_fits(amount, text):
    assert phrases.size(amount) == text


def test_a_moment_is_shown_in_utc_whatever_its_zone():
    berlin = timezone(timedelta(hours=1))
    assert phrases.moment("2026-11-22T03:00:00+01:00") == "2026-11-22 02:00 UTC"
    assert phrases.moment(datetime(2026, 11, 22, 3, tzinfo=berlin)) == phrases.moment(
        datetime(2026, 11, 22, 2, tzinfo=UTC)
    )
    assert phrases.moment(None) == "never"


def test_a_rate_needs_an_amount_and_a_time():
    assert phrases.rate(500, "rows", 0.25) == "2,000 rows/s"
    assert phrases.rate(0, "rows", 1.0) == ""
    assert phrases.rate(500, "rows", 0.0) == ""


def test_one_thing_is_singular():
    assert [phrases.counted(n, "request") for n in (0, 1, 2000)] == ["0 requests", "1 request", "2,000 requests"]
