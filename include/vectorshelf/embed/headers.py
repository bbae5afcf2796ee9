"""What the headers of a response say about the endpoint's rate limit. All of them may be absent or malformed."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from vectorshelf.store.pacing import Observed

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_LONGEST_EXHAUSTION = 5.0
"""A reset is when the allowance is whole again; some of it is there long before."""


def seconds_of(duration: str | None) -> float | None:
    """`"6m0s"`, `"1.5s"` or `"20ms"` in seconds; None for anything else."""
    parts = _DURATION.findall(duration or "")
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as an HTTP date."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        until = parsedate_to_datetime(value)
        # Against the server's own date, so that its clock and ours need not agree.
        now = parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return None


def observed_in(headers: Mapping[str, str], *, refused: bool = False) -> Observed:
    """The limits, and how long a used-up allowance needs."""
    return Observed(
        requests_per_minute=_positive(headers.get("x-ratelimit-limit-requests")),
        tokens_per_minute=_positive(headers.get("x-ratelimit-limit-tokens")),
        refused=refused,
        retry_after=retry_after_of(headers) if refused else None,
        exhausted=_exhausted(headers),
    )


def _exhausted(headers: Mapping[str, str]) -> float | None:
    waits = [
        seconds_of(headers.get(f"x-ratelimit-reset-{what}"))
        for what in ("requests", "tokens")
        if _number(headers.get(f"x-ratelimit-remaining-{what}")) == 0
    ]
    known = [min(wait, _LONGEST_EXHAUSTION) for wait in waits if wait is not None]
    return max(known, default=None)


def _number(value: str | None) -> float | None:
    return float(value) if value and re.fullmatch(r"\d+(\.\d+)?", value.strip()) else None


def _positive(value: str | None) -> float | None:
    return _number(value) or None
