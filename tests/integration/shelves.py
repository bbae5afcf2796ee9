"""Serving tables for tests of what stands on them: made as the pipeline makes them, filled without it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from psycopg2.extras import execute_values

from vectorshelf.store import serving
from vectorshelf.store.db import Connection, transaction
from vectorshelf.store.table import ServingTable
from vectorshelf.store.writers import as_text

CATALOG = "shop"


def clustered(
    rows: int, dimensions: int, *, clusters: int = 20, spread: float = 0.6, seed: int = 0
) -> NDArray[np.float32]:
    """Unit vectors around `clusters` centres, shape (rows, dimensions); the centres do not depend on the seed."""
    centres = np.random.default_rng(1234).standard_normal((clusters, dimensions))
    rng = np.random.default_rng(seed)
    vectors = centres[rng.integers(0, clusters, rows)] + spread * rng.standard_normal((rows, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def make_shelf(conn: Connection, table: ServingTable) -> None:
    """An empty serving table, registered for CATALOG."""
    with transaction(conn) as cur:
        serving.ensure_table(cur, CATALOG, table)


def stock(
    conn: Connection,
    table: ServingTable,
    vectors: NDArray[np.float32],
    categories: Sequence[str] = ("Laptops", "Phones", "Cameras"),
    *,
    first: int = 0,
) -> None:
    """Insert products p<first>, p<first+1>… and count them as changed, as a load does."""
    rows = [
        (f"p{first + number}", f"Product {first + number}", categories[number % len(categories)], as_text(vector))
        for number, vector in enumerate(vectors)
    ]
    with transaction(conn) as cur:
        statement = f"INSERT INTO {table.identifier.as_string(cur)} (id, name, category, embedding) VALUES %s"
        execute_values(cur, statement, rows, template="(%s, %s, %s, %s::vector)", page_size=1000)
        count_changed(cur, len(rows))


def count_changed(cur, rows: int) -> None:
    """What a load tells the index and the vacuum."""
    cur.execute(
        "UPDATE vectorshelf.catalogs SET changed_rows = changed_rows + %s, unvacuumed = unvacuumed + %s"
        " WHERE catalog = %s",
        (rows, rows, CATALOG),
    )


def top(vectors: NDArray[np.float32], query: NDArray[np.float32], k: int) -> list[int]:
    """The true nearest rows by cosine, in numpy: an opinion that owes nothing to Postgres."""
    scores = vectors @ query / np.linalg.norm(query)
    return list(np.argsort(-scores, kind="stable")[:k])
