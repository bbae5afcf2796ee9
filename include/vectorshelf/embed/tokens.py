"""How many tokens a text will be, from its bytes alone: no network, no tokenizer download.

OpenAI's endpoint itself estimates a quarter of a token per UTF-8 byte when it enforces its limits; the real usage of
past requests calibrates the figure for a catalog's own language.
"""

import math
from collections.abc import Iterable

TOKENS_PER_BYTE = 0.25
"""The endpoint's own estimate (facts of the OpenAI API)."""

MAX_TOKENS_PER_TEXT = 8_192
"""OpenAI's limit of one text."""

MAX_BYTES_PER_TEXT = int(MAX_TOKENS_PER_TEXT / TOKENS_PER_BYTE)

_PRIOR_BYTES = 20_000  # how much usage it takes to believe the calibration more than the default


def byte_length(text: str) -> int:
    """UTF-8 bytes of `text`."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def calibrated(used_tokens: int, sent_bytes: int) -> float:
    """Tokens per byte as past usage has it, leaning on the default while there is little of it."""
    prior = _PRIOR_BYTES * TOKENS_PER_BYTE
    return (used_tokens + prior) / (sent_bytes + _PRIOR_BYTES)


def estimated(sent_bytes: int, texts: int, ratio: float = TOKENS_PER_BYTE) -> int:
    """Tokens of `texts` texts of `sent_bytes` bytes together; a text has at least one."""
    return max(texts, math.ceil(sent_bytes * ratio))


def estimated_tokens(texts: Iterable[str], ratio: float = TOKENS_PER_BYTE) -> int:
    """Tokens of these texts together."""
    return sum(estimated(byte_length(text), 1, ratio) for text in texts)


def bytes_of(tokens: int) -> int:
    """UTF-8 bytes that so many tokens are likely to take."""
    return int(tokens / TOKENS_PER_BYTE)


def shortened(text: str, max_bytes: int = MAX_BYTES_PER_TEXT) -> str:
    """`text` cut to at most `max_bytes` UTF-8 bytes, at the last word boundary, or inside a word that has none."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) <= max_bytes:
        return text
    cut = raw[:max_bytes].decode("utf-8", "ignore")
    if text[len(cut)].isspace():
        return cut.rstrip()
    words, space, _ = cut.rpartition(" ")
    return words.rstrip() if space and words.strip() else cut
