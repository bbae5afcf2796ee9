"""How a face follows a run. The pipeline tells; it never prints."""

from typing import Protocol


class Progress(Protocol):
    """What a face implements to show stages as they go."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """A stage begins; `total` is None when nobody knows yet how much there is."""

    def advance(self, stage: str, amount: int, tokens: int = 0) -> None:
        """`amount` more units of the stage are done; embedding also tells the tokens it took."""

    def note(self, stage: str, line: str) -> None:
        """Something worth knowing happened in the middle of a stage; `line` is for people."""

    def finish(self, stage: str, summary: str) -> None:
        """The stage is done; `summary` is one line for people."""


class Silent:
    """Nobody is watching."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Say nothing."""

    def advance(self, stage: str, amount: int, tokens: int = 0) -> None:
        """Say nothing."""

    def note(self, stage: str, line: str) -> None:
        """Say nothing."""

    def finish(self, stage: str, summary: str) -> None:
        """Say nothing."""


SILENT = Silent()
