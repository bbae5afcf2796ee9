"""How much disk a serving table and its vector index will take. Pure arithmetic on Postgres's and pgvector's layouts.

Sources: Postgres 18 docs, "Database Page Layout" and "TOAST"; pgvector 0.8 `ivfflat.h` and `hnsw.h`. The tests compare
with what Postgres reports; a table that is updated for months grows beyond this, until its space is used again.
"""

import math

from vectorshelf.store.index_memory import lists_for, vector_bytes
from vectorshelf.store.table import Storage

_PAGE = 8192
_USABLE = _PAGE - 24  # after the page's header
_KEPT_FREE = _PAGE * 15 // 100  # serving tables have a fillfactor of 85
_ITEM = 4  # a line pointer
_ROW_HEADER = 24
_TOAST_CHUNK = 1996
_TOAST_ROW = 36  # row header, chunk id and number, length word
_TOAST_FROM = 2032  # a row longer than this moves its vector out of line
_TOAST_POINTER = 18
_BTREE_ROW = 16
_BTREE_FILL = 0.9
_BOOKKEEPING = 33 + 16 + 28  # text_hash, two timestamps, the model's name


def table_bytes(rows: int, text_bytes: int, dimensions: int) -> int:
    """The table with its TOAST, its primary key and the index on categories.

    `text_bytes` are those of id, name, category and attributes of all rows together, as Postgres stores them.
    """
    if rows == 0:
        return 0
    vector = vector_bytes(dimensions)
    inline = _aligned(_ROW_HEADER + _BOOKKEEPING + text_bytes / rows + vector)
    toast = 0.0
    if inline > _TOAST_FROM:
        inline = _aligned(inline - vector + _TOAST_POINTER)
        toast = _toast_bytes(vector)
    keys = 2 * (_BTREE_ROW + _ITEM) / _BTREE_FILL
    return math.ceil(rows * (_paged(inline, _USABLE - _KEPT_FREE) + toast + keys))


def index_bytes(rows: int, dimensions: int, kind: str, lists: int | None = None, storage: Storage = "vector") -> int:
    """The vector index of `kind` ivfflat, hnsw or none."""
    vector = vector_bytes(dimensions, storage)
    if kind == "none" or rows == 0:
        return 0
    if kind == "hnsw":
        element, links = _aligned(72 + vector), _aligned(4 + 6 * 2 * 16)
        return math.ceil(rows * _paged(element + _ITEM + links))
    half_filled = (lists or lists_for(rows)) * (_PAGE // 2)  # the last page of each list
    return math.ceil(rows * _paged(_aligned(8 + vector))) + half_filled


def _toast_bytes(vector: int) -> float:
    whole, rest = divmod(vector - 4, _TOAST_CHUNK)
    chunks = whole + (1 if rest else 0)
    per_page = _USABLE // (_aligned(_TOAST_CHUNK + _TOAST_ROW) + _ITEM)
    return (
        whole * _PAGE / per_page + (_aligned(rest + _TOAST_ROW) + _ITEM) + chunks * (_BTREE_ROW + _ITEM) / _BTREE_FILL
    )


def _paged(tuple_bytes: float, usable: int = _USABLE) -> float:
    """Bytes of page that one tuple takes, with its line pointer and its share of what stays empty."""
    return _PAGE / max(1, usable // (tuple_bytes + _ITEM))


def _aligned(size: float) -> int:
    return 8 * math.ceil(size / 8)
