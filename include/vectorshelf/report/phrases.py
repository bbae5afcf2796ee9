"""Numbers as people read them. The same figure looks the same wherever it is shown."""

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_CENT = 0.01


def count(number: float) -> str:
    """`19,406`."""
    return f"{number:,.0f}"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """`1 request`, `2 requests`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def money(dollars: float) -> str:
    """`$0`, `$0.0042`, `$12.30`: cents are enough from a cent on, and something small never looks free."""
    if dollars == 0:
        return "$0"
    if abs(dollars) >= _CENT:
        return f"${dollars:,.2f}"
    return f"${dollars:.4f}" if abs(dollars) >= _CENT**2 else f"${dollars:.8f}".rstrip("0")


def duration(seconds: float) -> str:
    """`0.04 s`, `1.4 s`, `12 s`, `3 min 20 s`, `1 h 2 min`, `3 days`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:  # noqa: PLR2004  below that a tenth tells something
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} days"


def size(bytes_: float) -> str:
    """`12 KB`, `3.4 MB`, `154 MB`, `1.2 GB`: units of a thousand."""
    for power, unit in ((3, "GB"), (2, "MB")):
        if bytes_ >= 0.9995 * 1000**power:
            amount = bytes_ / 1000**power
            return f"{amount:,.1f} {unit}" if amount < 10 else f"{amount:,.0f} {unit}"  # noqa: PLR2004
    return f"{bytes_ / 1000:,.0f} KB"


def rate(amount: float, unit: str, seconds: float = 1.0) -> str:
    """`1,030 rows/s`; empty when there is nothing to divide."""
    return f"{amount / seconds:,.0f} {unit}/s" if amount and seconds > 0 else ""


def moment(iso: str | datetime | None) -> str:
    """`2026-11-22 02:00 UTC` from an ISO 8601 text or a datetime; `never` from nothing."""
    if iso is None:
        return "never"
    found = datetime.fromisoformat(iso) if isinstance(iso, str) else iso
    return f"{found.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def fraction(value: float | None) -> str:
    """`0.981`, or a dash when nobody measured."""
    return "-" if value is None else f"{value:.3f}"
