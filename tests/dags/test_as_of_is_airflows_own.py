"""A run by hand and the scheduled run of a date carry one `as_of`: our schedule ticks when Airflow's timetable does."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import pytest

from vectorshelf.catalog import Catalog, ticks_of
from vectorshelf.catalog.schedule import Schedule

AIRFLOW = """
import json, sys
from airflow.timetables.base import TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from pendulum import parse

answers = []
for cron, zone, first, last in json.load(sys.stdin):
    timetable = CronDataIntervalTimetable(cron, timezone=zone)
    limits, found, interval = TimeRestriction(parse(first), parse(last), catchup=True), [], None
    while info := timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=limits):
        interval = info.data_interval
        found.append([interval.start.isoformat(), interval.end.isoformat()])
    answers.append(found)
print(json.dumps(answers))
"""

SPRING, AUTUMN = ("2026-03-26", "2026-04-01"), ("2026-10-22", "2026-11-03")
CRONS = ["0 2 * * *", "30 2 * * *", "0 0 * * *", "30 * * * *", "0 */2 * * *", "15 1,2,3 * * *", "@daily"]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]
CASES = [
    (cron, zone, f"{first}T00:00:00+00:00", f"{last}T00:00:00+00:00")
    for cron in CRONS
    for zone in ZONES
    for first, last in (SPRING, AUTUMN)
]


@pytest.fixture(scope="module")
def intervals(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[datetime, datetime]]]:
    """Airflow's own data intervals for every case, from a process of its own."""
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow"))}
    done = subprocess.run(
        [sys.executable, "-c", AIRFLOW],
        input=json.dumps(CASES),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    return [[tuple(map(datetime.fromisoformat, pair)) for pair in answer] for answer in answers]


def test_an_interval_starts_at_the_tick_before_its_end(intervals):
    for (cron, zone, *_), found in zip(CASES, intervals, strict=True):
        assert len(found) >= 6
        schedule = Schedule(cron, ZoneInfo(zone))
        assert [schedule.before(end) for _, end in found] == [start for start, _ in found], (cron, zone)


def test_a_date_means_the_last_interval_that_ends_on_it(intervals):
    for (cron, zone, *_), found in zip(CASES, intervals, strict=True):
        schedule = Schedule(cron, ZoneInfo(zone))
        ends = [end.astimezone(ZoneInfo(zone)) for _, end in found]
        days = [(day, list(ticks)) for day, ticks in groupby(ends, datetime.date)]
        for day, ticks in days[1:-1]:  # the first and the last one may be cut by the range
            assert schedule.last_on(day, datetime(2027, 1, 1, tzinfo=UTC)) == ticks[-1].astimezone(UTC), (
                cron,
                zone,
                day,
            )


def test_a_range_of_days_is_the_runs_that_airflow_makes_of_them(intervals):
    later = datetime(2027, 1, 1, tzinfo=UTC)
    for (cron, zone, *_), found in zip(CASES, intervals, strict=True):
        days = sorted({end.astimezone(ZoneInfo(zone)).date() for _, end in found})[1:-1]
        wanted = [run for run in found if run[1].astimezone(ZoneInfo(zone)).date() in days]
        catalog = Catalog.model_validate(
            {"name": "shop", "source": {"path": "x.csv"}, "table": "t", "schedule": cron, "timezone": zone}
        )
        assert ticks_of(days[0], days[-1], catalog, later) == wanted, (cron, zone)


def test_intervals_follow_each_other_without_gaps(intervals):
    """And some have 23 or 25 hours: the two tests above would prove little on days without a change of clocks."""
    lengths = {end - start for found in intervals for start, end in found}
    assert {timedelta(hours=23), timedelta(hours=24), timedelta(hours=25)} <= lengths
    assert all(one[1] == next_[0] for found in intervals for one, next_ in pairwise(found))
