"""One question to a model: wait for a turn, promise the money, ask; without an answer, put both right again.

Everything that a run asks for is asked this way: the self-test, the shards, the probe. So nothing of it is sent outside
the shared limit, or for money that nobody promised. (A person's search is one text on nobody's account.)
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

from vectorshelf.embed.embedder import BadAnswerError, Embedded, Embedder, NoAnswerError, RefusedError
from vectorshelf.embed.pace import Pace, Sleep, Unpaced
from vectorshelf.embed.retry import Retries
from vectorshelf.errors import VectorshelfError
from vectorshelf.store.budget import MoneyPromisedError
from vectorshelf.store.limiter import Grant

T = TypeVar("T")

MONEY_PATIENCE = 300.0
"""Seconds for which a process waits for money that is promised to others."""

_MONEY_POLL = 0.2  # seconds: how soon requests under way may be answered and give back what they did not use
_LONGEST_POLL = 3.0
_LATER = 3600.0
"""When to try again for money that was promised to others all the while: to a job of the Batch API, most likely."""


class Purse(Protocol):
    """A budget. Asked in the thread that owns the database connection; whoever saves the answer settles the promise."""

    def hold(self, texts: int, tokens: int, size: int) -> int:
        """Promise the money for a request of `texts` texts, about `tokens` tokens and `size` bytes; never too little.

        Raises BrakeError to stop before paying, TooLargeError if a smaller request may do, and MoneyPromisedError when
        what is left is promised to others.
        """

    def release(self, hold: int) -> None:
        """The endpoint refused: nothing is charged."""

    def presume(self, hold: int) -> None:
        """It may have been charged, and nobody will know how much."""


class InDatabase(Protocol):
    """The one thread that owns the database connection."""

    def __call__(self, work: Callable[..., T], /, *args: object) -> Awaitable[T]:
        """Run a call there."""


async def at_once(work: Callable[..., T], /, *args: object) -> T:
    """An `InDatabase` for who has the connection in this thread."""
    return work(*args)


class Admission(NamedTuple):
    """May be sent: the place under the limit, and the promise of money (None: there is no budget)."""

    grant: Grant
    hold: int | None


@dataclass
class Asking:
    """The way to one model. `clock` tells seconds; for `money_patience` money promised to others is waited for."""

    embedder: Embedder
    pace: Pace = field(default_factory=Unpaced)
    purse: Purse | None = None
    in_database: InDatabase = at_once
    retries: Retries = field(default_factory=Retries)
    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = lambda: 0.0
    money_patience: float = MONEY_PATIENCE

    async def admitted(self, texts: int, tokens: int, size: int) -> Admission:
        """Wait for a turn for about `tokens` tokens, then for the money. Cancelled or refused, it leaves neither taken.

        Money comes after the turn, so that what a crash leaves promised was really under way.
        """
        grant = await self.pace.turn(tokens)
        try:
            return Admission(grant, None if self.purse is None else await self._held(self.purse, texts, tokens, size))
        except BaseException:
            with suppress(VectorshelfError):
                await self.pace.give_back(grant)
            raise

    async def answered(self, texts: Sequence[str], admission: Admission) -> Embedded:
        """The answer. Without one the money is given back, unless it may have been spent.

        A bad answer's usage is for the caller to account for, who is the only one to see what is wrong with it.
        """
        began = self.clock()
        try:
            return await self.embedder.embed(texts)
        except BadAnswerError:
            raise
        except VectorshelfError as error:
            if self.purse is not None and admission.hold is not None:
                unsure = isinstance(error, NoAnswerError)
                await self.in_database(self.purse.presume if unsure else self.purse.release, admission.hold)
            if isinstance(error, RefusedError):
                await self.pace.settle(admission.grant, None, error.observed, self.clock() - began)
            raise

    async def _held(self, purse: Purse, texts: int, tokens: int, size: int) -> int:
        waited, pause = 0.0, _MONEY_POLL
        while True:
            try:
                return await self._promised(purse, texts, tokens, size)
            except MoneyPromisedError as error:
                if waited >= self.money_patience:
                    error.retry_after = _LATER
                    raise
                waited += pause
                await self.sleep(pause)
                pause = min(2 * pause, _LONGEST_POLL)

    async def _promised(self, purse: Purse, texts: int, tokens: int, size: int) -> int:
        """The statement runs to its end in its thread, whoever is cancelled: what it promised then is given back."""
        promise = asyncio.ensure_future(self.in_database(purse.hold, texts, tokens, size))
        try:
            return await asyncio.shield(promise)
        except asyncio.CancelledError:
            with suppress(VectorshelfError):
                await self.in_database(purse.release, await promise)
            raise
