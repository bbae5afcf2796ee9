"""What a date means for a catalog, and that nobody can ask for tomorrow's."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorshelf.catalog.dates import as_of_of, day_of, ticks_of
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
        "13/01/2026",
        "2026-1-5",
        "1763596800",
        "1763596800.5",
        "2026-11-20T2:00",
        "2026-11-20T02:00+1",
        "tomorrow",
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


class TestRanges:
    def test_both_days_of_a_range_are_part_of_it(self):
        found = [as_of for _, as_of in ticks_of(date(2026, 11, 18), date(2026, 11, 20), catalog(), NOW)]
        assert [tick.isoformat() for tick in found] == [f"2026-11-{day}T01:00:00+00:00" for day in (18, 19, 20)]
        assert found == [as_of_of(date(2026, 11, day), catalog(), NOW) for day in (18, 19, 20)]

    def test_a_run_starts_where_the_one_before_it_ends_also_when_the_clocks_change(self):
        found = ticks_of(date(2026, 10, 23), date(2026, 10, 27), catalog(), NOW)
        assert [start for start, _ in found[1:]] == [end for _, end in found[:-1]]
        assert timedelta(hours=25) in {end - start for start, end in found}

    def test_a_day_of_an_hourly_catalog_has_as_many_runs_as_hours(self):
        hourly = catalog("0 * * * *")
        assert len(ticks_of(date(2026, 11, 18), date(2026, 11, 18), hourly, NOW)) == 24
        assert len(ticks_of(date(2026, 10, 25), date(2026, 10, 25), hourly, NOW)) == 25

    def test_without_a_schedule_a_day_is_one_run(self):
        found = ticks_of(date(2026, 11, 18), date(2026, 11, 19), catalog(None), NOW)
        assert [as_of for _, as_of in found] == [as_of_of(date(2026, 11, day), catalog(None), NOW) for day in (18, 19)]

    def test_todays_runs_that_are_still_to_come_are_left_out(self):
        found = ticks_of(date(2026, 11, 22), date(2026, 11, 22), catalog("0 2,20 * * *"), NOW)
        assert [as_of.isoformat() for _, as_of in found] == ["2026-11-22T01:00:00+00:00"]

    @pytest.mark.parametrize(
        ("first", "last", "schedule", "said"),
        [
            (date(2026, 11, 20), date(2026, 11, 18), "0 2 * * *", "swap the two dates"),
            (date(2026, 11, 20), date(2026, 11, 23), "0 2 * * *", "in the future"),
            (date(2026, 11, 17), date(2026, 11, 18), "0 2 * * 0", "no run of"),
            (date(2020, 1, 1), date(2026, 11, 18), "0 * * * *", "more than 4,000 runs"),
        ],
    )
    def test_a_range_that_is_none_is_refused_with_the_reason(self, first, last, schedule, said):
        with pytest.raises(ConfigurationError, match=said):
            ticks_of(first, last, catalog(schedule), NOW)

    @pytest.mark.parametrize("text", ["2026-11-20T02:00", "20.11.2026", "2026-1-5", "20261120", "2026-02-30", ""])
    def test_a_range_is_made_of_whole_days(self, text):
        with pytest.raises(ConfigurationError, match="write 2026-11-20"):
            day_of(text, "--from")
