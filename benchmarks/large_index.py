"""A server that starts with maintenance_work_mem = 64MB, and 300,000 rows. `python -m benchmarks.large_index`

1,536 dimensions, made inside the server as sums of two of 1,000 random vectors. First the plain CREATE INDEX that
pgvector refuses there, then the index as a night's run builds it: memory computed and set for the session, recall
measured. And an index for which the server has too little memory, refused with the figure before a row is read.
"""

import argparse
import time

import numpy as np
import psycopg2
from psycopg2.extras import execute_values
from tests import postgres
from tests.integration.shelves import CATALOG, count_changed, make_shelf

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.db import autocommit, transaction
from vectorshelf.store.index import BuildProgress, IndexSpec, Watch, ensure_index
from vectorshelf.store.index_ahead import lacking_memory
from vectorshelf.store.index_memory import lists_for
from vectorshelf.store.table import ServingTable
from vectorshelf.store.writers import as_text

BASE = 1_000
FILL = """
INSERT INTO products (id, name, category, embedding)
SELECT 'p' || i, 'product ' || i, 'c' || i %% 50, l2_normalize(a.v + b.v)
FROM generate_series(%s, %s - 1) i
JOIN base a ON a.n = 1 + i %% 1000 JOIN base b ON b.n = 1 + (i::bigint * 7919 / 1000) %% 1000
"""


def fill(conn: psycopg2.extensions.connection, table: ServingTable, rows: int) -> None:
    """An empty shelf, then `rows` products."""
    make_shelf(conn, table)
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((BASE, table.dimensions)).astype(np.float32)
    with transaction(conn) as cur:
        cur.execute(f"CREATE TEMP TABLE base (n integer PRIMARY KEY, v vector({table.dimensions}))")
        pairs = [(number, as_text(vector)) for number, vector in enumerate(vectors, start=1)]
        execute_values(cur, "INSERT INTO base VALUES %s", pairs, template="(%s, %s::vector)")
        cur.execute(FILL, (0, rows))
        count_changed(cur, rows)


class Phases:
    """Says when the build enters another phase."""

    def __init__(self) -> None:
        self.phase, self.started = "", time.perf_counter()

    def look(self, seen: BuildProgress) -> None:
        if seen.phase != self.phase:
            self.phase = seen.phase
            print(f"  {time.perf_counter() - self.started:6.1f} s  {seen.phase}", flush=True)

    def note(self, line: str) -> None:
        print(f"  {time.perf_counter() - self.started:6.1f} s  {line}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--dimensions", type=int, default=1536)
    options = parser.parse_args()
    table = ServingTable("public", "products", options.dimensions)
    with postgres.server() as server, postgres.fresh_database(server) as url:
        conn = psycopg2.connect(url.get_secret_value())
        with autocommit(conn) as cur:
            cur.execute("SHOW maintenance_work_mem")
            print(f"maintenance_work_mem is {cur.fetchone()[0]}")
        asked = {"catalog": CATALOG, "rows": options.rows, "changes": options.rows, "rebuild": False}
        print("32,768 lists, asked for before the load:")
        print(f"  {lacking_memory(conn, table, IndexSpec(lists=32_768), **asked)}")
        started = time.perf_counter()
        fill(conn, table, options.rows)
        print(f"{options.rows:,} rows made in {time.perf_counter() - started:.0f} s")
        plain(conn, lists_for(options.rows))
        print("as a night's run builds it:")
        phases = Phases()
        watch = Watch(phases.note, phases.look)
        outcome = ensure_index(conn, table, IndexSpec(), run_id="bench", catalog=CATALOG, watch=watch)
        print(f"  {outcome.action}: {outcome.lists} lists, probes {outcome.probes}, recall {outcome.recall:.3f}")
        try:
            ensure_index(conn, table, IndexSpec(lists=32_768), run_id="bench", catalog=CATALOG)
        except ConfigurationError as error:
            print(f"32,768 lists, asked for now:\n  {error}")
        conn.close()


def plain(conn: psycopg2.extensions.connection, lists: int) -> None:
    """The statement of the guides."""
    statement = f"CREATE INDEX ON products USING ivfflat (embedding vector_cosine_ops) WITH (lists = {lists})"
    print(statement)
    with autocommit(conn) as cur:
        try:
            cur.execute(statement)
            cur.execute("DROP INDEX products_embedding_idx")
            print("  was built: this few lists fit in what the server starts with")
        except psycopg2.Error as error:
            print(f"  {error.diag.message_primary}")


if __name__ == "__main__":
    main()
