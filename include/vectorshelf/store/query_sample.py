"""Queries to measure recall with, taken from the table itself. Reads only; the same seed gives the same sample.

Three kinds, because a sample must be as hard as what it stands for. Measured against held-out vectors (200 of 19,406
Icecat titles at 256 dimensions; uniform and clustered points at 32 and 64):

- `rows`, for ivfflat: a row lies in the lists that a new vector like it would be looked for in, and rows measure what
  held-out vectors do (Icecat, 8 of 60 lists: 0.964 against 0.968). The row itself and its copies must be left out.
- `between`, for hnsw: there a row is a node of the graph whose links are the very answer, and rows flatter (uniform,
  ef_search 10: 0.970 against 0.740). Half of these lie a quarter of the way to another row, half are blurred by noise
  as long as themselves: together as hard as held-out vectors, or a little harder.
- texts of one to three words, for whoever can embed them: what people type lies further from every product than
  products from each other. On Icecat in 19 lists rows reach 0.95 with 3 probes, such texts with 7 to 12.
"""

from typing import Literal

import numpy as np
import orjson
from psycopg2 import sql

from vectorshelf.store.db import Connection, Cursor, query, transaction
from vectorshelf.store.table import ServingTable
from vectorshelf.store.writers import as_text

Sample = Literal["rows", "between"]

_LONGEST_QUERY = 3  # words


def sample_vectors(cur: Cursor, table: ServingTable, kind: Sample, count: int, seed: int) -> list[str]:
    """`count` queries in pgvector's text form; fewer when the table has fewer rows."""
    rows = _sample(cur, table, "sample_rows", count, seed)
    if kind == "rows" or len(rows) < 2:  # noqa: PLR2004 - one row has no other to lie between
        return rows
    vectors = np.array([orjson.loads(row) for row in rows], dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    noise = np.random.default_rng(seed).standard_normal(vectors.shape)
    blurred = vectors + noise / np.linalg.norm(noise, axis=1, keepdims=True) * lengths
    between = 0.75 * vectors + 0.25 * np.roll(vectors, 1, axis=0)
    blurred[::2] = between[::2]
    return [as_text(vector) for vector in blurred.astype(np.float32)]


def sample_texts(conn: Connection, table: ServingTable, count: int = 200, seed: int = 0) -> list[str]:
    """`count` texts as people type them: one to three neighbouring words of a product's name, or of its category.

    For the caller to embed with the table's own model. Costs about four tokens each.
    """
    with transaction(conn) as cur:
        names = _sample(cur, table, "sample_names", count, seed)
    rng = np.random.default_rng(seed)
    return [_excerpt(name.split(), rng) for name in names if name.split()]


def _excerpt(words: list[str], rng: np.random.Generator) -> str:
    length = int(rng.integers(1, _LONGEST_QUERY + 1))
    start = int(rng.integers(0, max(1, len(words) - length + 1)))
    return " ".join(words[start : start + length])


def _sample(cur: Cursor, table: ServingTable, statement: str, count: int, seed: int) -> list[str]:
    """Rows by a hash of their ids: unbiased whatever the order of loading was."""
    cur.execute(sql.SQL(query(statement)).format(table=table.identifier), {"count": count, "seed": seed})
    return [text for (text,) in cur.fetchall()]
