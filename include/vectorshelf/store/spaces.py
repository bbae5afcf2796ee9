"""Embedding spaces: one small number per (model, dimensions), the first half of a vector's key."""

from typing import NamedTuple

from vectorshelf.store.db import Cursor


class Space(NamedTuple):
    """Whose vectors they are, and how wide: only those of one space can be compared."""

    model: str
    dimensions: int


def space_of(cur: Cursor, model: str, dimensions: int) -> int:
    """The number of the space, made on first use. Vectors of different spaces are never compared."""
    find = "SELECT space FROM vectorshelf.spaces WHERE model = %s AND dimensions = %s"
    cur.execute(find, (model, dimensions))
    row = cur.fetchone()
    if row is None:
        cur.execute(
            "INSERT INTO vectorshelf.spaces (model, dimensions) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (model, dimensions),
        )
        cur.execute(find, (model, dimensions))
        row = cur.fetchone()
    assert row is not None  # noqa: S101 - inserted just above, by us or by a neighbour
    return int(row[0])
