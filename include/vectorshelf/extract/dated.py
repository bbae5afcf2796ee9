"""The date that a row carries itself (`columns.updated_at`): when the source last changed it. Guesses nothing."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from vectorshelf.catalog.schedule import later_reading

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?")
_FIRST_YEAR = 1970
_CLOCK_SKEW = timedelta(minutes=5)
_SHOWN = 60
_FORMATS = "write 2026-11-20T02:00:00+01:00, or without a zone for the catalog's own"


def row_date(value: object, tz: tzinfo, now: datetime | None = None) -> datetime:
    """The moment in UTC. Text and datetimes without a zone are read in `tz`, dates as its midnight.

    Raises ValueError, saying why, for anything else: an empty value, numbers (seconds or milliseconds?), other
    formats, and the future, which would keep every later change of the row out.
    """
    given = _given(value)
    moment = now or datetime.now(UTC)
    if not _FIRST_YEAR <= given.year <= moment.year + 1:
        raise ValueError(f"updated_at {_shown(value)} is no year of a catalog: {_FORMATS}")
    found = _instant(given, tz)
    if found > moment + _CLOCK_SKEW:
        raise ValueError(f"updated_at {_shown(value)} is in the future: it would keep every later change out")
    return found


def _given(value: object) -> date | datetime:
    if isinstance(value, date):  # a datetime is one
        return value
    text = value.strip() if isinstance(value, str) else ""
    if value is None or (isinstance(value, str) and not text):
        raise ValueError(f"updated_at is empty: {_FORMATS}")
    if _ISO.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError(f"updated_at {_shown(value)} is no date ({error}): {_FORMATS}") from error
    raise ValueError(f"updated_at {_shown(value)} is no date: {_FORMATS}")


def _instant(given: date | datetime, tz: tzinfo) -> datetime:
    if not isinstance(given, datetime):
        given = datetime.combine(given, time.min)
    return given.astimezone(UTC) if given.tzinfo else later_reading(given, tz)


def _shown(value: object) -> str:
    return repr(value)[:_SHOWN]
