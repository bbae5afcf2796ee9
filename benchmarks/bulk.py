"""What bounds a load that is one transaction. `python -m benchmarks.bulk [--rows 100000 1000000] [--dimensions 16]`

For each number of rows: a first load into an empty table, a reload in which every text changed, and the same reload
once the vector index is there. Seconds, write-ahead log, and the most memory of its own that the server's process for
us took (RssAnon, looked at ten times a second), which must not grow with the rows. Staging and vectors are made in the
server.
`docs/decisions/0010-a-load-is-one-transaction.md` draws the conclusions.
"""

import argparse
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from tests import postgres
from tests.integration.products import Shelf

from vectorshelf.store import staging
from vectorshelf.store.db import autocommit, transaction
from vectorshelf.store.index import IndexSpec, ensure_index
from vectorshelf.store.table import ServingTable

MIB = 2**20
STAGE = """
INSERT INTO {staging} (line, id, name, category, attributes, text, sha256, deleted)
SELECT i, 'p' || i, 'product ' || i, 'c' || i %% 50, jsonb_build_object('price', i), text, sha256(text::bytea), false
FROM generate_series(1, %(rows)s) i, LATERAL (SELECT 'product ' || i || ' version ' || %(version)s AS text) t
"""
EMBED = """
INSERT INTO vectorshelf.vectors (space, sha256, embedding)
SELECT %(space)s, sha256, ARRAY(SELECT random() - 0.5 + 0 * line FROM generate_series(1, %(dimensions)s))::vector
FROM {staging}
"""


class Memory:
    """The most anonymous memory a process of this machine had while this looked."""

    def __init__(self, pid: int) -> None:
        self.path, self.most, self.done = Path(f"/proc/{pid}/status"), 0.0, threading.Event()

    def watch(self) -> None:
        while not self.done.wait(0.1):
            [line] = [line for line in self.path.read_text().splitlines() if line.startswith("RssAnon")]
            self.most = max(self.most, int(line.split()[1]) / 1024)


@contextmanager
def watched(pid: int) -> Iterator[Memory]:
    memory = Memory(pid)
    thread = threading.Thread(target=memory.watch)
    thread.start()
    try:
        yield memory
    finally:
        memory.done.set()
        thread.join()


def load(shelf: Shelf, version: int, rows: int) -> str:
    """Stage, embed, and measure the merge."""
    change = shelf.change(version)
    with transaction(shelf.conn) as cur:
        staging.create(cur, change.names)
        values = {"rows": rows, "version": version, "space": shelf.space, "dimensions": shelf.table.dimensions}
        for statement in (STAGE, EMBED):
            staging_name = change.names.staging.as_string(shelf.conn)
            cur.execute(statement.replace("{staging}", staging_name), values)
        staging.seal(cur, change.names)
    with autocommit(shelf.conn) as cur:
        cur.execute("ANALYZE vectorshelf.vectors")
        cur.execute("CHECKPOINT")
    before = wal(shelf)
    # A session of its own, as the load task has: what staging left in memory is not the load's.
    staged, shelf.conn = shelf.conn, psycopg2.connect(shelf.conn.dsn)
    with watched(shelf.conn.info.backend_pid) as memory:
        started = time.perf_counter()
        writes = shelf.merge(change).difference.writes
        seconds = time.perf_counter() - started
    shelf.conn.close()
    shelf.conn = staged
    with transaction(shelf.conn) as cur:
        staging.drop(cur, change.names)
    logged = (wal(shelf) - before) / MIB
    return f"{writes:,} | {seconds:.1f} | {writes / seconds:,.0f} | {logged:,.0f} | {memory.most:,.0f}"


def wal(shelf: Shelf) -> int:
    with autocommit(shelf.conn) as cur:
        cur.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        return int(cur.fetchone()[0])


def index(shelf: Shelf, kind: str) -> None:
    ensure_index(shelf.conn, shelf.table, IndexSpec(kind), run_id="bench", catalog="shop")
    with autocommit(shelf.conn) as cur:
        cur.execute("VACUUM (ANALYZE) products")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--dimensions", type=int, default=16)
    parser.add_argument("--type", choices=("ivfflat", "hnsw"), default="ivfflat")
    options = parser.parse_args()
    print("| rows | load | written | s | rows/s | WAL MiB | memory MiB |\n|---|---|---|---|---|---|---|")
    with postgres.server() as server:
        for rows in options.rows:
            with postgres.fresh_database(server) as url:
                conn = psycopg2.connect(url.get_secret_value())
                shelf = Shelf(conn, table=ServingTable("public", "products", options.dimensions))
                print(f"| {rows:,} | first | {load(shelf, 1, rows)} |", flush=True)
                with autocommit(conn) as cur:
                    cur.execute("VACUUM (ANALYZE) products")
                print(f"| {rows:,} | every text, no vector index | {load(shelf, 2, rows)} |", flush=True)
                index(shelf, options.type)
                print(f"| {rows:,} | every text, {options.type} there | {load(shelf, 3, rows)} |", flush=True)
                conn.close()


if __name__ == "__main__":
    main()
