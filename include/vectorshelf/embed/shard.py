"""Embed one shard: stream what it lacks, keep several requests in flight, save each response as it comes.

Bounded memory: at most `max_in_flight` requests and TEXTS_IN_FLIGHT texts, with their answers, exist at a time,
whatever the shard's size.
When something fails for good, nothing new is sent, and what is already paid for is still saved.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from random import random as random_number
from typing import TypeVar

from vectorshelf.embed.asking import MONEY_PATIENCE, Asking, Purse
from vectorshelf.embed.cutting import TooLong
from vectorshelf.embed.delivery import AfterPayingError, Delivery, Figures, OnReject, Save
from vectorshelf.embed.embedder import Embedder
from vectorshelf.embed.pace import Pace, Sleep
from vectorshelf.embed.packing import Packer, RequestSize, Text
from vectorshelf.embed.retry import Retries
from vectorshelf.embed.tokens import MAX_TOKENS_PER_TEXT, byte_length, bytes_of, estimated, shortened
from vectorshelf.errors import TransientError
from vectorshelf.store.pending import Others

T = TypeVar("T")

TEXTS_IN_FLIGHT = 4_096
"""Two of the largest requests, or one with the next: an answer of 2,048 texts takes about 60 MiB on its way from the
socket to the table (1,536 dimensions). Small requests meet `max_in_flight` first."""

_PATIENCE = 1800.0  # seconds without any sign of life from whoever embeds the same texts
_POLL = 1.0  # seconds between two looks at what others have embedded meanwhile
_GRACE = 10.0  # seconds that answers under way get when the task is cancelled: a worker is killed after a minute


async def embed_shard(  # noqa: PLR0913  # all by name: what it needs is injected, and nothing is global
    pending: Iterable[tuple[bytes, str]],
    embedder: Embedder,
    *,
    pace: Pace,
    save: Save,
    on_reject: OnReject,
    others: Callable[[], Others] = lambda: Others(0),
    size: RequestSize | None = None,
    max_in_flight: int = 8,
    retries: Retries | None = None,
    too_long: TooLong = "truncate",
    longest: int = MAX_TOKENS_PER_TEXT,
    past_usage: tuple[int, int] = (0, 0),
    purse: Purse | None = None,
    money_patience: float = MONEY_PATIENCE,
    on_progress: Callable[[int, int], None] | None = None,
    on_wait: Callable[[Others], None] | None = None,
    sleep: Sleep = asyncio.sleep,
    random: Callable[[], float] = random_number,
    clock: Callable[[], float] = time.monotonic,
) -> Figures:
    """Embed every text of `pending` (sha-256, text) or reject it; return what was done.

    When it is through, `others` says what somebody else is embedding of it at the moment; while there is something,
    `pending` is gone through again for what they leave. `pending`, `others`, `save`, `on_reject` and `purse` are called
    in one thread of their own, one at a time, so they may share a connection. For money that is promised to others it
    waits `money_patience` seconds. A text of more than `longest` tokens is `too_long`. `past_usage` is (tokens, bytes)
    of earlier requests and calibrates the estimates. `on_progress(texts, tokens)` is called after each response,
    `on_wait(others)` when others are waited for. Raises ConfigurationError, BrakeError, or TransientError when a
    request's retries are exhausted or others take too long; run it again with what is still pending.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed-db") as thread:

        def in_database(work: Callable[..., T], *args: object) -> asyncio.Future[T]:
            return asyncio.get_running_loop().run_in_executor(thread, work, *args)

        asking = Asking(embedder, pace, purse, in_database, retries or Retries(), sleep, clock, money_patience)
        figures = Figures(prior_tokens=past_usage[0], prior_bytes=past_usage[1])
        delivery = Delivery(asking, save, on_reject, too_long, on_progress, random, figures)
        waiting = _Waiting(asking, others, on_wait)
        while True:
            texts = _fitting(pending, delivery, longest)
            packer = Packer(texts, size or RequestSize(), lambda: figures.ratio)
            await _Flight(delivery, packer, max_in_flight).run()
            if not await waiting.on_others():
                return figures


@dataclass
class _Waiting:
    """Waits for who embeds the same texts at this moment: a neighbour shard, another run, a try given up for dead."""

    asking: Asking
    others: Callable[[], Others]
    on_wait: Callable[[Others], None] | None
    _seen: Others | None = None
    _waited: float = 0.0

    async def on_others(self) -> bool:
        """Wait a moment and return True when it is worth to look again; False when nothing is left.

        Raises TransientError when nothing has moved for long: no text of ours, and no other request of this model.
        """
        found = await self.asking.in_database(self.others)
        if not found.texts:
            return False
        if found != self._seen:
            if self.on_wait is not None and (self._seen is None or found.texts != self._seen.texts):
                self.on_wait(found)
            self._seen, self._waited = found, 0.0
        if self._waited >= _PATIENCE:
            raise TransientError(
                f"{found.who or 'another run'} has been embedding {found.texts:,} of these texts for "
                f"{self._waited / 60:.0f} minutes without any answer: try again later; if it hangs, end it"
            )
        self._waited += _POLL
        await self.asking.sleep(_POLL)
        return True


def _fitting(pending: Iterable[tuple[bytes, str]], delivery: Delivery, longest: int) -> Iterator[Text]:
    """Texts an endpoint can take. Runs in the database's thread, where the packer pulls it."""
    figures, most = delivery.figures, bytes_of(longest)
    for sha256, text in pending:
        length = byte_length(text)
        if length > most and delivery.too_long == "truncate":
            cut = shortened(text, most)
            if cut.strip():
                figures.truncated += 1
                yield Text(sha256, cut, cut=True)
                continue
        if length <= most and text.strip():
            yield Text(sha256, text)
            continue
        figures.rejected += 1
        delivery.on_reject(sha256, text, _unfit(length, longest))


def _unfit(length: int, longest: int) -> str:
    if length <= bytes_of(longest):
        return "the text is empty"
    return f"longer than {longest:,} tokens (about {estimated(length, 1):,})"


class _Flight:
    """Up to `most` deliveries of TEXTS_IN_FLIGHT texts at a time, until the packer is empty or one of them fails."""

    def __init__(self, delivery: Delivery, packer: Packer, most: int) -> None:
        self._delivery = delivery
        self._packer = packer
        self._slots = asyncio.Semaphore(most)
        self._texts = 0
        self._landing = asyncio.Event()
        self._tasks: set[asyncio.Task[bool]] = set()
        self._failure: BaseException | None = None

    async def run(self) -> None:
        try:
            await self._launch_all()
            while self._tasks and self._failure is None:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._failure is None:
                await self._delivery.judge()
        except asyncio.CancelledError:
            await self._land(_GRACE)
            raise
        except BaseException as error:  # noqa: BLE001  # raised again below, after what is paid for has landed
            self._failure = self._failure or error
        await self._land(None)
        if isinstance(self._failure, AfterPayingError) and self._failure.__cause__ is not None:
            raise self._failure.__cause__
        if self._failure is not None:
            raise self._failure

    async def _launch_all(self) -> None:
        while True:
            await self._slots.acquire()
            request = None if self._failure else await self._delivery.asking.in_database(next, self._packer, None)
            if request is None:
                return
            while self._tasks and self._texts + len(request) > TEXTS_IN_FLIGHT:
                self._landing.clear()
                await self._landing.wait()
            if self._failure is not None:
                return
            task = asyncio.create_task(self._delivery.deliver(request))
            self._tasks.add(task)
            self._texts += len(request)
            task.add_done_callback(partial(self._landed, len(request)))

    def _landed(self, texts: int, task: asyncio.Task[bool]) -> None:
        self._tasks.discard(task)
        self._texts -= texts
        self._slots.release()
        self._landing.set()
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()

    async def _land(self, grace: float | None) -> None:
        """Stop those who wait for a turn; let those who have paid finish, for `grace` seconds at most."""
        for task in self._tasks:
            task.cancel()
        under_way = list(self._delivery.under_way)
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=grace)
            for paid in late:
                paid.cancel()
        await asyncio.gather(*self._tasks, *under_way, return_exceptions=True)
