"""Which moment a question about the past means. Reads dates as `dates` does, and refuses what it refuses."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from vectorshelf.catalog.dates import as_of_of

if TYPE_CHECKING:
    from vectorshelf.catalog.model import Catalog

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LEAST = timedelta(microseconds=1)  # as fine as Postgres keeps time


def end_of(value: str, catalog: "Catalog", now: datetime | None = None) -> datetime:
    """The moment in UTC that "as of `value`" means: of a date its last (of today: `now`), so that the day's own
    snapshot answers whenever on that day it was loaded; of a moment itself.

    Raises ConfigurationError for text in another format, and for the future.
    """
    moment = now or datetime.now(UTC)
    found = as_of_of(value, catalog, moment)
    day = _day(value)
    return found if day is None else min(moment, _midnight(day + timedelta(days=1), catalog) - _LEAST)


def beginning_of(value: str, catalog: "Catalog", now: datetime | None = None) -> datetime:
    """The moment in UTC that "before `value`" ends at: of a date its first, of a moment itself."""
    found, day = as_of_of(value, catalog, now), _day(value)
    return found if day is None else _midnight(day, catalog)


def _day(value: str) -> date | None:
    return date.fromisoformat(value.strip()) if _DATE.fullmatch(value.strip()) else None


def _midnight(day: date, catalog: "Catalog") -> datetime:
    """The day's first moment in the catalog's zone: where clocks change at midnight, the first of two or the next."""
    return datetime.combine(day, time.min, catalog.tz).astimezone(UTC)
