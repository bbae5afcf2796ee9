"""Follow a run on standard error: live bars on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from vectorshelf.report.phrases import count, duration

if TYPE_CHECKING:
    from vectorshelf.pipeline import Progress

Clock = Callable[[], float]

_EVERY = 100_000
"""Units between two lines of a stage whose total nobody knows."""


@contextmanager
def follower() -> Iterator["Progress"]:
    """Bars when standard error is a terminal that can draw them, else lines."""
    from rich.console import Console

    console = Console(stderr=True)
    if not (console.is_terminal and not console.is_dumb_terminal):
        yield Lines(sys.stderr)
        return
    from vectorshelf.cli.bars import Bars

    with Bars(console) as bars:
        yield bars


class Lines:
    """A line at a stage's end, and at every tenth of a stage whose total is known."""

    def __init__(self, out: TextIO, clock: Clock = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._stage, self._unit = "", ""
        self._total: int | None = None
        self._done = self._next = self._tokens = 0
        self._started = clock()

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Remember what is coming; say how much there is when that is known."""
        self._stage, self._unit, self._total = stage, unit, total
        self._done, self._tokens, self._next, self._started = 0, 0, self._step(), self._clock()
        if total:
            self._say(f"{count(total)} {unit}")

    def advance(self, stage: str, amount: int, tokens: int = 0) -> None:
        """Say it when another tenth is done."""
        self._tokens += tokens
        self._done += amount
        if self._done < self._next or self._done == self._total:
            return
        self._next = self._done + self._step()
        spent = f", {count(self._tokens)} tokens" if self._tokens else ""
        of = f" of {count(self._total)}" if self._total else ""
        self._say(f"{count(self._done)}{of} {self._unit}{spent}{self._left()}")

    def note(self, stage: str, line: str) -> None:
        """Say it."""
        self._say(line)

    def finish(self, stage: str, summary: str) -> None:
        """Say what came of it."""
        self._say(f"{summary} ({duration(self._clock() - self._started)})")

    def _left(self) -> str:
        if not self._total or not self._done:
            return ""
        seconds = (self._clock() - self._started) / self._done * (self._total - self._done)
        return f", about {duration(seconds)} left"

    def _step(self) -> int:
        return max(1, self._total // 10) if self._total else _EVERY

    def _say(self, text: str) -> None:
        self._out.write(f"{self._stage}: {text}\n")
        self._out.flush()
