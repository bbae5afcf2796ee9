"""The life of one request: wait for a turn, ask, check, save what is good, ask again for the rest, isolate poison.

What has been sent is paid for: from there to the committed vectors nothing but a second, impatient cancellation
interrupts it.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import random as random_number
from typing import Literal, Protocol, TypeVar

import numpy as np

from vectorshelf.embed.check import faults_of
from vectorshelf.embed.embedder import BadAnswerError, Embedded, Embedder, NoAnswerError, RefusedError, Vectors
from vectorshelf.embed.pace import Pace, Sleep
from vectorshelf.embed.packing import Text, halves
from vectorshelf.embed.retry import Retries
from vectorshelf.embed.tokens import MAX_TOKENS_PER_TEXT, TOKENS_PER_BYTE, byte_length, calibrated, estimated, shortened
from vectorshelf.errors import ConfigurationError, RejectedTextsError, TransientError, VectorshelfError
from vectorshelf.store.budget import MoneyPromisedError, TooLargeError
from vectorshelf.store.limiter import Grant
from vectorshelf.store.pacing import Observed

T = TypeVar("T")
TooLong = Literal["truncate", "quarantine"]

PROBE = "vectorshelf asks whether this endpoint accepts anything"
_MONEY_POLL = 0.2  # seconds: how soon requests under way may be answered and give back what they did not use
_TOO_LONG = re.compile(r"maximum (context|input) length|too long|too many tokens|token limit", re.IGNORECASE)


@dataclass(frozen=True)
class Paid:
    """One answered request: `texts` vectors saved from it, `tokens` it used, `bytes` of UTF-8 it sent, `seconds`."""

    texts: int
    tokens: int
    bytes: int
    seconds: float
    hold: int | None = None


Save = Callable[[Sequence[bytes], Vectors, Paid], None]
"""Commits one response: vectors (n, dimensions) float32 by their texts' hashes, and what it cost.

`n` may be 0: paid for, nothing usable. Called in one thread, one call at a time.
"""

OnReject = Callable[[bytes, str, str], None]
"""Puts one text into quarantine: its hash, the text, the server's reason. Called in the same thread as `Save`."""


class Purse(Protocol):
    """A budget. Asked in the same thread as `Save`, which settles what was held."""

    def hold(self, texts: int, tokens: int, size: int) -> int:
        """Promise the money for a request of `texts` texts, about `tokens` tokens and `size` bytes; never too little.

        Raises BrakeError to stop before paying, TooLargeError if a smaller request may do, and MoneyPromisedError when
        what is left is promised to others.
        """

    def release(self, hold: int) -> None:
        """The endpoint refused: nothing is charged."""

    def presume(self, hold: int) -> None:
        """No answer came: it may have been charged."""


class InDatabase(Protocol):
    """The one thread that owns the database connection."""

    def __call__(self, work: Callable[..., T], /, *args: object) -> Awaitable[T]:
        """Run a call there."""


@dataclass
class Figures:
    """What a shard did so far."""

    texts: int = 0
    requests: int = 0
    tokens: int = 0
    rejected: int = 0
    truncated: int = 0
    retries: int = 0
    refusals: int = 0
    isolating: int = 0
    paid_bytes: int = 0
    prior_tokens: int = 0
    prior_bytes: int = 0

    @property
    def ratio(self) -> float:
        """Tokens per byte, from past usage and this shard's own."""
        return calibrated(self.prior_tokens + self.tokens, self.prior_bytes + self.paid_bytes)


class AfterPayingError(VectorshelfError):
    """Something failed once the answer was there. Not a reason to pay again: the shard stops with its cause."""


@dataclass
class Delivery:
    """Delivers requests of one shard. `sleep`, `random` and `clock` are injected; nothing else tells the time."""

    embedder: Embedder
    pace: Pace
    save: Save
    on_reject: OnReject
    in_database: InDatabase
    retries: Retries = field(default_factory=Retries)
    too_long: TooLong = "truncate"
    purse: Purse | None = None
    on_progress: Callable[[int, int], None] | None = None
    sleep: Sleep = asyncio.sleep
    random: Callable[[], float] = random_number
    clock: Callable[[], float] = time.monotonic
    figures: Figures = field(default_factory=Figures)
    under_way: set[asyncio.Task[list[tuple[Text, str]]]] = field(default_factory=set)

    async def deliver(self, request: list[Text], attempt: int = 1) -> bool:
        """See `request` through: every text of it is saved or rejected when this returns.

        Returns whether the endpoint refused none of them.
        """
        try:
            unusable = await self._answered(request)
        except RejectedTextsError as error:
            await self._isolate(request, str(error))
            return False
        except TooLargeError:
            if len(request) == 1:
                raise
            return all([await self.deliver(half) for half in halves(request)])
        if not unusable:
            return True
        if attempt >= self.retries.attempts:
            for text, fault in unusable:
                await self.reject(text, fault)
            return True
        await self._pause(attempt, None)
        return await self.deliver([text for text, _ in unusable], attempt + 1)

    async def reject(self, text: Text, reason: str) -> None:
        """Into quarantine."""
        await self.in_database(self.on_reject, text.sha256, text.text, reason)
        self.figures.rejected += 1

    async def _answered(self, request: list[Text]) -> list[tuple[Text, str]]:
        """Try until there is an answer; its unusable texts are returned, the others are saved."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._sent(request)
            except MoneyPromisedError:
                raise
            except TransientError as error:
                asked = error.retry_after or 0.0
                if attempt >= self.retries.attempts or asked > self.retries.patience:
                    raise
                await self._pause(attempt, error.retry_after)

    async def _pause(self, attempt: int, retry_after: float | None) -> None:
        self.figures.retries += 1
        await self.sleep(self.retries.delay(attempt, retry_after, self.random()))

    async def _sent(self, request: list[Text]) -> list[tuple[Text, str]]:
        size = sum(byte_length(text.text) for text in request)
        estimate = estimated(size, len(request), self.figures.ratio)
        grant = await self.pace.turn(estimate)
        try:
            hold = None if self.purse is None else await self._held(self.purse, len(request), estimate, size)
        except VectorshelfError:
            await self.pace.settle(grant, 0, Observed(), 0.0)
            raise
        paid = asyncio.create_task(self._paid(request, size, estimate, grant, hold))
        self.under_way.add(paid)
        paid.add_done_callback(self.under_way.discard)
        return await asyncio.shield(paid)

    async def _held(self, purse: Purse, texts: int, estimate: int, size: int) -> int:
        """Money for the request. After its turn has come, so that what a crash leaves held was really under way."""
        waited = 0.0
        while True:
            try:
                return await self.in_database(purse.hold, texts, estimate, size)
            except MoneyPromisedError:
                if waited >= self.retries.patience:
                    raise
                waited += _MONEY_POLL
                await self.sleep(_MONEY_POLL)

    async def _paid(
        self, request: list[Text], size: int, estimate: int, grant: Grant, hold: int | None
    ) -> list[tuple[Text, str]]:
        began = self.clock()
        self.figures.requests += 1
        try:
            answer = await self._asked(request, hold)
            faults = faults_of(answer.vectors, len(request), self.embedder.dimensions)
        except RefusedError as error:
            self.figures.refusals += 1
            await self.pace.settle(grant, None, error.observed, self.clock() - began)
            raise
        except BadAnswerError:
            # The endpoint did the work and will charge for it, though nothing can be kept.
            await self._keep([], self._nothing(), Paid(0, estimate, size, self.clock() - began, hold))
            raise
        tokens = estimate if answer.tokens is None else answer.tokens
        good = [row for row, fault in enumerate(faults) if fault is None]
        paid = Paid(len(good), tokens, size, self.clock() - began, hold)
        # Saved first: nothing that can fail stands between the answer and the store.
        await self._keep([request[row] for row in good], _rows(answer, good), paid)
        with _after_paying():
            await self.pace.settle(grant, tokens, answer.observed, self.clock() - began)
        return [(text, fault) for text, fault in zip(request, faults, strict=True) if fault is not None]

    async def _asked(self, request: list[Text], hold: int | None) -> Embedded:
        """The endpoint's answer; without one, the money is given back, unless it may have been spent."""
        try:
            return await self.embedder.embed([text.text for text in request])
        except BadAnswerError:
            raise
        except VectorshelfError as error:
            if self.purse is not None and hold is not None:
                unsure = isinstance(error, NoAnswerError)
                await self.in_database(self.purse.presume if unsure else self.purse.release, hold)
            raise

    async def _keep(self, texts: list[Text], vectors: Vectors, paid: Paid) -> None:
        with _after_paying():
            await self.in_database(self.save, [text.sha256 for text in texts], vectors, paid)
        self.figures.texts += paid.texts
        self.figures.tokens += paid.tokens
        self.figures.paid_bytes += paid.bytes
        if self.on_progress is not None:
            self.on_progress(paid.texts, paid.tokens)

    async def _isolate(self, request: list[Text], reason: str) -> None:
        """The endpoint refused this request because of some of its texts: halve it until they stand alone."""
        if len(request) > 1:
            first, second = halves(request)
            self.figures.isolating += 1
            if await self.deliver(first) and len(second) > 1:
                await self._isolate(second, reason)  # what was refused can only be in here: no need to ask for it whole
            else:
                self.figures.isolating += 1
                await self.deliver(second)
            return
        [text] = request
        shorter = self._shorter(text, reason)
        if shorter is not None:
            await self.deliver([shorter])
            return
        if self.figures.texts == 0:
            await self._blame_the_endpoint(reason)
        await self.reject(text, reason)

    def _shorter(self, text: Text, reason: str) -> Text | None:
        """A text the endpoint finds too long, though its bytes said otherwise, three quarters as long."""
        length = byte_length(text.text)
        # A token is a byte at least: below this many bytes, length cannot be what is wrong.
        if self.too_long != "truncate" or not _TOO_LONG.search(reason) or length <= MAX_TOKENS_PER_TEXT:
            return None
        self.figures.truncated += 1
        return Text(text.sha256, shortened(text.text, length * 3 // 4))

    async def _blame_the_endpoint(self, reason: str) -> None:
        """Before the first text of a shard that has seen no success is called poison: is anything accepted at all?"""
        size = len(PROBE)
        estimate = estimated(size, 1, TOKENS_PER_BYTE)
        grant = await self.pace.turn(estimate)
        hold = None if self.purse is None else await self._held(self.purse, 1, estimate, size)
        began = self.clock()
        try:
            answer = await self._asked([Text(b"", PROBE)], hold)
        except RejectedTextsError as error:
            raise ConfigurationError(
                f"{self.embedder.name} rejects every text, even a harmless one: {reason}:"
                " check embedding.model and base_url"
            ) from error
        except TransientError:
            return
        tokens = estimate if answer.tokens is None else answer.tokens
        await self._keep([], self._nothing(), Paid(0, tokens, size, self.clock() - began, hold))
        await self.pace.settle(grant, answer.tokens, answer.observed, self.clock() - began)

    def _nothing(self) -> Vectors:
        return np.empty((0, self.embedder.dimensions), dtype=np.float32)


@contextmanager
def _after_paying() -> Iterator[None]:
    try:
        yield
    except VectorshelfError as error:
        raise AfterPayingError(str(error)) from error


def _rows(answer: Embedded, rows: list[int]) -> Vectors:
    return answer.vectors if len(rows) == len(answer.vectors) else answer.vectors[rows]
