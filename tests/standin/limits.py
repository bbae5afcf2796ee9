"""How the stand-in counts requests and tokens per minute: a strict sliding window, or a bucket that refills."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

MINUTE = 60.0


class Allowance(Protocol):
    """One of the two limits. Times are seconds of a monotonic clock."""

    limit: float

    def wait(self, amount: float, now: float) -> float: ...
    def take(self, amount: float, now: float) -> None: ...
    def remaining(self, now: float) -> float: ...
    def reset(self, now: float) -> float: ...


@dataclass
class Window:
    """No 60 seconds hold more than the limit."""

    limit: float
    _taken: deque[tuple[float, float]] = field(default_factory=deque)
    _sum: float = 0.0

    def wait(self, amount: float, now: float) -> float:
        self._forget(now)
        excess = self._sum + amount - self.limit
        if excess <= 0:
            return 0.0
        for at, taken in self._taken:
            excess -= taken
            if excess <= 0:
                return at + MINUTE - now
        return MINUTE

    def take(self, amount: float, now: float) -> None:
        self._taken.append((now, amount))
        self._sum += amount

    def remaining(self, now: float) -> float:
        self._forget(now)
        return max(0.0, self.limit - self._sum)

    def reset(self, now: float) -> float:
        self._forget(now)
        return self._taken[-1][0] + MINUTE - now if self._taken else 0.0

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0][0] <= now - MINUTE:
            self._sum -= self._taken.popleft()[1]


@dataclass
class Bucket:
    """Holds a minute's worth, refills steadily."""

    limit: float
    _level: float = math.inf
    _at: float = 0.0

    def wait(self, amount: float, now: float) -> float:
        return max(0.0, amount - self.remaining(now)) * MINUTE / self.limit

    def take(self, amount: float, now: float) -> None:
        self._level = self.remaining(now) - amount
        self._at = now

    def remaining(self, now: float) -> float:
        return min(self.limit, self._level + (now - self._at) * self.limit / MINUTE)

    def reset(self, now: float) -> float:
        return (self.limit - self.remaining(now)) * MINUTE / self.limit


def duration(seconds: float) -> str:
    """As OpenAI's headers write it: `6m0s`, `1.25s`, `20ms`."""
    if seconds >= MINUTE:
        return f"{int(seconds // MINUTE)}m{seconds % MINUTE:g}s"
    return f"{seconds:.3f}s" if seconds >= 1 else f"{math.ceil(seconds * 1000)}ms"
