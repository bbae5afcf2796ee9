"""A question about a date means the whole of it; what is no date, or has not been yet, is refused."""

from datetime import UTC, datetime

import pytest

from tests.unit.catalog.test_dates import NOW, catalog
from vectorshelf.catalog import beginning_of, end_of
from vectorshelf.errors import ConfigurationError


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-20", "2026-11-20T22:59:59.999999+00:00"),  # Berlin's midnight
        (" 2026-07-01 ", "2026-07-01T21:59:59.999999+00:00"),
        ("2026-11-22", "2026-11-22T09:30:00+00:00"),  # today: until now
        ("2026-11-20T02:00", "2026-11-20T01:00:00+00:00"),  # naive: the catalog's zone
        ("2026-11-20T02:00:00Z", "2026-11-20T02:00:00+00:00"),
        ("2026-11-20 02:00:00-05:00", "2026-11-20T07:00:00+00:00"),
        ("2026-03-29", "2026-03-29T21:59:59.999999+00:00"),  # a day of 23 hours
        ("2026-10-25", "2026-10-25T22:59:59.999999+00:00"),  # and one of 25
    ],
)
def test_as_of_a_date_is_its_last_moment_and_as_of_a_moment_is_that(value, moment):
    found = end_of(value, catalog(), NOW)
    assert found.isoformat() == moment
    assert found.tzinfo is UTC


@pytest.mark.parametrize("schedule", [None, "0 2 * * *", "@hourly", "0 0 * * 1"])
def test_a_date_holds_its_days_snapshot_whatever_the_schedule_is_by_now(schedule):
    asked = end_of("2026-11-20", catalog(schedule, "UTC"), NOW)
    for hour in (0, 2, 23):
        assert datetime(2026, 11, 20, hour, tzinfo=UTC) <= asked
    assert asked < datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("America/Santiago", "2026-09-06T04:00:00+00:00"),  # 00:00 does not exist on this day: clocks go to 01:00
        ("America/Havana", "2026-11-01T04:00:00+00:00"),  # 00:00 comes twice on this one
        ("Asia/Kathmandu", "2026-11-09T18:15:00+00:00"),
    ],
)
def test_a_day_begins_with_its_first_moment_also_where_clocks_change_at_midnight(zone, moment):
    day = {"America/Santiago": "2026-09-06", "America/Havana": "2026-11-01"}.get(zone, "2026-11-10")
    assert beginning_of(day, catalog(None, zone), NOW).isoformat() == moment


def test_before_a_moment_is_before_that_moment():
    assert beginning_of("2026-11-20T02:00", catalog(), NOW) == datetime(2026, 11, 20, 1, tzinfo=UTC)


@pytest.mark.parametrize("ask", [end_of, beginning_of])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("2026-11-23", "in the future: today is 2026-11-22"),
        ("2026-11-22T23:00", "in the future"),
        ("2999-01-01", "in the future"),
        ("13/01/2026", "is no date"),
        ("2026-1-5", "is no date"),
        ("20260105", "is no date"),
        ("2026-02-30", "is no date"),
        ("yesterday", "is no date"),
        ("1763683200", "is no date"),
        ("", "is no date"),
        ("1899-01-01", "before 1970"),
    ],
)
def test_what_is_no_past_date_is_refused_with_a_format_that_is(ask, value, message):
    with pytest.raises(ConfigurationError, match=message):
        ask(value, catalog(), NOW)
