"""What a command says at its end: something for people or one JSON object, and the exit code of what went wrong.

With `--json`, standard output carries that object alone, also when the command fails (`error` says why); whatever
else is printed meanwhile, by whomever, goes to standard error.
"""

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack, redirect_stdout
from datetime import date, datetime
from types import TracebackType
from typing import Any, Self

import typer

from vectorshelf.cli.secrecy import without_secrets
from vectorshelf.cli.stopping import StoppedError
from vectorshelf.errors import ConfigurationError, VectorshelfError

FAILED, WRONG, INTERRUPTED = 1, 2, 130


class Reply:
    """`with Reply(as_json) as reply:` around a command's work; `reply.give(answer, show)` once it is done.

    `failure` is what the JSON object holds besides `error` when the block raises; the command may fill it.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.failure: dict[str, Any] = {}
        self._as_json = as_json
        self._answer: Mapping[str, Any] | None = None
        self._show: Callable[[], None] | None = None
        self._redirected = ExitStack()

    def __enter__(self) -> Self:
        if self._as_json:
            self._redirected.enter_context(redirect_stdout(sys.stderr))
        return self

    def give(self, answer: Mapping[str, Any], show: Callable[[], None]) -> None:
        """The answer as data, and how to show it to people. Printed when the block has ended well."""
        self._answer, self._show = answer, show

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._redirected.close()
        if error is None:
            self._print_answer()
        elif not isinstance(error, typer.Exit | BrokenPipeError):
            code, message = reaction_to(error)
            typer.echo(f"vectorshelf: {message}{_traceback_of(error)}", err=True)
            if self._as_json:
                _print_json({**self.failure, "error": message})
            raise typer.Exit(code) from error

    def _print_answer(self) -> None:
        if self._as_json and self._answer is not None:
            _print_json(self._answer)
        elif self._show is not None:
            self._show()


def reaction_to(error: BaseException) -> tuple[int, str]:
    """The exit code, and one message that says what to do, without secrets."""
    if isinstance(error, VectorshelfError):
        code, message = (WRONG if isinstance(error, ConfigurationError) else FAILED), str(error)
    elif isinstance(error, StoppedError):
        code, message = 128 + error.number, str(error)
    elif isinstance(error, KeyboardInterrupt):
        code, message = INTERRUPTED, "stopped by Ctrl-C"
    else:
        first_line = next(iter(str(error).splitlines()), "")
        code, message = FAILED, f"unexpected {type(error).__name__}: {first_line}"
    return code, without_secrets("\n  ".join([message, *getattr(error, "__notes__", [])]))


def _traceback_of(error: BaseException) -> str:
    """Below the message with VECTORSHELF_DEBUG=1; else an unexpected error's is kept in a file, and this says where.

    Only its owner can read the file: a message may quote input.
    """
    text = without_secrets("".join(traceback.format_exception(error)))
    if os.environ.get("VECTORSHELF_DEBUG") == "1":
        return f"\n{text}"
    if isinstance(error, VectorshelfError | KeyboardInterrupt):
        return ""
    handle, name = tempfile.mkstemp(prefix="vectorshelf-traceback-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return f" (a bug of vectorshelf; the traceback is in {name})"


def _print_json(answer: Mapping[str, Any]) -> None:
    typer.echo(json.dumps(answer, default=_plain, ensure_ascii=False))


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if hasattr(value, "__float__"):
        return float(value)
    return str(value)
