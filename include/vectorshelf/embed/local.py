"""A small model in this process: wordllama, 256 dimensions, its weights in the wheel, no network ever.

Each text's vector is the mean of its tokens', so the same text gives the same bits in any company.
"""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from vectorshelf.embed.embedder import Embedded, Vectors
from vectorshelf.embed.tokens import estimated_tokens, shortened
from vectorshelf.errors import ConfigurationError

MODEL = "wordllama-l2-supercat"
SIZES = (64, 128, 256)
"""Its vectors may be cut to these sizes (Matryoshka training)."""

_PADDED_BYTES_AT_ONCE = 65_536
"""wordllama pads a batch to its longest text: without this, one long text among many costs gigabytes."""


class _Model(Protocol):
    def embed(self, texts: list[str], *, norm: bool) -> Vectors: ...


class LocalEmbedder:
    """wordllama as an Embedder. One call at a time; it runs in a thread so that writing goes on meanwhile."""

    def __init__(self, model: str, dimensions: int) -> None:
        if model != MODEL:
            raise ConfigurationError(f"the local provider has one model: set embedding.model to {MODEL}")
        if dimensions not in SIZES:
            sizes = " or ".join(map(str, SIZES))
            raise ConfigurationError(
                f"{MODEL} cannot have {dimensions} dimensions: set embedding.dimensions to {sizes}"
            )
        self._dimensions = dimensions
        self._model = _load(dimensions)
        self._one_at_a_time = asyncio.Lock()

    @property
    def name(self) -> str:
        """Where it is."""
        return "local"

    @property
    def model(self) -> str:
        """The model's name."""
        return MODEL

    @property
    def dimensions(self) -> int:
        """Numbers per vector."""
        return self._dimensions

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Unit vectors of `texts`. Their tokens are estimated: counting them would cost as much as embedding."""
        async with self._one_at_a_time:
            vectors = await asyncio.to_thread(self._vectors, texts)
        return Embedded(vectors, tokens=estimated_tokens(texts))

    async def close(self) -> None:
        """Nothing to give back."""

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        result: Vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        # A text of which the tokenizer leaves nothing has no mean: it becomes NaN, and the check refuses it by name.
        with np.errstate(invalid="ignore", divide="ignore"):
            for rows in _batches(texts):
                result[rows] = self._model.embed([shortened(texts[row]) for row in rows], norm=True)
        return result


def _batches(texts: Sequence[str]) -> Iterator[list[int]]:
    """Row numbers, texts of like length together."""
    batch: list[int] = []
    for row in sorted(range(len(texts)), key=lambda row: len(texts[row])):
        if batch and len(texts[row]) * (len(batch) + 1) > _PADDED_BYTES_AT_ONCE:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _load(dimensions: int) -> _Model:
    try:
        import wordllama  # noqa: PLC0415  # optional, and 0.2 s to load
    except ImportError as error:
        raise ConfigurationError("the local model is not installed: pip install 'vectorshelf[embedded]'") from error
    # Its own folder as cache: wordllama looks for its tokenizer elsewhere and would then go to the network.
    model: _Model = wordllama.WordLlama.load(
        cache_dir=Path(wordllama.__file__).parent,
        trunc_dim=dimensions if dimensions != max(SIZES) else None,
        disable_download=True,
    )
    return model
