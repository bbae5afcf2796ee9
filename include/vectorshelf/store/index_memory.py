"""How many lists an ivfflat index should have, and what memory building an index takes. Pure arithmetic."""

import math

from vectorshelf.store.table import Storage

MAX_LISTS = 32_768
"""pgvector's limit."""

MIB = 1024 * 1024

_SAMPLES_PER_LIST = 50
_LEAST_SAMPLES = 10_000
_HEADROOM = 1.05  # over pgvector's own figure, for what it does not count: the sort that follows k-means
_HNSW_M = 16  # pgvector's default: links per row and layer, twice that many in the lowest
_NUMBER_BYTES: dict[Storage, int] = {"vector": 4, "halfvec": 2}


def lists_for(rows: int) -> int:
    """pgvector's guidance: rows/1000, and past a million rows their square root."""
    lists = rows // 1000 if rows <= 1_000_000 else math.isqrt(rows)  # noqa: PLR2004 - the guidance's own figure
    return min(max(1, lists), MAX_LISTS)


def vector_bytes(dimensions: int, storage: Storage = "vector") -> int:
    """One vector as pgvector keeps it: a header and its numbers."""
    return _NUMBER_BYTES[storage] * dimensions + 8


def ivfflat_bytes(dimensions: int, lists: int, storage: Storage = "vector") -> int:
    """What pgvector demands of maintenance_work_mem before k-means starts (`ElkanKmeans`, pgvector 0.8).

    The samples and twice the centres, a distance from each sample to each centre and between all centres,
    and the sums that become the next centres, which are of full numbers for halfvec too.
    """
    samples = max(_LEAST_SAMPLES, _SAMPLES_PER_LIST * lists)
    row = vector_bytes(dimensions, storage)
    distances = 4 * samples * lists + 4 * lists * lists
    bookkeeping = 8 * samples + 12 * lists
    return row * (samples + 2 * lists) + distances + 4 * dimensions * lists + bookkeeping


def hnsw_bytes(dimensions: int, rows: int, storage: Storage = "vector") -> int:
    """About what the graph of `rows` vectors takes in memory. With less, pgvector builds it on disk, slowly."""
    element = vector_bytes(dimensions, storage) + 128
    links = 16 * 2 * _HNSW_M + 64
    return rows * (element + links)


def with_headroom(need: int) -> int:
    """The maintenance_work_mem to set, in bytes, for a build that needs `need`."""
    return int(need * _HEADROOM) + MIB


def lists_that_fit(dimensions: int, available: int, storage: Storage = "vector") -> int:
    """The most lists whose build fits into `available` bytes; 0 when not even one does."""
    low, high = 0, MAX_LISTS
    while low < high:
        middle = (low + high + 1) // 2
        if with_headroom(ivfflat_bytes(dimensions, middle, storage)) <= available:
            low = middle
        else:
            high = middle - 1
    return low
