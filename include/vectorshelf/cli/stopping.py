"""Ctrl-C, `kill` and a closed terminal end a run the same way: the block unwinds, the ledger learns of it.

Python runs a signal's handler between two bytecodes, which never come while libpq waits for a lock or an index
build. So a thread watches for signals too, and has the server give up what is waited for.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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


@contextmanager
def cancelling(cancel: Callable[[], None]) -> Iterator[None]:
    """Call `cancel` in a thread of its own at each signal to end, and let the block end as stopped.

    The cancelled wait may come to an end as an error of its own before the signal's handler gets its turn.
    """
    received: list[int] = []
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    watcher = threading.Thread(target=_watch, args=(reader, cancel, received), daemon=True)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watcher.start()
    try:
        yield
    except Exception as error:
        if received:
            raise _stopped_by(received[0]) from error
        raise
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        watcher.join()
        os.close(reader)


def _watch(reader: int, cancel: Callable[[], None], received: list[int]) -> None:
    while numbers := os.read(reader, 64):
        ending = [number for number in numbers if number in _ENDING]
        received.extend(ending)
        if ending:
            cancel()


def _stopped_by(number: int) -> KeyboardInterrupt:
    return KeyboardInterrupt() if number == signal.SIGINT else StoppedError(number)
