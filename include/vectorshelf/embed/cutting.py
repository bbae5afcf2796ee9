"""Texts longer than the model reads: cut at a word's end, as far as their bytes or the endpoint's words tell."""

import re
from typing import Literal

from vectorshelf.embed.packing import Text
from vectorshelf.embed.tokens import byte_length, shortened

TooLong = Literal["truncate", "quarantine"]

_TOO_LONG = re.compile(
    r"maximum (context|input) length|too long|too many tokens|token limit|exceeds? .{0,40}tokens", re.IGNORECASE
)
_TOKENS = re.compile(r"(\d[\d,]*) tokens")
_SHORTEST = 64
"""Bytes. An endpoint that finds less than this too long has another reason."""

_STEP = 0.75
_MARGIN = 0.95  # tokens are not evenly spread over a text


def shorter(text: Text, reason: str) -> Text | None:
    """A beginning of a text that the endpoint refused as too long, though its bytes said otherwise.

    None when `reason` (the endpoint's words) speaks of something else, or there is next to nothing left to cut.
    """
    length = byte_length(text.text)
    if length <= _SHORTEST or not _TOO_LONG.search(reason):
        return None
    cut = shortened(text.text, max(_SHORTEST, int(length * share_that_fits(reason))))
    return Text(text.sha256, cut, cut=True) if cut.strip() else None


def share_that_fits(reason: str) -> float:
    """How much of the text to keep: by the limit and the size that the endpoint names, else three quarters.

    `"maximum context length is 512 tokens, however you requested 1,024 tokens"` is 0.475.
    """
    named = [int(number.replace(",", "")) for number in _TOKENS.findall(reason)]
    if len(named) != 2 or not 0 < min(named) < max(named):  # noqa: PLR2004  # the limit and the size
        return _STEP
    return min(named) / max(named) * _MARGIN
