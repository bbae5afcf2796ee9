"""Texts that the endpoint would not take, until it has shown that it still takes others.

A refusal says "this text is bad" or "nothing works any more" in the same words. So nobody is put aside on the
endpoint's word alone: it must accept something that was sent after the refusal, and then refuse the text once more.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from vectorshelf.embed.packing import Text

MOST = 8
"""So many are collected before they are judged. Texts refused on their own account lie between good ones, one of which
has mostly been accepted by then, so that no harmless text need be asked for."""


class Suspect(NamedTuple):
    """A text refused at `at` (seconds of any clock), and the reason."""

    text: Text
    reason: str
    at: float


@dataclass
class Suspects:
    """Those of one shard, in the order of their refusals, and when something was last sent that was accepted."""

    accepted_at: float | None = None
    _waiting: list[Suspect] = field(default_factory=list)

    def add(self, text: Text, reason: str, at: float) -> None:
        """The endpoint refused it."""
        self._waiting.append(Suspect(text, reason, at))

    def accepted(self, sent_at: float) -> None:
        """The endpoint took something that was sent then."""
        self.accepted_at = sent_at if self.accepted_at is None else max(sent_at, self.accepted_at)

    def accepted_since(self, at: float) -> bool:
        """Whether the endpoint has taken anything that was sent after that."""
        return self.accepted_at is not None and self.accepted_at >= at

    @property
    def unproven(self) -> str | None:
        """The newest refusal's reason, when nothing sent after it was accepted."""
        newest = self._waiting[-1] if self._waiting else None
        return newest.reason if newest is not None and not self.accepted_since(newest.at) else None

    @property
    def many(self) -> bool:
        """Whether it is time to judge them."""
        return len(self._waiting) >= MOST

    def taken(self) -> list[Suspect]:
        """All of them; nobody is suspected any more."""
        found, self._waiting = self._waiting, []
        return found
