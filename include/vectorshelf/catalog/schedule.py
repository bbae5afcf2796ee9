"""A cron expression in a time zone: when it ticks. The same instants as Airflow's CronDataIntervalTimetable.

Airflow computes with the clock's reading (croniter on naive datetimes) and then picks the instant; the same is done
here, so that a run by hand and the scheduled run of a date carry one `as_of`, on the two odd days of the year too.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from croniter import CroniterError, croniter

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
"""Airflow's own names for common expressions (airflow.sdk.definitions.timetables._cron, 3.3)."""

_FIELDS = 5


class Schedule:
    """When a catalog's DAG runs. All results are in UTC."""

    def __init__(self, expression: str, tz: tzinfo) -> None:
        """Raises ValueError, saying what to write instead, when nothing could ever run on this schedule."""
        self._expression = PRESETS.get(expression, expression)
        self._tz = tz
        fields = len(self._expression.split())
        if fields != _FIELDS:
            known = ", ".join(PRESETS)
            raise ValueError(
                f'cron has 5 fields, this has {fields}: write "0 2 * * *" for every night at two, or {known}'
            )
        try:
            croniter(self._expression, datetime(2000, 1, 1)).get_next(datetime)  # noqa: DTZ001 only asks whether there is a next one
        except (CroniterError, ValueError, KeyError) as error:
            hint = 'write minute hour day month weekday, such as "0 2 * * *"'
            raise ValueError(f"not a time that ever comes ({error}): {hint}") from error

    def before(self, moment: datetime) -> datetime:
        """The last tick before this moment (strictly). For a tick: where its data interval starts."""
        local = moment.astimezone(self._tz).replace(tzinfo=None, fold=0)
        cron = croniter(self._expression, local)
        every_hour = cron.expanded[1] == ["*"]  # then also in the hour that the clocks repeat
        while True:
            tick: datetime = cron.get_prev(datetime)
            instant = moment.astimezone(UTC) - (local - tick) if every_hour else later_reading(tick, self._tz)
            if instant < moment:  # a tick inside a gap of the clocks comes at its end, which may be `moment`
                return instant

    def last_on(self, day: date, until: datetime) -> datetime | None:
        """The last tick of this day that is not after `until`; None when the day has none."""
        tomorrow = later_reading(datetime.combine(day, time.min) + timedelta(days=1), self._tz)
        tick = self.before(min(tomorrow, until + timedelta(microseconds=1)))
        return tick if tick.astimezone(self._tz).date() == day else None


def later_reading(local: datetime, tz: tzinfo) -> datetime:
    """The instant (UTC) at which clocks show this; the second one of two, and past the gap if they never do."""
    return max(local.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))
