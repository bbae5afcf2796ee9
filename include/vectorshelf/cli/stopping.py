"""Ctrl-C, `kill` and a closed terminal end a run the same way: the block unwinds, the ledger learns of it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StoppedError(KeyboardInterrupt):
    """SIGTERM or SIGHUP. A KeyboardInterrupt, so that nothing that catches errors catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise StoppedError in the main thread when a signal asks this process to end."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise StoppedError(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
