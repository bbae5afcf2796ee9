"""What `as_of` a date, a moment or a text means for a catalog. Refuses the future: nobody has its catalog yet."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from vectorshelf.catalog.schedule import Schedule, later_reading
from vectorshelf.errors import ConfigurationError

if TYPE_CHECKING:
    from vectorshelf.catalog.model import Catalog

_CLOCK_SKEW = timedelta(minutes=5)
"""A scheduler's clock may be a little ahead of the worker's."""

_FIRST_YEAR = 1970
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
