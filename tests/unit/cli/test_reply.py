import json
import os
import re
import signal
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import typer

from vectorshelf.cli.reply import Reply
from vectorshelf.cli.stopping import StoppedError, cancelling, stoppable
from vectorshelf.errors import BrakeError, ConfigurationError, SourceError, TransientError


def code_of(error: BaseException, *, as_json: bool = False, failure: dict | None = None) -> int:
    reply = Reply(as_json)
    reply.failure = failure or {}
    with pytest.raises(typer.Exit) as end, reply:
        raise error
    return end.value.exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), 2),
        (SourceError("x"), 1),
        (BrakeError("x"), 1),
        (TransientError("x"), 1),
        (RuntimeError("x"), 1),
        (KeyboardInterrupt(), 130),
        (StoppedError(signal.SIGTERM), 143),
        (StoppedError(signal.SIGHUP), 129),
    ],
)
def test_every_reaction_has_its_exit_code(error, code):
    assert code_of(error) == code


def test_a_known_error_is_its_message_and_nothing_more(capsys):
    code_of(SourceError("no file a.csv: check source.path"))
    assert capsys.readouterr() == ("", "vectorshelf: no file a.csv: check source.path\n")


def test_notes_of_an_error_are_shown(capsys):
    error = SourceError("broken")
    error.add_note("the ledger could not be told")
    code_of(error)
    assert capsys.readouterr().err == "vectorshelf: broken\n  the ledger could not be told\n"


def test_an_unexpected_error_is_one_line_and_its_traceback_is_kept_privately(capsys):
    code_of(KeyError("shelf"))
    found = re.fullmatch(
        r"vectorshelf: unexpected KeyError: 'shelf' \(a bug of vectorshelf; the traceback is in (\S+)\)\n",
        capsys.readouterr().err,
    )
    assert found
    kept = Path(found[1])
    assert "in code_of" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    kept.unlink()


def test_debug_shows_the_traceback_at_once(capsys, monkeypatch):
    monkeypatch.setenv("VECTORSHELF_DEBUG", "1")
    code_of(ConfigurationError("x"))
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_json_is_alone_on_standard_output_whoever_prints_meanwhile(capsys):
    with Reply(as_json=True) as reply:
        print("a library says hello")
        reply.give(
            {"at": datetime(2026, 1, 1, tzinfo=UTC), "cost": Decimal("0.5"), "name": "späti"}, lambda: print("never")
        )
    out, err = capsys.readouterr()
    assert json.loads(out) == {"at": "2026-01-01T00:00:00+00:00", "cost": 0.5, "name": "späti"}
    assert out.count("\n") == 1
    assert err == "a library says hello\n"


def test_json_of_a_failure_keeps_what_is_known_and_says_why(capsys):
    code_of(BrakeError("too much"), as_json=True, failure={"status": "failed", "new": 3})
    assert json.loads(capsys.readouterr().out) == {"status": "failed", "new": 3, "error": "too much"}


def test_without_json_the_answer_is_shown_after_the_work(capsys):
    with Reply() as reply:
        reply.give({"a": 1}, lambda: print("shown"))
        print("working")
    assert capsys.readouterr().out == "working\nshown\n"


def test_an_exit_of_the_command_itself_passes(capsys):
    assert code_of(typer.Exit(2)) == 2
    assert capsys.readouterr() == ("", "")


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


def test_what_is_waited_for_is_cancelled_from_outside_the_main_thread():
    """Stands for libpq: a lock that Python code waits for without ever letting a signal's handler run."""
    given_up = threading.Event()

    def cancel():
        assert threading.current_thread() is not threading.main_thread()
        given_up.set()

    def wait_for_the_server():
        signal.raise_signal(signal.SIGTERM)
        given_up.wait(30)
        raise TransientError("canceling statement due to user request")

    with pytest.raises(StoppedError), cancelling(cancel):
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            wait_for_the_server()
        finally:
            signal.signal(signal.SIGTERM, before)


def test_an_error_without_a_signal_stays_what_it_is():
    with pytest.raises(SourceError), cancelling(lambda: None):
        raise SourceError("x")
