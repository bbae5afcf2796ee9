"""Our ways of writing vectors, and the server's limit, for `benchmarks/__main__.py`, which says what is measured.

`python -m benchmarks.writing_ours CONTENDER URL VECTORS.f32 DIMENSIONS SECONDS`
"""

import json
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from queue import Queue

from psycopg2 import connect

from benchmarks.writing_peers import batches, measured
from vectorshelf.store.db import transaction
from vectorshelf.store.spaces import space_of
from vectorshelf.store.writers import write_vectors

RESPONSE = 512  # texts of one answer: what the pipeline commits at a time, at 1,536 dimensions


def ours(method):
    def open_writer(url, dimensions):
        conn = connect(url)
        with transaction(conn) as cur:
            cur.execute("TRUNCATE vectorshelf.vectors")
            space = space_of(cur, "bench", dimensions)

        def write(ids, vectors):
            hashes = [sha256(id_.encode()).digest() for id_ in ids]
            with transaction(conn) as cur:
                write_vectors(cur, space, hashes, vectors, method)

        return write, RESPONSE

    return open_writer


def two_connections(url, dimensions):
    """As two shards of a run store their answers: each over a connection of its own, at the same time."""
    writers = Queue()
    for _ in range(2):
        write, size = ours("copy")(url, dimensions)
        writers.put(write)
    pool, under_way = ThreadPoolExecutor(2), deque()

    def one(ids, vectors):
        writer = writers.get()
        try:
            writer(ids, vectors)
        finally:
            writers.put(writer)

    def finish():
        while under_way:
            under_way.popleft().result()

    def write(ids, vectors):
        if len(under_way) == 2:
            under_way.popleft().result()
        under_way.append(pool.submit(one, ids, vectors))

    return write, size, finish


def limit(url, path, dimensions):
    """INSERT … SELECT … ON CONFLICT from an unlogged table inside the server: no client, no network, no parsing."""
    write, size = ours("copy")(url, dimensions)
    for ids, vectors in batches(path, dimensions, size):
        write(ids, vectors)
    conn = connect(url)
    with transaction(conn) as cur:
        cur.execute("DROP TABLE IF EXISTS bench_source")
        cur.execute(
            "CREATE UNLOGGED TABLE bench_source AS SELECT sha256, embedding FROM vectorshelf.vectors ORDER BY 1"
        )
        cur.execute("TRUNCATE vectorshelf.vectors")
        cur.execute("SELECT count(*) FROM bench_source")
        [(rows,)] = cur.fetchall()
        space = space_of(cur, "bench", dimensions)
    conn.autocommit = True
    conn.cursor().execute("CHECKPOINT")

    started, cpu = time.perf_counter(), time.process_time()
    with transaction(conn) as cur:
        cur.execute(
            "INSERT INTO vectorshelf.vectors (space, sha256, embedding)"
            " SELECT %s, sha256, embedding FROM bench_source ON CONFLICT DO NOTHING",
            (space,),
        )
    seconds = time.perf_counter() - started
    return {"rows": rows, "seconds": seconds, "cpu": time.process_time() - cpu, "peak_mib": 0.0}


def main():
    name, url, path, dimensions, seconds = sys.argv[1:]
    if name == "limit":
        print(json.dumps(limit(url, Path(path), int(dimensions))))
        return
    write, size, *finish = (
        two_connections(url, int(dimensions)) if name == "copy_two" else ours(name)(url, int(dimensions))
    )
    print(json.dumps(measured(write, path, int(dimensions), float(seconds), size, *finish)))


if __name__ == "__main__":
    main()
