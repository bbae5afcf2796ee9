"""The content-addressed store: what was paid for once is committed once, with the request that paid for it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vectorshelf.store.db import Connection, transaction
from vectorshelf.store.ledger import PaidRequest, record_request
from vectorshelf.store.writers import Method, write_vectors


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
        record_request(cur, request)
