"""When a schedule ticks. That Airflow ticks at the same moments is shown in tests/dags."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorshelf.catalog.schedule import PRESETS, Schedule, later_reading

clock = datetime.fromisoformat  # what clocks show, without a zone
BERLIN = ZoneInfo("Europe/Berlin")
LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("0 2 * *", "this has 4"),
        ("0 0 2 * * *", "this has 6"),
        ("nightly", "this has 1"),
        ("@once", "this has 1"),
        ("", "this has 0"),
        ("61 2 * * *", "out of range"),
        ("a b c d e", "ever comes"),
        ("0 0 31 2 *", "ever comes"),
        ("* * * * MOO", "ever comes"),
        ("H 2 * * *", "ever comes"),
        ("*/0 * * * *", "ever comes"),
        ("5-1-2 * * * *", "ever comes"),
    ],
)
def test_a_schedule_that_never_comes_is_refused_with_an_example(expression, reason):
    with pytest.raises(ValueError, match=reason) as refused:
        Schedule(expression, UTC)
    assert '"0 2 * * *"' in str(refused.value)


@pytest.mark.parametrize("preset", PRESETS)
def test_airflows_presets_tick(preset):
    assert Schedule(preset, UTC).before(LATER) < LATER


def test_the_tick_before_a_tick_is_the_one_before_it():
    schedule = Schedule("0 2 * * *", BERLIN)
    summer, winter = datetime(2026, 7, 1, 0, tzinfo=UTC), datetime(2026, 12, 1, 1, tzinfo=UTC)
    assert schedule.before(summer) == summer - timedelta(days=1)
    assert schedule.before(winter) == winter - timedelta(days=1)
    assert schedule.before(winter + timedelta(microseconds=1)) == winter


def test_a_tick_in_the_hour_that_clocks_skip_comes_once_and_at_the_end_of_the_gap():
    schedule = Schedule("30 2 * * *", BERLIN)
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert schedule.before(noon) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert schedule.before(schedule.before(noon)) == datetime(2026, 3, 28, 1, 30, tzinfo=UTC)


def test_an_hourly_schedule_ticks_in_both_of_the_repeated_hours():
    schedule = Schedule("30 * * * *", BERLIN)
    ticks = [datetime(2026, 10, 25, 2, tzinfo=UTC)]
    for _ in range(3):
        ticks.append(schedule.before(ticks[-1]))
    assert [tick.astimezone(BERLIN).strftime("%H:%M%z") for tick in ticks[1:]] == [
        "02:30+0100",
        "02:30+0200",
        "01:30+0200",
    ]


def test_a_days_last_tick_is_its_last_one_so_far():
    schedule = Schedule("0 */6 * * *", UTC)
    day = date(2026, 11, 20)
    assert schedule.last_on(day, LATER) == datetime(2026, 11, 20, 18, tzinfo=UTC)
    assert schedule.last_on(day, datetime(2026, 11, 20, 12, tzinfo=UTC)) == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert schedule.last_on(day, datetime(2026, 11, 19, tzinfo=UTC)) is None


def test_a_day_without_a_tick_has_no_last_one():
    assert Schedule("0 2 * * 1", UTC).last_on(date(2026, 11, 20), LATER) is None


@given(
    st.sampled_from(["0 2 * * *", "30 2 * * *", "15 */3 * * *", "@hourly", "0 0 1 * *"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "America/St_Johns"]),
    st.datetimes(clock("2000-01-01"), clock("2037-01-01"), timezones=st.just(UTC)),
)
def test_a_tick_lies_strictly_before_its_moment(expression, zone, moment):
    assert Schedule(expression, ZoneInfo(zone)).before(moment) < moment


def test_of_two_readings_of_a_clock_the_later_one_is_meant():
    assert later_reading(clock("2026-10-25T02:30"), BERLIN) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert later_reading(clock("2026-03-29T02:30"), BERLIN) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
