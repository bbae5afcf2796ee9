import json
import re
import signal
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import typer

from vectorshelf.cli.reply import Reply
from vectorshelf.cli.stopping import StoppedError
from vectorshelf.errors import BrakeError, ConfigurationError, SourceError, TransientError


@pytest.fixture(autouse=True)
def _temporary_files(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


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
