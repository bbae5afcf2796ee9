"""The command line: `vectorshelf run | search | status | check | quarantine | db`.

Every command is a thin face of one pipeline function. What a command needs is imported when it runs, so that
`vectorshelf --help` answers at once. Exit codes: 0 done, 1 run failed, 2 wrong usage or configuration,
130 and 143 stopped from outside.
"""

import os
import sys

from vectorshelf.cli.app import app
from vectorshelf.cli.stopping import stoppable


def main() -> None:
    """The entry point of the `vectorshelf` command."""
    try:
        with stoppable():
            app()
    finally:
        _flush()


def _flush() -> None:
    """A reader that went away (`vectorshelf status | head -1`) is no error worth a message at the interpreter's end."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
