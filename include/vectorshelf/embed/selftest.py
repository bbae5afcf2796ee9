"""One tiny request before anything is paid for: does the endpoint answer, in which size, order, encoding and length?

What can be handled is handled (no base64, no `dimensions` parameter); the rest is refused in one sentence.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import random as random_number
from typing import Protocol, runtime_checkable

import numpy as np

from vectorshelf.embed.check import faults_of
from vectorshelf.embed.embedder import (
    BadAnswerError,
    Dialect,
    Embedded,
    Embedder,
    RefusedParameterError,
    WrongSizeError,
)
from vectorshelf.embed.pace import Sleep
from vectorshelf.embed.retry import Retries
from vectorshelf.errors import ConfigurationError, RejectedTextsError, TransientError, VectorshelfError
from vectorshelf.store.pacing import Observed

TEXTS = ["a quiet laptop for long journeys", "a quiet laptop for long journeys", "red wool socks, three pairs"]
"""Two equal texts and a different one: any change of order moves the different one."""

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
    """What the endpoint was found to be. `norm` is the length of its vectors; `tokens` what the test used."""

    dialect: Dialect
    dimensions: int
    norm: float
    tokens: int
    observed: Observed

    @property
    def unit_norm(self) -> bool:
        """Whether vectors have length 1, so that inner product and cosine agree."""
        return abs(self.norm - 1.0) <= _UNIT


@runtime_checkable
class _Speaker(Protocol):
    def speaking(self, dialect: Dialect) -> Embedder: ...


async def self_test(
    embedder: Embedder,
    *,
    retries: Retries | None = None,
    sleep: Sleep = asyncio.sleep,
    random: Callable[[], float] = random_number,
) -> SelfTest:
    """Find the first dialect that works.

    Raises ConfigurationError in the endpoint's words when none does, and TransientError when it cannot be reached.
    """
    patience = retries or Retries(attempts=4)
    refusals: list[VectorshelfError] = []
    for dialect in _DIALECTS if isinstance(embedder, _Speaker) else _DIALECTS[:1]:
        speaker = embedder.speaking(dialect) if isinstance(embedder, _Speaker) else embedder
        try:
            answer = await _asked(speaker, patience, sleep, random)
        except (RefusedParameterError, RejectedTextsError, WrongSizeError) as error:
            refusals.append(error)
            continue
        return _judged(answer, dialect, embedder)
    raise ConfigurationError(f"the self-test of {embedder.name} failed: {_main_reason(refusals)}") from refusals[0]


async def _asked(embedder: Embedder, retries: Retries, sleep: Sleep, random: Callable[[], float]) -> Embedded:
    attempt = 0
    while True:
        attempt += 1
        try:
            answer = await embedder.embed(TEXTS)
            _usable(answer, embedder.dimensions)
        except WrongSizeError:
            raise
        except TransientError as error:
            asked = error.retry_after or 0.0
            if attempt >= retries.attempts or asked > retries.patience:
                raise
            await sleep(retries.delay(attempt, error.retry_after, random()))
        else:
            return answer


def _usable(answer: Embedded, dimensions: int) -> None:
    faults = [fault for fault in faults_of(answer.vectors, len(TEXTS), dimensions) if fault]
    if faults:
        raise BadAnswerError(f"the self-test's vectors are unusable: {faults[0]}")


def _judged(answer: Embedded, dialect: Dialect, embedder: Embedder) -> SelfTest:
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
    return SelfTest(dialect, answer.vectors.shape[1], float(lengths.mean()), answer.tokens or 0, answer.observed)


def _main_reason(refusals: list[VectorshelfError]) -> str:
    """A wrong size says most about what to change."""
    sizes = [str(error) for error in refusals if isinstance(error, WrongSizeError)]
    return sizes[0] if sizes else str(refusals[0])
