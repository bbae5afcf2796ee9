"""Vectors that depend on a text's bytes and nothing else: unit length, meaningless, the same in every process."""

import base64
from functools import cache
from hashlib import sha256

import numpy as np
import orjson
from numpy.typing import NDArray

NATIVE = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
_POOL = 4096


@cache
def _pool(model: str) -> NDArray[np.float32]:
    """Random rows to mix from: three picks of 4,096 make 69 billion vectors."""
    seed = int.from_bytes(sha256(model.encode()).digest()[:8])
    return np.random.default_rng(seed).standard_normal((_POOL, NATIVE[model]), dtype=np.float32)


def vectors_of(model: str, texts: list[str], dimensions: int) -> NDArray[np.float32]:
    """(texts, dimensions) float32. Fewer dimensions are a prefix, made unit length again, as the real models do."""
    pool = _pool(model)[:, :dimensions]
    digests = [sha256(text.encode("utf-8", "surrogatepass")).digest()[:8] for text in texts]
    picks = np.frombuffer(b"".join(digests), dtype="<u2").reshape(-1, 4)[:, :3] % _POOL
    mixed = pool[picks[:, 0]]
    mixed += pool[picks[:, 1]]
    mixed += pool[picks[:, 2]]
    mixed /= np.sqrt(np.einsum("ij,ij->i", mixed, mixed))[:, None]
    return mixed


def item_of(index: int, vector: np.ndarray, as_base64: bool) -> bytes:
    """One item of an answer."""
    if as_base64:
        value = b'"' + base64.b64encode(vector.tobytes()) + b'"'
    else:
        value = orjson.dumps(vector, option=orjson.OPT_SERIALIZE_NUMPY)  # NaN becomes null
    return b'{"object":"embedding","index":%d,"embedding":%s}' % (index, value)
