"""One tiny request before anything is paid for: does the endpoint answer, in which size, order, encoding and length?

What can be handled is handled (no base64, no `dimensions` parameter); the rest is refused in one sentence.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import random as random_number
from typing import Protocol, runtime_checkable

import numpy as np

from vectorshelf.embed.asking import Admission, Asking
from vectorshelf.embed.check import faults_of
from vectorshelf.embed.embedder import (
    BadAnswerError,
    Dialect,
    Embedded,
    Embedder,
    RefusedParameterError,
    WrongSizeError,
)
from vectorshelf.embed.tokens import byte_length, estimated_tokens
from vectorshelf.errors import ConfigurationError, RejectedTextsError, TransientError, VectorshelfError
from vectorshelf.store.budget import MoneyPromisedError

TEXTS = ["a quiet laptop for long journeys", "a quiet laptop for long journeys", "red wool socks, three pairs"]
"""Two equal texts and a different one: any change of order moves the different one."""

ATTEMPTS = 4
"""A test that fails for longer than a few seconds is better tried again by the scheduler."""

_SAME = 0.99  # cosine of two answers to one text: endpoints are not deterministic to the last bit
_UNIT = 1e-3

_DIALECTS = (
    Dialect("base64", send_dimensions=True),
    Dialect("float", send_dimensions=True),
    Dialect("base64", send_dimensions=False),
    Dialect("float", send_dimensions=False),
)


@dataclass(frozen=True)
class SelfTest:
    """What the endpoint was found to be. `norm` is the length of its vectors; `tokens` what the test used.

    `hold` is the promise of money to settle with that (None: there was no budget).
    """

    dialect: Dialect
    dimensions: int
    norm: float
    tokens: int
    hold: int | None = None

    @property
    def unit_norm(self) -> bool:
        """Whether vectors have length 1, so that inner product and cosine agree."""
        return abs(self.norm - 1.0) <= _UNIT


@runtime_checkable
class _Speaker(Protocol):
    def speaking(self, dialect: Dialect) -> Embedder: ...


async def self_test(asking: Asking, *, random: Callable[[], float] = random_number) -> SelfTest:
    """Find the first dialect that works, asking under the limit and the budget like everybody.

    Raises ConfigurationError in the endpoint's words when none does, TransientError when it cannot be reached, and
    BrakeError or MoneyPromisedError when there is no money for the question.
    """
    embedder = asking.embedder
    refusals: list[VectorshelfError] = []
    for dialect in _DIALECTS if isinstance(embedder, _Speaker) else _DIALECTS[:1]:
        speaker = embedder.speaking(dialect) if isinstance(embedder, _Speaker) else embedder
        try:
            answer, admission = await _asked(replace(asking, embedder=speaker), random)
        except (RefusedParameterError, RejectedTextsError, WrongSizeError) as error:
            refusals.append(error)
            continue
        return _judged(answer, dialect, embedder, admission.hold)
    raise ConfigurationError(f"the self-test of {embedder.name} failed: {_main_reason(refusals)}") from refusals[0]


async def _asked(asking: Asking, random: Callable[[], float]) -> tuple[Embedded, Admission]:
    attempt = 0
    while True:
        attempt += 1
        try:
            return await _answered(asking)
        except (WrongSizeError, MoneyPromisedError):
            raise
        except TransientError as error:
            asked = error.retry_after or 0.0
            if attempt >= min(ATTEMPTS, asking.retries.attempts) or asked > asking.retries.patience:
                raise
            await asking.sleep(asking.retries.delay(attempt, error.retry_after, random()))


async def _answered(asking: Asking) -> tuple[Embedded, Admission]:
    """One question and its usable answer. What a bad one cost is presumed: it is three short texts."""
    admission = await asking.admitted(len(TEXTS), estimated_tokens(TEXTS), sum(byte_length(text) for text in TEXTS))
    began = asking.clock()
    try:
        answer = await asking.answered(TEXTS, admission)
        _usable(answer, asking.embedder.dimensions)
    except BadAnswerError:
        if asking.purse is not None and admission.hold is not None:
            await asking.in_database(asking.purse.presume, admission.hold)
        raise
    await asking.pace.settle(admission.grant, answer.tokens, answer.observed, asking.clock() - began)
    return answer, admission


def _usable(answer: Embedded, dimensions: int) -> None:
    faults = [fault for fault in faults_of(answer.vectors, len(TEXTS), dimensions, answer.tokens) if fault]
    if faults:
        raise BadAnswerError(f"the self-test's vectors are unusable: {faults[0]}", answer.tokens)


def _judged(answer: Embedded, dialect: Dialect, embedder: Embedder, hold: int | None) -> SelfTest:
    lengths = np.linalg.norm(answer.vectors, axis=1)
    unit = answer.vectors / lengths[:, None]
    twins, strangers = float(unit[0] @ unit[1]), float(unit[0] @ unit[2])
    if twins < _SAME:
        raise ConfigurationError(
            f"{embedder.name} answers out of order, or differently each time (two equal texts compare as {twins:.2f}):"
            " its vectors would land on the wrong products: choose another endpoint"
        )
    if strangers > 1 - 1e-6:
        raise ConfigurationError(f"{embedder.name} gives one vector to every text: choose another model or endpoint")
    silent = estimated_tokens(TEXTS) if hold is None else sum(byte_length(text) for text in TEXTS)
    tokens = silent if answer.tokens is None else answer.tokens
    return SelfTest(dialect, answer.vectors.shape[1], float(lengths.mean()), tokens, hold)


def _main_reason(refusals: list[VectorshelfError]) -> str:
    """A wrong size says most about what to change."""
    sizes = [str(error) for error in refusals if isinstance(error, WrongSizeError)]
    return sizes[0] if sizes else str(refusals[0])
