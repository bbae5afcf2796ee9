"""The life of one request: ask, check, save what is good, ask again for the rest, isolate poison.

What has been sent is paid for: from there to the committed vectors nothing but a second, impatient cancellation
interrupts it.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import random as random_number

import numpy as np

from vectorshelf.embed.asking import Admission, Asking
from vectorshelf.embed.check import faults_of
from vectorshelf.embed.cutting import TooLong, shorter
from vectorshelf.embed.embedder import BadAnswerError, Embedded, RefusedError, Vectors, WrongSizeError
from vectorshelf.embed.packing import Text, halves
from vectorshelf.embed.suspects import Suspect, Suspects
from vectorshelf.embed.tokens import byte_length, calibrated, estimated
from vectorshelf.errors import ConfigurationError, RejectedTextsError, TransientError, VectorshelfError
from vectorshelf.store.budget import MoneyPromisedError, TooLargeError

PROBE = "vectorshelf asks whether this endpoint accepts anything"
_FEW = 3
"""Tries for what has been asked for in vain already, while others get through."""

_NOBODYS = b""
"""In place of a hash: the text is asked for and paid for, and its vector is not kept."""

_WRONG_SIZES = 8
"""So many answers in a row of another size than the table's, and the model behind the endpoint is another one."""


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
    known_tokens: int = 0
    paid_bytes: int = 0
    prior_tokens: int = 0
    prior_bytes: int = 0

    @property
    def ratio(self) -> float:
        """Tokens per byte, from past usage and this shard's own."""
        return calibrated(self.prior_tokens + self.known_tokens, self.prior_bytes + self.paid_bytes)


class AfterPayingError(VectorshelfError):
    """Something failed once the answer was there. Not a reason to pay again: the shard stops with its cause."""


@dataclass
class Delivery:
    """Delivers requests of one shard. Time and chance come with `asking` and `random`; nothing else tells the time."""

    asking: Asking
    save: Save
    on_reject: OnReject
    too_long: TooLong = "truncate"
    on_progress: Callable[[int, int], None] | None = None
    random: Callable[[], float] = random_number
    figures: Figures = field(default_factory=Figures)
    under_way: set[asyncio.Task[list[tuple[Text, str]]]] = field(default_factory=set)
    _suspects: Suspects = field(default_factory=Suspects)
    _wrong_sizes: int = 0
    _one_judge: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def deliver(self, request: list[Text], attempt: int = 1, tries: int | None = None) -> bool:
        """See `request` through: every text of it is saved, or suspected, when this returns.

        Returns whether the endpoint refused none of them. `tries` is how often to ask for it (None: as often as ever).
        """
        began = self.asking.clock()
        try:
            unusable = await self._answered(request, tries)
        except RejectedTextsError as error:
            await self._isolate(request, str(error), tries)
            return False
        except (MoneyPromisedError, RefusedError):
            raise
        except TransientError as error:
            if (error.retry_after or 0.0) > self.asking.retries.patience:
                raise
            if not self._suspects.accepted_since(began):
                await self._probe(str(error), tries=1)
            # It takes others all the while: something in this request is what it always fails on.
            await self._isolate(request, str(error), _FEW)
            return False
        except TooLargeError:
            if len(request) == 1:
                raise
            return all([await self.deliver(half, tries=tries) for half in halves(request)])
        if not unusable:
            return True
        if attempt >= self.asking.retries.attempts:
            for text, fault in unusable:
                await self._suspect(text, fault)
            return True
        await self._pause(attempt, None)
        return await self.deliver([text for text, _ in unusable], attempt + 1, tries)

    async def judge(self) -> None:
        """Ask once more for each suspected text, alone; who is refused again goes to quarantine.

        Before that the endpoint must have accepted something since: if nothing else was sent, a harmless text is.
        Raises ConfigurationError when it rejects that too: then nobody is put aside.
        """
        async with self._one_judge:
            if self._suspects.unproven is not None:
                await self._probe(self._suspects.unproven)
            for suspect in self._suspects.taken():
                await self._ask_again(suspect)

    async def _ask_again(self, suspect: Suspect) -> None:
        began, reason = self.asking.clock(), suspect.reason
        self.figures.isolating += 1
        try:
            unusable = await self._answered([suspect.text], _FEW)
        except RejectedTextsError as error:
            reason = str(error)
        except (MoneyPromisedError, RefusedError):
            raise
        except TransientError as error:
            if not self._suspects.accepted_since(began):
                await self._probe(str(error))
            reason = str(error)
        else:
            if not unusable:
                return
            reason = unusable[0][1]
        await self.asking.in_database(self.on_reject, suspect.text.sha256, suspect.text.text, reason)
        self.figures.rejected += 1

    async def _answered(self, request: list[Text], tries: int | None = None) -> list[tuple[Text, str]]:
        """Try until there is an answer; its unusable texts are returned, the others are saved."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._sent(request)
            except MoneyPromisedError:
                raise
            except TransientError as error:
                if isinstance(error, WrongSizeError) and self._wrong_sizes >= _WRONG_SIZES:
                    raise ConfigurationError(str(error)) from error
                self._give_up(attempt, tries or self.asking.retries.attempts, error)
                await self._pause(attempt, error.retry_after)

    def _give_up(self, attempt: int, tries: int, error: TransientError) -> None:
        """Raise `error` when it is not for this process to wait any longer. A full limit is worth all tries."""
        most = self.asking.retries.attempts if isinstance(error, RefusedError) else tries
        if attempt >= most or (error.retry_after or 0.0) > self.asking.retries.patience:
            raise error

    async def _pause(self, attempt: int, retry_after: float | None) -> None:
        self.figures.retries += 1
        await self.asking.sleep(self.asking.retries.delay(attempt, retry_after, self.random()))

    async def _sent(self, request: list[Text]) -> list[tuple[Text, str]]:
        size = sum(byte_length(text.text) for text in request)
        estimate = estimated(size, len(request), self.figures.ratio)
        admission = await self.asking.admitted(len(request), estimate, size)
        paid = asyncio.create_task(self._paid(request, size, estimate, admission))
        self.under_way.add(paid)
        paid.add_done_callback(self.under_way.discard)
        return await asyncio.shield(paid)

    async def _paid(
        self, request: list[Text], size: int, estimate: int, admission: Admission
    ) -> list[tuple[Text, str]]:
        began = self.asking.clock()
        self.figures.requests += 1
        try:
            answer = await self.asking.answered([text.text for text in request], admission)
            faults = faults_of(answer.vectors, len(request), self.asking.embedder.dimensions, answer.tokens)
        except BadAnswerError as error:
            self._wrong_sizes += isinstance(error, WrongSizeError)
            await self._spoilt(error, estimate, size, began, admission)
            raise
        except RefusedError:
            self.figures.refusals += 1
            raise
        good = [row for row, fault in enumerate(faults) if fault is None and request[row].sha256]
        paid = self._bill(answer.tokens, estimate, size, began, admission, texts=len(good))
        # Saved first: nothing that can fail stands between the answer and the store.
        await self._keep([request[row] for row in good], _rows(answer, good), paid)
        with _after_paying():
            seconds = self.asking.clock() - began
            await self.asking.pace.settle(admission.grant, answer.tokens, answer.observed, seconds)
        if None in faults:
            self._wrong_sizes = 0
            self._suspects.accepted(began)
        return [(text, fault) for text, fault in zip(request, faults, strict=True) if fault is not None]

    async def _spoilt(
        self, error: BadAnswerError, estimate: int, size: int, began: float, admission: Admission
    ) -> None:
        """The endpoint did the work and will charge for it, though nothing can be kept."""
        asking = self.asking
        if error.tokens is None and asking.purse is not None and admission.hold is not None:
            with _after_paying():
                await asking.in_database(asking.purse.presume, admission.hold)
            return
        await self._keep([], self._nothing(), self._bill(error.tokens, estimate, size, began, admission))

    def _bill(
        self, tokens: int | None, estimate: int, size: int, began: float, admission: Admission, texts: int = 0
    ) -> Paid:
        """What a request cost. An endpoint that does not tell is taken at the estimate, or, where a budget must hold,
        at the most it can be; either teaches nothing about tokens per byte, so no bytes go with it.
        """
        seconds = self.asking.clock() - began
        if tokens is not None:
            return Paid(texts, tokens, size, seconds, admission.hold)
        return Paid(texts, estimate if admission.hold is None else max(size, texts), 0, seconds, admission.hold)

    async def _keep(self, texts: list[Text], vectors: Vectors, paid: Paid) -> None:
        with _after_paying():
            await self.asking.in_database(self.save, [text.sha256 for text in texts], vectors, paid)
        self.figures.texts += paid.texts
        self.figures.tokens += paid.tokens
        if paid.bytes:
            self.figures.known_tokens += paid.tokens
            self.figures.paid_bytes += paid.bytes
        if self.on_progress is not None:
            self.on_progress(paid.texts, paid.tokens)

    async def _isolate(self, request: list[Text], reason: str, tries: int | None = None) -> None:
        """The endpoint refused this request because of some of its texts: halve it until they stand alone."""
        if len(request) > 1:
            first, second = halves(request)
            self.figures.isolating += 1
            if await self.deliver(first, tries=tries) and len(second) > 1:
                # What was refused can only be in here: no need to ask for it whole.
                await self._isolate(second, reason, tries)
            else:
                self.figures.isolating += 1
                await self.deliver(second, tries=tries)
            return
        [text] = request
        cut = shorter(text, reason) if self.too_long == "truncate" else None
        if cut is None:
            await self._suspect(text, reason)
            return
        self.figures.truncated += not text.cut
        await self.deliver([cut], tries=tries)

    async def _suspect(self, text: Text, reason: str) -> None:
        self._suspects.add(text, reason, self.asking.clock())
        if self._suspects.many:
            await self.judge()

    async def _probe(self, reason: str, tries: int | None = None) -> None:
        """See whether the endpoint takes a harmless text. Raises ConfigurationError, or TransientError, if not."""
        self.figures.isolating += 1
        try:
            unusable = await self._answered([Text(_NOBODYS, PROBE)], tries)
        except RejectedTextsError as error:
            raise ConfigurationError(
                f"{self.asking.embedder.name} rejects every text, even a harmless one: {reason}:"
                " check embedding.model and base_url"
            ) from error
        if unusable:
            raise TransientError(
                f"{self.asking.embedder.name} gives unusable vectors, even for a harmless text: {unusable[0][1]}"
            )

    def _nothing(self) -> Vectors:
        return np.empty((0, self.asking.embedder.dimensions), dtype=np.float32)


@contextmanager
def _after_paying() -> Iterator[None]:
    try:
        yield
    except VectorshelfError as error:
        raise AfterPayingError(str(error)) from error


def _rows(answer: Embedded, rows: list[int]) -> Vectors:
    return answer.vectors if len(rows) == len(answer.vectors) else answer.vectors[rows]
