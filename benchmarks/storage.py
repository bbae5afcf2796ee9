"""What TOAST, fillfactor, logging and half numbers cost or save. `python -m benchmarks.storage [--rows 50000]`

One table per choice, filled by INSERT … SELECT from the same source, on a fresh embedded Postgres; 1,536 dimensions
unless told otherwise. `written` is rows/s of that; `size` includes TOAST and primary key; `exact` is one search by
reading the whole table; `index` the seconds to build ivfflat and its size; `search` the median of 30 through the index
with ten results; `price` what updating one number in `attributes` of every tenth row takes with that index there, the
write-ahead log of it, and the share of these rows that no index had to be told of (HOT).
`docs/decisions/0009-how-vectors-are-written-and-kept.md` draws the conclusions.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import psycopg2
from tests import postgres

from vectorshelf.store.index_memory import MIB, ivfflat_bytes, lists_for, with_headroom
from vectorshelf.store.writers import as_text

COLUMNS = "id text PRIMARY KEY, name text NOT NULL, category text NOT NULL, attributes jsonb, embedding vector({d})"
INLINE = "toast_tuple_target = 8160"


@dataclass(frozen=True)
class Choice:
    """A way to make the table, and what the index is over."""

    label: str
    options: str = ""
    unlogged: bool = False
    cast: str = ""


CHOICES = (
    Choice("TOAST (pgvector's default)"),
    Choice("in the row", INLINE),
    Choice("TOAST, fillfactor 85", "fillfactor = 85"),
    Choice("in the row, fillfactor 50", f"{INLINE}, fillfactor = 50"),
    Choice("TOAST, unlogged", unlogged=True),
    Choice("TOAST, index over halfvec", cast="::halfvec({d})"),
)


class Bench:
    """One connection and the source of all tables."""

    def __init__(self, url: str, rows: int, dimensions: int) -> None:
        self.conn = psycopg2.connect(url)
        self.conn.autocommit = True
        self.cur = self.conn.cursor()
        self.rows, self.dimensions = rows, dimensions
        rng = np.random.default_rng(0)
        self.queries = [as_text(vector) for vector in rng.standard_normal((30, dimensions)).astype(np.float32)]
        self.fill_source(rng)

    def fill_source(self, rng: np.random.Generator) -> None:
        """Sums of two of 1,000 random vectors: made inside the server, in seconds."""
        self.cur.execute(f"CREATE TEMP TABLE base (n serial, v vector({self.dimensions}))")
        for vector in rng.standard_normal((1_000, self.dimensions)).astype(np.float32):
            self.cur.execute("INSERT INTO base (v) VALUES (%s)", (as_text(vector),))
        self.cur.execute("ALTER TABLE base ADD PRIMARY KEY (n)")
        self.cur.execute(
            "CREATE UNLOGGED TABLE source AS"
            " SELECT 'p' || i AS id, 'product ' || i AS name, 'c' || i %% 50 AS category,"
            "        jsonb_build_object('price', i, 'brand', 'b' || i %% 90) AS attributes,"
            "        l2_normalize(a.v + b.v) AS embedding"
            " FROM generate_series(1, %s) i JOIN base a ON a.n = 1 + i %% 1000"
            " JOIN base b ON b.n = 1 + (i * 7919 / 1000) %% 1000",
            (self.rows,),
        )

    def timed(self, statement: str, values: object = None) -> float:
        """Seconds of one statement."""
        started = time.perf_counter()
        self.cur.execute(statement, values)
        return time.perf_counter() - started

    def size(self, name: str) -> float:
        """MiB, indexes and TOAST included."""
        self.cur.execute(f"SELECT {'pg_total_relation_size' if name == 'made' else 'pg_relation_size'}('{name}')")
        return self.cur.fetchone()[0] / MIB

    def wal(self) -> int:
        """Bytes of write-ahead log so far."""
        self.cur.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        return int(self.cur.fetchone()[0])

    def measure(self, choice: Choice) -> list[str]:
        """One line of the table."""
        cast, lists = choice.cast.format(d=self.dimensions), lists_for(self.rows)
        kind = "halfvec" if cast else "vector"
        self.cur.execute("DROP TABLE IF EXISTS made")
        made = f"CREATE {'UNLOGGED' if choice.unlogged else ''} TABLE made ({COLUMNS.format(d=self.dimensions)})"
        self.cur.execute(made + (f" WITH ({choice.options})" if choice.options else ""))
        self.cur.execute("CHECKPOINT")
        before = self.wal()
        written = self.rows / self.timed("INSERT INTO made SELECT * FROM source ON CONFLICT (id) DO NOTHING")
        logged = (self.wal() - before) / MIB
        self.cur.execute("VACUUM (ANALYZE) made")
        size = self.size("made")
        exact = self.timed(f"SELECT id FROM made ORDER BY embedding <=> '{self.queries[0]}' LIMIT 10")
        memory = with_headroom(ivfflat_bytes(self.dimensions, lists, kind)) // 1024
        self.cur.execute(f"SET maintenance_work_mem = '{max(memory, 131072)}kB'; SET min_parallel_table_scan_size = 64")
        build = self.timed(
            f"CREATE INDEX made_idx ON made USING ivfflat ((embedding{cast}) {kind}_cosine_ops) WITH (lists = {lists})"
        )
        index = self.size("made_idx")
        self.cur.execute("SET ivfflat.probes = 8; SET enable_seqscan = off; SET enable_sort = off")
        search = np.median(
            [
                self.timed(f"SELECT id, name FROM made ORDER BY embedding{cast} <=> '{query}'{cast} LIMIT 10")
                for query in self.queries
            ]
        )
        self.cur.execute("RESET enable_seqscan; RESET enable_sort")
        self.cur.execute("CHECKPOINT")
        before = self.wal()
        price = self.timed(
            "UPDATE made SET attributes = jsonb_set(attributes, '{price}', '1') WHERE right(id, 1) = '7'"
        )
        told = (self.wal() - before) / MIB
        self.cur.execute("SELECT pg_stat_force_next_flush()")
        self.cur.execute(
            "SELECT n_tup_hot_upd::float / nullif(n_tup_upd, 0) FROM pg_stat_user_tables WHERE relname = 'made'"
        )
        hot = self.cur.fetchone()[0] or 0
        return [
            choice.label,
            f"{written:,.0f}",
            f"{logged:,.0f}",
            f"{size:,.0f}",
            f"{1000 * exact:,.0f}",
            f"{build:.1f} s, {index:,.0f} MiB",
            f"{1000 * search:.1f}",
            f"{price:.2f} s, {told:,.0f} MiB, {hot:.0%}",
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--dimensions", type=int, default=1536)
    options = parser.parse_args()
    with postgres.server() as server, postgres.fresh_database(server) as url:
        bench = Bench(url.get_secret_value(), options.rows, options.dimensions)
        heads = ("choice", "written/s", "WAL MiB", "size MiB", "exact ms", "index", "search ms", "price of a tenth")
        print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
        for choice in CHOICES:
            print("| " + " | ".join(bench.measure(choice)) + " |", flush=True)
        bench.conn.close()


if __name__ == "__main__":
    main()
