"""Is what the model returned fit to be stored? A wrong count or size condemns the answer, NaN and zeros their text."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vectorshelf.embed.embedder import BadAnswerError, Vectors, WrongSizeError

_MISSING = "the model returned no vector for it"
_NOT_FINITE = "the model returned NaN or infinite numbers"
_ZERO = "the model returned a zero vector"


def placed(indexes: Sequence[int], vectors: Vectors, count: int) -> Vectors:
    """Rows in the order of the request: row `i` is the item whose `index` was `i`, NaN where there was none.

    Raises BadAnswerError when an index is out of range or given twice: then nobody knows which text a vector is of.
    """
    order = np.asarray(indexes, dtype=np.int64)
    if len(order) != len(vectors) or len(np.unique(order)) != len(order):
        raise BadAnswerError("the model's answer names an index twice: nothing of it was stored")
    if len(order) and (order.min() < 0 or order.max() >= count):
        raise BadAnswerError(f"the model's answer names an index beyond the {count} texts asked for")
    if len(order) == count and bool(np.all(order == np.arange(count))):
        return vectors
    result = np.full((count, vectors.shape[1]), np.nan, dtype=np.float32)
    result[order] = vectors
    return result


def faults_of(vectors: Vectors, count: int, dimensions: int, tokens: int | None = None) -> list[str | None]:
    """Per row the reason it cannot be stored, or None.

    Raises BadAnswerError when the answer is wrong as a whole: its shape is (`dimensions` is the serving table's), or
    none of several rows can be used, which says something of the endpoint and nothing of the texts. `tokens` is the
    answer's usage, for whoever must account for it.
    """
    if vectors.ndim != 2 or len(vectors) != count:  # noqa: PLR2004  # rows and columns
        raise BadAnswerError(
            f"the model returned {len(vectors)} vectors for {count} texts: nothing of it was stored", tokens
        )
    if vectors.shape[1] != dimensions:
        raise WrongSizeError(
            f"model returned {vectors.shape[1]} numbers, table holds {dimensions}:"
            " set embedding.dimensions or choose another table",
            tokens,
        )
    squares: NDArray[np.float32] = np.einsum("ij,ij->i", vectors, vectors)
    if bool(np.all(np.isfinite(squares) & (squares > 0))):
        return [None] * count
    faults = [_fault(row) for row in vectors]
    if count > 1 and all(faults):
        raise BadAnswerError(f"none of the model's {count} vectors can be used: {faults[0]}", tokens)
    return faults


def _fault(row: NDArray[np.float32]) -> str | None:
    if np.isnan(row).all():
        return _MISSING
    if not np.isfinite(row).all():
        return _NOT_FINITE
    return None if row.any() else _ZERO
