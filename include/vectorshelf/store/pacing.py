"""When may the next request be sent? The limiter's decision, as pure functions of numbers.

Two rules hold together. The window: no 60 seconds hold more requests or tokens than the limit, so an endpoint that
counts a strict sliding window never refuses (a paced queue alone would exceed it by one request). The pace: requests
are spread evenly with a small burst, so an endpoint that enforces its limit second by second is not hit in clumps.
All times are seconds relative to the database's now; the past is negative.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

WINDOW = 61.0
"""A minute, and a second for requests that travel faster than the one they follow."""

TRAVEL = 2.0
"""Seconds that a request may be on its way before the endpoint counts it: on a busy machine both ends wait for a CPU.
Counted when it left, it would seem to leave the endpoint's minute too early."""

HEADROOM = 0.005
"""Of the tokens, for requests under way that turn out larger than estimated."""

BURST = 6.0
"""Seconds of the allowance that may be used at once after idleness."""

_PACE_SPAN = 30.0
"""How far back the pace looks, in seconds. Beyond it only the window counts: after a limit was halved, the pace asks
for no longer a pause than a strictly sliding window does."""

_EAGERNESS = 1.05  # the pace runs a little ahead of the limit, so that only the window ever costs throughput
_CUT = 0.9  # what a refusal that no header explains does to the effective limit, at the least
_DEEPEST_CUT = 0.5  # and at the most: it may have been a server's bad moment
_SMALLEST_FACTOR = 0.1
_REGROWTH = 600.0  # seconds from nothing back to the whole limit: each time it is exceeded again costs a refusal

LONGEST_BLOCK = 600.0
"""Seconds for which one `Retry-After` stops everybody. Who got a longer one sits it out alone; others ask again."""


@dataclass(frozen=True)
class Limits:
    """What one minute allows."""

    requests: float
    tokens: float


class Sent(NamedTuple):
    """A request sent or promised: when, and what it takes of the limit."""

    at: float
    requests: float
    tokens: float


@dataclass(frozen=True)
class Observed:
    """What one response told about the endpoint's limit. None: it did not say.

    `refused` is a 429; `retry_after` the seconds it asked for; `exhausted` the seconds until an allowance that the
    headers report as used up is there again.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    refused: bool = False
    retry_after: float | None = None
    exhausted: float | None = None


@dataclass(frozen=True)
class Account:
    """What is known of an endpoint's limit, shared by everybody who uses it."""

    server_requests: float | None = None
    server_tokens: float | None = None
    factor: float = 1.0
    factor_age: float = 0.0
    blocked_for: float = 0.0

    def effective(self, configured: Limits) -> Limits:
        """The lower of what is configured and what the server said, less what unexplained refusals took off."""
        factor = self.grown_factor
        return Limits(
            min(configured.requests, self.server_requests or configured.requests) * factor,
            min(configured.tokens, self.server_tokens or configured.tokens) * factor,
        )

    @property
    def grown_factor(self) -> float:
        """The factor now: it grows back steadily after the last refusal."""
        return min(1.0, self.factor + self.factor_age / _REGROWTH)


def after(account: Account, observed: Observed, used: float = 1.0) -> Account:
    """The account once a response has been read. Equal to the one given if the response taught nothing new.

    A refusal by an endpoint that never tells its limit can only mean: less than we thought. `used` is the share of
    what we thought that the last minute took, and so the best guess.
    """
    blocked = max(min(LONGEST_BLOCK, observed.retry_after or 0.0), observed.exhausted or 0.0)
    known = replace(
        account,
        server_requests=observed.requests_per_minute or account.server_requests,
        server_tokens=observed.tokens_per_minute or account.server_tokens,
        blocked_for=max(account.blocked_for, blocked),
    )
    if observed.refused and known.server_requests is None and known.server_tokens is None:
        grown = account.grown_factor
        factor = grown * min(_CUT, max(_DEEPEST_CUT, used))
        return replace(known, factor=max(_SMALLEST_FACTOR, factor), factor_age=0.0)
    return known


def share_used(history: Sequence[Sent], limits: Limits) -> float:
    """What the past of `history` takes of `limits`, by requests or by tokens, whichever is more."""
    past = [sent for sent in history if sent.at <= 0]
    requests, tokens = sum(sent.requests for sent in past), sum(sent.tokens for sent in past)
    return max(requests / limits.requests, tokens / limits.tokens)


def earliest_start(history: Sequence[Sent], tokens: float, limits: Limits, blocked_for: float = 0.0) -> float:
    """Seconds from now at which a request of `tokens` may be sent. `history` is ordered by time.

    Never before one already promised, so that nobody overtakes. A request larger than the whole limit goes alone.
    """
    start = max(0.0, blocked_for)
    if not history:
        return start
    start = max(start, history[-1].at, _paced(history, limits))
    return _windowed(history, tokens, limits, start)


def _paced(history: Sequence[Sent], limits: Limits) -> float:
    """The theoretical arrival times of both allowances (GCRA), the later one, less the burst."""
    recent = [sent for sent in history if sent.at > -_PACE_SPAN]
    by_requests = by_tokens = recent[0].at if recent else -_PACE_SPAN
    for sent in recent:
        by_requests = max(by_requests, sent.at) + sent.requests * 60.0 / (limits.requests * _EAGERNESS)
        by_tokens = max(by_tokens, sent.at) + sent.tokens * 60.0 / (limits.tokens * _EAGERNESS)
    return max(by_requests, by_tokens) - BURST


def _windowed(history: Sequence[Sent], tokens: float, limits: Limits, start: float) -> float:
    """Wait until enough of the past has left the window."""
    inside = [sent for sent in history if sent.at > start - WINDOW]
    used_requests = sum(sent.requests for sent in inside)
    used_tokens = sum(sent.tokens for sent in inside)
    most_tokens = limits.tokens * (1 - HEADROOM)
    for sent in inside:
        if used_requests + 1 <= limits.requests and used_tokens + tokens <= most_tokens:
            break
        start = max(start, sent.at + WINDOW)
        used_requests -= sent.requests
        used_tokens -= sent.tokens
    return start
