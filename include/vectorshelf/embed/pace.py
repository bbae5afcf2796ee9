"""Waiting for one's turn under the shared limit, without holding up the event loop.

A process has one reservation pending at most: the queue in the database stays as short as the number of processes,
and news from the endpoint reaches everybody within one request.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar

from vectorshelf.errors import TransientError
from vectorshelf.store.limiter import Grant, Limiter
from vectorshelf.store.pacing import Observed

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


class Pace(Protocol):
    """Says when a request may be sent, and hears how it went."""

    async def turn(self, tokens: int) -> Grant:
        """Return when a request of about `tokens` tokens may be sent."""

    async def settle(self, grant: Grant, tokens: int | None, observed: Observed, seconds: float) -> None:
        """The request was answered after `seconds`; `tokens` is its real usage if known."""

    async def give_back(self, grant: Grant) -> None:
        """The request will not be sent."""


class Unpaced:
    """No limit: the local model's, and a server of one's own."""

    async def turn(self, tokens: int) -> Grant:
        """At once."""
        return Grant(0, 0.0, 0)

    async def settle(self, grant: Grant, tokens: int | None, observed: Observed, seconds: float) -> None:
        """Nothing to settle."""

    async def give_back(self, grant: Grant) -> None:
        """Nothing was taken."""


class SharedPace:
    """A turn under the limit that every process shares. Close it to give its thread back; the limiter is the caller's.

    Raises TransientError with the seconds to wait when the queue or the endpoint's block is longer than `patience`.
    """

    def __init__(
        self,
        limiter: Limiter,
        *,
        patience: float = 300.0,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limiter = limiter
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        self._pending = asyncio.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="limiter")

    async def turn(self, tokens: int) -> Grant:
        """Reserve, wait, and make sure that nothing has changed meanwhile; if it has, queue again."""
        async with self._pending:
            while True:
                grant = await self._in_thread(partial(self._limiter.reserve, tokens))
                if grant.wait > self._patience:
                    await self._in_thread(partial(self._limiter.give_back, grant))
                    raise TransientError(
                        f"the rate limit leaves no room for {grant.wait:.0f} s: other runs or the endpoint hold it",
                        retry_after=grant.wait,
                    )
                if grant.wait <= 0 or await self._waited(grant):
                    return grant

    async def settle(self, grant: Grant, tokens: int | None, observed: Observed, seconds: float) -> None:
        """Replace the estimate by the real usage, and share what the response said."""
        answered = self._clock()

        def settle() -> None:
            # The thread may have been busy: what counts is when the request was sent.
            self._limiter.settle(grant, tokens, observed, seconds + self._clock() - answered)

        await self._in_thread(settle)

    async def give_back(self, grant: Grant) -> None:
        """Let others have the place."""
        await self._in_thread(partial(self._limiter.give_back, grant))

    def close(self) -> None:
        """Finish what the thread is doing."""
        self._thread.shutdown(wait=True)

    async def _waited(self, grant: Grant) -> bool:
        try:
            await self._sleep(grant.wait)
        except asyncio.CancelledError:
            self._thread.submit(self._limiter.give_back, grant)
            raise
        return await self._in_thread(partial(self._limiter.still_holds, grant))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
