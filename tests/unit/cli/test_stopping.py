import os
import signal
import threading
from collections.abc import Iterator

import pytest

from vectorshelf.cli.stopping import StoppedError, cancelling, stoppable
from vectorshelf.errors import SourceError, TransientError


@pytest.fixture
def deaf_to_sigterm() -> Iterator[None]:
    """A handler that does nothing stands for one that does not get its turn while libpq waits."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_unwinds_the_block_like_ctrl_c(number):
    before = signal.getsignal(number)
    cleaned = []

    def work():
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        finally:
            cleaned.append(True)

    with pytest.raises(StoppedError, match=signal.Signals(number).name), stoppable():
        work()
    assert cleaned == [True]
    assert signal.getsignal(number) == before


@pytest.mark.usefixtures("deaf_to_sigterm")
def test_what_is_waited_for_is_cancelled_by_a_thread_and_counts_as_stopped():
    given_up = threading.Event()

    def wait_for_the_server():
        signal.raise_signal(signal.SIGTERM)
        assert given_up.wait(30)
        raise TransientError("canceling statement due to user request")

    with pytest.raises(StoppedError, match="SIGTERM") as stopped, cancelling(given_up.set):
        wait_for_the_server()
    assert isinstance(stopped.value.__cause__, TransientError)


@pytest.mark.usefixtures("deaf_to_sigterm")
def test_other_signals_cancel_nothing():
    cancelled = []
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    with cancelling(lambda: cancelled.append(True)):
        signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)
    assert cancelled == []


def test_an_error_without_a_signal_stays_what_it_is():
    with pytest.raises(SourceError), cancelling(lambda: None):
        raise SourceError("x")
