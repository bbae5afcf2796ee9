"""The content-addressed store: what was paid for once is committed once, with the request that paid for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vectorshelf.store.db import Connection, transaction
from vectorshelf.store.writers import Method, write_vectors


@dataclass(frozen=True)
class PaidRequest:
    """One answered request: `bytes` are the texts' UTF-8 bytes, `seconds` from sending to the whole answer."""

    run_id: str
    catalog: str
    shard: int
    space: int
    texts: int
    tokens: int
    bytes: int
    cost_usd: float
    seconds: float


def save_response(
    conn: Connection,
    request: PaidRequest,
    sha256s: Sequence[bytes],
    vectors: NDArray[np.float32],
    method: Method,
) -> None:
    """Commit one response in one transaction: its vectors, shape (n, dimensions), and the row that accounts for it.

    A vector that another run stored meanwhile stays as it is; the money is recorded all the same.
    """
    with transaction(conn) as cur:
        write_vectors(cur, request.space, sha256s, vectors, method)
        cur.execute(
            "INSERT INTO vectorshelf.requests"
            " (run_id, catalog, shard, space, texts, tokens, bytes, cost_usd, seconds)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                request.run_id,
                request.catalog,
                request.shard,
                request.space,
                request.texts,
                request.tokens,
                request.bytes,
                request.cost_usd,
                request.seconds,
            ),
        )
