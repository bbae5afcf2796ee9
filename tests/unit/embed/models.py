"""Small models in memory, for tests of what is around a model. They keep the promises of `Embedder`."""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256

import numpy as np

from vectorshelf.embed.embedder import Embedded, Vectors
from vectorshelf.errors import RejectedTextsError

SIZE = 8


def vector_of(text: str) -> Vectors:
    return np.frombuffer(sha256(text.encode()).digest()[:SIZE], dtype=np.uint8).astype(np.float32) + 1


class HashModel:
    """A vector per text from its hash. `script` is asked before each answer and may raise or replace it."""

    name, model, dimensions = "memory", "hash", SIZE

    def __init__(self, script: Callable[[list[str], Embedded], Embedded | None] | None = None) -> None:
        self.script = script
        self.asked: list[list[str]] = []
        self.in_flight = self.most_in_flight = 0

    async def embed(self, texts: Sequence[str]) -> Embedded:
        self.asked.append(list(texts))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self.answered()
            answer = Embedded(np.stack([vector_of(text) for text in texts]), tokens=sum(map(len, texts)) // 4)
            return (self.script(list(texts), answer) if self.script else None) or answer
        finally:
            self.in_flight -= 1

    async def answered(self) -> None:
        """The time an answer takes."""
        await asyncio.sleep(0)

    async def close(self) -> None: ...


class Poisoned(HashModel):
    """Rejects every request that holds a text with `poison` in it."""

    async def embed(self, texts: Sequence[str]) -> Embedded:
        answer = await super().embed(texts)
        if any("poison" in text for text in texts):
            raise RejectedTextsError("the input was rejected")
        return answer
