"""What `as_of` a date, a moment or a text means for a catalog. Refuses the future: nobody has its catalog yet."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from vectorshelf.catalog.schedule import Schedule, later_reading
from vectorshelf.errors import ConfigurationError

if TYPE_CHECKING:
    from vectorshelf.catalog.model import Catalog

_CLOCK_SKEW = timedelta(minutes=5)
"""A scheduler's clock may be a little ahead of the worker's."""

_FIRST_YEAR = 1970
_MOST_RUNS = 4000
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FORMATS = "write 2026-11-20, 2026-11-20T02:00 or 2026-11-20T02:00:00+01:00"


def as_of_of(value: str | date | datetime, catalog: "Catalog", now: datetime | None = None) -> datetime:
    """The moment in UTC that a run for `value` carries as `as_of`.

    A date means the last tick of the catalog's schedule on that day in its time zone (for today: the last one so
    far), so a run by hand carries the same `as_of` as the scheduled run of that day; without such a tick, the day's
    first moment. A moment without a zone is read in the catalog's zone. `now` defaults to the clock.

    Raises ConfigurationError for text in another format, and for the future.
    """
    moment = now or datetime.now(UTC)
    given = _parsed(value.strip()) if isinstance(value, str) else value
    if given.year < _FIRST_YEAR:
        raise ConfigurationError(f"as_of {value} is before {_FIRST_YEAR}, and no catalog is that old: {_FORMATS}")
    found = _instant(given, catalog, moment) if given.year <= moment.year + 1 else None
    if found is None or found > moment + _CLOCK_SKEW:
        today = moment.astimezone(catalog.tz).date()
        raise ConfigurationError(f"as_of {value} is in the future: today is {today} in {catalog.timezone}")
    return found


def day_of(text: str, what: str) -> date:
    """A whole day. Raises ConfigurationError for a moment, or for text in another format."""
    if _DATE.fullmatch(text.strip()):
        try:
            return date.fromisoformat(text.strip())
        except ValueError as error:
            raise ConfigurationError(f"{what} {text!r} is no date ({error}): write 2026-11-20") from error
    raise ConfigurationError(f"{what} {text!r} is no day: write 2026-11-20, both days of a range are part of it")


def ticks_of(
    first: date, last: date, catalog: "Catalog", now: datetime | None = None
) -> list[tuple[datetime, datetime]]:
    """(start, as_of) of every run from the first day to the last, both included, in order: what a backfill makes.

    Days are the catalog's own. Without a schedule a day has one run, as of its first moment. Today's runs that are
    still to come are left out. Raises ConfigurationError for a range that runs backwards, reaches into the future, or
    has too many runs.
    """
    moment = now or datetime.now(UTC)
    if first > last:
        raise ConfigurationError(f"the range ends on {last}, before it begins on {first}: swap the two dates")
    as_of_of(last, catalog, moment)
    if not catalog.schedule:
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        begins = [as_of_of(day, catalog, moment) for day in days]
        found = [(begin - timedelta(days=1), begin) for begin in begins]
    else:
        found = _ticks(Schedule(catalog.schedule, catalog.tz), first, last, catalog.tz, moment)
    if not found:
        raise ConfigurationError(
            f"no run of {catalog.schedule!r} lies between {first} and {last} in {catalog.timezone}, and is due by now"
        )
    return found


def _ticks(schedule: Schedule, first: date, last: date, tz: tzinfo, now: datetime) -> list[tuple[datetime, datetime]]:
    beyond = later_reading(datetime.combine(last, datetime.min.time()) + timedelta(days=1), tz)
    tick = schedule.before(min(beyond, now + timedelta(microseconds=1)))
    found: list[tuple[datetime, datetime]] = []
    while tick.astimezone(tz).date() >= first:
        start = schedule.before(tick)
        found.append((start, tick))
        if len(found) > _MOST_RUNS:
            raise ConfigurationError(
                f"from {first} to {last} are more than {_MOST_RUNS:,} runs: ask for a shorter range"
            )
        tick = start
    return found[::-1]


def _instant(given: date | datetime, catalog: "Catalog", now: datetime) -> datetime:
    if isinstance(given, datetime):
        return given.astimezone(UTC) if given.tzinfo else later_reading(given, catalog.tz)
    tick = Schedule(catalog.schedule, catalog.tz).last_on(given, now) if catalog.schedule else None
    midnight = datetime.combine(given, datetime.min.time())
    return tick or min(midnight.replace(tzinfo=catalog.tz, fold=fold).astimezone(UTC) for fold in (0, 1))


def _parsed(text: str) -> date | datetime:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _DATE.match(text):
            return datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"as_of {text!r} is no date ({error}): {_FORMATS}") from error
    raise ConfigurationError(f"as_of {text!r} is no date: {_FORMATS}")
