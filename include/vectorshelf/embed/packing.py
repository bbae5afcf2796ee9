"""Group texts into API-sized requests, as few as the limits allow. Never reorders, never drops, never splits a text."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from vectorshelf.embed.tokens import TOKENS_PER_BYTE, byte_length, estimated

MAX_TEXTS = 2_048
MAX_TOKENS = 300_000
"""OpenAI's limits of one request."""

_LONG_RUN_MINUTES = 1.0
_SHARE_OF_A_LONG_RUN = 0.01
_SHARE_OF_A_SHORT_RUN = 0.1


class Text(NamedTuple):
    """One text that needs a vector, by the hash of what the catalog says is embedded. `cut`: it is a beginning."""

    sha256: bytes
    text: str
    cut: bool = False


@dataclass(frozen=True)
class RequestSize:
    """The most one request may hold. `tokens` is the endpoint's limit; `share` what the pace allows at once."""

    texts: int = MAX_TEXTS
    tokens: int = MAX_TOKENS
    share: int = MAX_TOKENS


def request_size(requests_per_minute: float, tokens_per_minute: float, planned_tokens: int) -> RequestSize:
    """How large requests should be for a run of `planned_tokens`.

    A run that fits into one minute's allowance wants few, large requests. A longer one runs at the limit, where a
    minute is best filled with small portions: what does not fit a minute is lost, on average half a request. (Two runs
    of a minute and a half that shared a limit used 67% of it in portions of a quarter minute, all of it in hundredths.)
    Requests never become so small that their number, not their tokens, meets the limit first.
    """
    long_run = planned_tokens > tokens_per_minute * _LONG_RUN_MINUTES
    share = tokens_per_minute * (_SHARE_OF_A_LONG_RUN if long_run else _SHARE_OF_A_SHORT_RUN)
    enough_for_requests = 2 * tokens_per_minute / requests_per_minute
    return RequestSize(share=max(1, min(MAX_TOKENS, math.ceil(max(share, enough_for_requests)))))


def least_requests(texts: int, tokens: int, size: RequestSize) -> int:
    """The fewest requests of that size that can hold so many texts and tokens."""
    return max(math.ceil(texts / size.texts), math.ceil(tokens / min(size.tokens, size.share)))


class Packer:
    """Cuts a stream of texts into requests, one at a time, holding one text back at most.

    `ratio` is asked before each request, so what responses teach about tokens per byte counts at once. The endpoint's
    own limit is judged by the larger of that ratio and the endpoint's published estimate.
    """

    def __init__(self, texts: Iterable[Text], size: RequestSize, ratio: Callable[[], float]) -> None:
        self._texts = iter(texts)
        self._held: Text | None = None
        self._size = size
        self._ratio = ratio

    def __iter__(self) -> Iterator[list[Text]]:
        return self

    def __next__(self) -> list[Text]:
        ratio = self._ratio()
        request: list[Text] = []
        used = safe = 0
        while len(request) < self._size.texts and (text := self._next()) is not None:
            length = byte_length(text.text)
            used += estimated(length, 1, ratio)
            safe += estimated(length, 1, max(ratio, TOKENS_PER_BYTE))
            if request and (used > self._size.share or safe > self._size.tokens):
                self._held = text
                break
            request.append(text)
        if not request:
            raise StopIteration
        return request

    def _next(self) -> Text | None:
        held, self._held = self._held, None
        return held or next(self._texts, None)


def halves(request: list[Text]) -> tuple[list[Text], list[Text]]:
    """Both halves of a request, in order."""
    middle = len(request) // 2
    return request[:middle], request[middle:]
