"""Texts that the endpoint would not take, until it has shown that it still takes others.

A refusal says "this text is bad" or "nothing works any more" in the same words. So nobody is put aside on the
endpoint's word alone: only when it accepts something that was sent after the refusal.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from vectorshelf.embed.packing import Text

MOST = 8
"""So many refusals in a row, and the endpoint is asked with a harmless text. Texts refused on their own account lie
between good ones, so they rarely come to that."""


class Suspect(NamedTuple):
    """A text refused at `at` (seconds of any clock), and the reason."""

    text: Text
    reason: str
    at: float


@dataclass
class Suspects:
    """Those of one shard, in the order of their refusals."""

    _waiting: list[Suspect] = field(default_factory=list)

    def add(self, text: Text, reason: str, at: float) -> None:
        """The endpoint refused it."""
        self._waiting.append(Suspect(text, reason, at))

    def guilty(self, accepted_at: float) -> list[Suspect]:
        """Take out those refused before something was sent that the endpoint accepted."""
        found = [suspect for suspect in self._waiting if suspect.at <= accepted_at]
        self._waiting = [suspect for suspect in self._waiting if suspect.at > accepted_at]
        return found

    @property
    def last_reason(self) -> str | None:
        """The newest refusal's; None when nobody is suspected."""
        return self._waiting[-1].reason if self._waiting else None

    @property
    def many(self) -> bool:
        """Whether it is time to ask."""
        return len(self._waiting) >= MOST
