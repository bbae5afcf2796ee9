"""Show something on standard output: with colours on a terminal, as wide plain text in a pipe."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

_PIPE_WIDTH = 200


def is_terminal() -> bool:
    """Whether a person is looking at standard output."""
    return sys.stdout.isatty()


def show(what: "RenderableType") -> None:
    """Print a renderable. In a pipe the lines are long rather than wrapped."""
    from rich.console import Console

    console = Console(highlight=False, width=None if is_terminal() else _PIPE_WIDTH)
    console.print(what)


def say(text: str) -> None:
    """Print plain text as it is."""
    sys.stdout.write(text + "\n")
