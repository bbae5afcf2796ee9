"""What a date means for a catalog, and that nobody can ask for tomorrow's."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorshelf.catalog.dates import as_of_of
from vectorshelf.catalog.model import Catalog
from vectorshelf.errors import ConfigurationError

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def catalog(schedule: str | None = "0 2 * * *", timezone: str = "Europe/Berlin") -> Catalog:
    return Catalog.model_validate(
        {"name": "shop", "source": {"path": "x.csv"}, "table": "t", "schedule": schedule, "timezone": timezone}
    )


@pytest.mark.parametrize(
    ("value", "as_of"),
    [
        ("2026-11-20", "2026-11-20T01:00:00+00:00"),
        (date(2026, 7, 1), "2026-07-01T00:00:00+00:00"),
        (" 2026-11-20T02:00 ", "2026-11-20T01:00:00+00:00"),
        ("2026-11-20 02:00:00", "2026-11-20T01:00:00+00:00"),
        ("2026-11-20T02:00:00Z", "2026-11-20T02:00:00+00:00"),
        ("2026-11-20T02:00:00.5-05:00", "2026-11-20T07:00:00.500000+00:00"),
        (datetime.fromisoformat("2026-11-20T02:00"), "2026-11-20T01:00:00+00:00"),
        (datetime(2026, 11, 20, 2, tzinfo=UTC), "2026-11-20T02:00:00+00:00"),
    ],
)
def test_a_date_is_its_days_tick_and_a_moment_is_read_in_the_catalogs_zone(value, as_of):
    found = as_of_of(value, catalog(), NOW)
    assert found.isoformat() == as_of
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("schedule", "as_of"),
    [
        ("0 2,14 * * *", "2026-11-20T13:00:00+00:00"),
        ("@hourly", "2026-11-20T22:00:00+00:00"),
        ("0 2 * * 1", "2026-11-19T23:00:00+00:00"),
        (None, "2026-11-19T23:00:00+00:00"),
    ],
)
def test_a_date_is_the_last_tick_of_its_day_or_else_its_first_moment(schedule, as_of):
    assert as_of_of("2026-11-20", catalog(schedule), NOW).isoformat() == as_of


def test_today_is_its_last_tick_so_far():
    assert as_of_of("2026-11-22", catalog("@hourly"), NOW) == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert as_of_of("2026-11-22", catalog("0 22 * * *"), NOW) == datetime(2026, 11, 21, 23, tzinfo=UTC)
    at_the_tick = datetime(2026, 11, 22, 1, tzinfo=UTC)
    assert as_of_of("2026-11-22", catalog(), at_the_tick) == at_the_tick


@pytest.mark.parametrize(
    "value",
    ["2026-11-23", date(2026, 11, 23), "2026-11-22T11:30", datetime(2026, 11, 22, 10, tzinfo=UTC), "9999-12-31"],
)
def test_the_future_is_refused_with_todays_date(value):
    with pytest.raises(ConfigurationError, match="future: today is 2026-11-22 in Europe/Berlin"):
        as_of_of(value, catalog(), NOW)


def test_today_begins_at_the_catalogs_own_midnight():
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert as_of_of("2026-11-23", catalog(None), late) == datetime(2026, 11, 22, 23, tzinfo=UTC)
    with pytest.raises(ConfigurationError, match="in America/New_York"):
        as_of_of("2026-11-23", catalog(None, "America/New_York"), late)


def test_a_scheduler_whose_clock_is_slightly_ahead_is_no_future():
    ahead = NOW + timedelta(minutes=2)
    assert as_of_of(ahead, catalog(), NOW) == ahead


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "20.11.2026",
        "20261120",
        "2026-11-31",
        "2026-11-20T25:00",
        "2026-11-20 x",
        "11/20/2026",
        "2026-W47-5",
    ],
)
def test_any_other_text_is_refused_with_the_formats(value):
    with pytest.raises(ConfigurationError, match="write 2026-11-20, 2026-11-20T02:00 or 2026-11-20T02:00:00"):
        as_of_of(value, catalog(), NOW)


def test_a_year_that_is_a_slip_of_the_pen_is_refused():
    with pytest.raises(ConfigurationError, match="before 1970"):
        as_of_of("0026-11-20", catalog(), NOW)


@given(
    st.dates(date(1970, 1, 2), date(2026, 11, 21)),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo", "America/Lima"]),
)
def test_a_date_given_by_hand_lies_on_that_day_and_stays_the_same_later_on(day, zone):
    found = as_of_of(day, catalog(timezone=zone), NOW)
    assert found.astimezone(ZoneInfo(zone)).date() == day
    assert as_of_of(day.isoformat(), catalog(timezone=zone), NOW + timedelta(days=400)) == found


def test_without_now_the_clock_decides():
    today = datetime.now(UTC)
    assert as_of_of(today.date() - timedelta(days=2), catalog()) < today
    with pytest.raises(ConfigurationError, match="future"):
        as_of_of(today.date() + timedelta(days=2), catalog())
