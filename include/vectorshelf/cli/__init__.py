"""The command line: `vectorshelf run | search | status | check | quarantine | db`.

Every command is a thin face of one pipeline function. What a command needs is imported when it runs, so that
`vectorshelf --help` answers at once. Exit codes: 0 done, 1 run failed, 2 wrong usage or configuration,
130 and 143 stopped from outside.
"""

from vectorshelf.cli.app import app
from vectorshelf.cli.stopping import stoppable


def main() -> None:
    """The entry point of the `vectorshelf` command."""
    with stoppable():
        app()
