"""Put vectors into the content-addressed store: two ways, one result. Never overwrites a vector that is there.

Both ways insert in the order of the hashes, so that two runs storing the same texts wait for each other
instead of deadlocking. Neither opens or ends a transaction: the caller's rows and these commit together.
What each costs, and what was tried and left: `docs/decisions/0009-how-vectors-are-written-and-kept.md`.
"""

import sys
from collections.abc import Sequence
from io import BytesIO
from typing import Literal

import numpy as np
import orjson
from numpy.typing import NDArray
from psycopg2 import errors
from psycopg2.extensions import AsIs
from psycopg2.extras import execute_values

from vectorshelf.store.db import Cursor, query

Method = Literal["execute_values", "copy"]

COPY_FROM_ROWS = 10
"""From this many rows a call, `auto` takes COPY. Measured on Postgres 18: at 1,536 dimensions they meet at 3 rows
(0.9 ms) and COPY is six times faster for 50; at 256 dimensions they meet at 10 rows (0.7 ms)."""

_PAGE = 500
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_HASH_BYTES = 32
_CHUNK = 1 << 18  # bytes that psycopg2 takes from the stream at a time: by its default, 8 KiB, it asks once a vector


def choose_method(rows: int) -> Method:
    """What `load.method: auto` means for one call with `rows` vectors."""
    return "copy" if rows >= COPY_FROM_ROWS else "execute_values"


def write_vectors(
    cur: Cursor,
    space: int,
    sha256s: Sequence[bytes],
    vectors: NDArray[np.float32],
    method: Method,
) -> int:
    """Store `vectors`, shape (n, dimensions), under their texts' hashes; return how many were new.

    Raises ValueError when there is not one 32-byte hash per vector: a caller's mistake, not a user's.
    """
    _check(sha256s, vectors)
    if not len(sha256s):
        return 0
    order = sorted(range(len(sha256s)), key=sha256s.__getitem__)
    hashes = [bytes(sha256s[number]) for number in order]
    numbers = np.ascontiguousarray(vectors, dtype=np.float32)
    write = _copy if method == "copy" else _execute_values
    return write(cur, space, hashes, numbers, order)


def as_text(vector: NDArray[np.float32]) -> str:
    """One vector in pgvector's text form, made in C; reading it back gives the same float32 bits."""
    return orjson.dumps(np.ascontiguousarray(vector, dtype=np.float32), option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _check(sha256s: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
    if vectors.ndim != 2 or len(sha256s) != len(vectors):  # noqa: PLR2004 - rows and columns
        raise ValueError(f"{len(sha256s)} hashes for vectors of shape {vectors.shape}")
    if any(len(sha256) != _HASH_BYTES for sha256 in sha256s):
        raise ValueError("a SHA-256 has 32 bytes")


def _execute_values(
    cur: Cursor, space: int, hashes: list[bytes], vectors: NDArray[np.float32], order: list[int]
) -> int:
    """`order` has the place of each hash's vector. Pages are counted one by one: after several, `cur.rowcount` knows
    only the last.
    """
    new = 0
    for start in range(0, len(hashes), _PAGE):
        page = slice(start, start + _PAGE)
        rows = [
            (space, sha256, _literal(vectors[place])) for sha256, place in zip(hashes[page], order[page], strict=True)
        ]
        execute_values(cur, query("insert_vectors"), rows, template="(%s, %s, %s::vector)", page_size=_PAGE)
        new += cur.rowcount
    return new


def _literal(vector: NDArray[np.float32]) -> AsIs:
    """The quoted text. Made of numbers by orjson it holds digits, `[],.+-e` and null: nothing for psycopg2 to escape.

    Looking for it all the same, libpq would read the text twice more: a third of the client's time.
    """
    return AsIs(f"'{as_text(vector)}'")


def _copy(cur: Cursor, space: int, hashes: list[bytes], vectors: NDArray[np.float32], order: list[int]) -> int:
    """What is not stored yet goes straight into the store; what another session stores meanwhile, by way of a merge.

    COPY knows no ON CONFLICT. That a text is stored between the look and the COPY is rare, because only texts without a
    vector are embedded; then the savepoint undoes the COPY, and a temporary table and INSERT … ON CONFLICT do it.
    """
    missing = _missing(cur, space, hashes)
    if not missing:
        return 0
    numbers = np.take(vectors, [order[place] for place in missing], axis=0)
    rows = BytesIO(_binary_rows(space, [hashes[place] for place in missing], numbers))
    cur.execute("SAVEPOINT copying")
    try:
        cur.copy_expert(query("copy_vectors"), rows, _CHUNK)
    except errors.UniqueViolation:
        cur.execute("ROLLBACK TO SAVEPOINT copying")
        rows.seek(0)
        return _copy_and_merge(cur, rows)
    cur.execute("RELEASE SAVEPOINT copying")
    return len(missing)


def _missing(cur: Cursor, space: int, hashes: list[bytes]) -> list[int]:
    """Places of the hashes, which are in order, that the store has not; of equal ones the first."""
    cur.execute(query("stored_hashes"), {"space": space, "hashes": hashes})
    stored = {bytes(sha256) for (sha256,) in cur.fetchall()}
    before = [None, *hashes[:-1]]
    return [place for place, one in enumerate(hashes) if one != before[place] and one not in stored]


def _copy_and_merge(cur: Cursor, rows: BytesIO) -> int:
    cur.execute(query("create_incoming"))
    cur.copy_expert(query("copy_incoming"), rows, _CHUNK)
    cur.execute(query("merge_incoming"))
    new = cur.rowcount
    cur.execute("TRUNCATE pg_temp.vectorshelf_incoming")  # a second call may follow in this transaction
    return new


def _binary_rows(space: int, hashes: list[bytes], vectors: NDArray[np.float32]) -> bytes:
    """COPY's binary form of (space, sha256, embedding): every number big-endian, every row equally long.

    The vectors are this function's to change: they are turned in place, and moved as bytes, which is much faster than
    number by number into rows of odd length.
    """
    dimensions = vectors.shape[1]
    turned = vectors.byteswap(inplace=True) if sys.byteorder == "little" else vectors
    layout = np.dtype(
        [
            ("fields", ">i2"),
            ("space_bytes", ">i4"),
            ("space", ">i4"),
            ("hash_bytes", ">i4"),
            ("hash", "V32"),
            ("vector_bytes", ">i4"),
            ("dimensions", ">i2"),
            ("unused", ">i2"),
            ("vector", f"V{4 * dimensions}"),
        ]
    )
    rows = np.empty(len(hashes), layout)
    rows["fields"] = 3
    rows["space_bytes"] = 4
    rows["space"] = space
    rows["hash_bytes"] = _HASH_BYTES
    rows["hash"] = np.frombuffer(b"".join(hashes), dtype="V32")
    rows["vector_bytes"] = 4 + 4 * dimensions
    rows["dimensions"] = dimensions
    rows["unused"] = 0
    rows["vector"] = turned.view(f"V{4 * dimensions}")[:, 0]
    return b"".join((_COPY_HEADER, rows.view(np.uint8).data, _COPY_TRAILER))
