"""The recall that is promised, held against searches no measurement has seen. `python -m benchmarks.recall`

Two tables: 100,000 made-up vectors of 1,536 numbers, each in two of 200 overlapping clusters; and the Icecat products
with the local model, where they lie beside the checkout. Each is indexed as a night's run does it. Then 1,000 fresh
queries (Icecat: 200 fresh texts) go through the search function with the probes it carries, and with a step fewer and
one more. True answers are numpy's. For the probes chosen the mean is at the target or over it; where it is for a step
fewer, too, that is what being certain to 95% costs. At the end the rarest category is searched.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import psycopg2
from numpy.typing import NDArray
from pydantic import SecretStr
from tests import postgres
from tests.conftest import ICECAT
from tests.integration.shelves import CATALOG, make_shelf
from tests.integration.shop import Shop

from benchmarks.load import Vectors
from vectorshelf.pipeline.context import serving_table
from vectorshelf.store.db import Connection, transaction
from vectorshelf.store.index import IndexSpec, Sampling, Watch, ensure_index
from vectorshelf.store.ladder import STEP
from vectorshelf.store.query_sample import sample_texts
from vectorshelf.store.search import search
from vectorshelf.store.search_function import read_knobs, set_knobs
from vectorshelf.store.table import ServingTable
from vectorshelf.store.writers import as_text, write_vectors

RARE = 4  # products of the rarest category


@dataclass(frozen=True)
class Case:
    """An indexed table, its vectors as numpy has them, and queries nobody has measured with."""

    conn: Connection
    table: ServingTable
    ids: list[str]
    vectors: NDArray[np.float32]
    queries: NDArray[np.float32]

    def truths(self, k: int = 10) -> list[set[str]]:
        """The true nearest by cosine."""
        lengths = np.linalg.norm(self.vectors, axis=1)
        found = []
        for query in self.queries:
            nearest = np.argpartition(-(self.vectors @ query) / lengths, k)[:k]
            found.append({self.ids[number] for number in nearest})
        return found

    def recall(self, truths: list[set[str]]) -> tuple[float, float]:
        """Mean recall@10 of the search function, and the median milliseconds of a search."""
        shares, seconds = [], []
        for query, truth in zip(self.queries, truths, strict=True):
            text, started = as_text(query), time.perf_counter()
            found = {hit.id for hit in search(self.conn, self.table, text, 10)}
            seconds.append(time.perf_counter() - started)
            shares.append(len(found & truth) / 10)
        return float(np.mean(shares)), 1000 * float(np.median(seconds))

    def show(self, label: str, target: float) -> None:
        """A line for the probes chosen, one for a step fewer, one for a step more."""
        with transaction(self.conn) as cur:
            [(knob, chosen)] = read_knobs(cur, self.table).items()
        step, truths = max(1, int(STEP * chosen)), self.truths()
        for probes in dict.fromkeys((max(1, chosen - step), chosen, chosen + step)):
            with transaction(self.conn) as cur:
                set_knobs(cur, self.table, {knob: probes})
            mean, milliseconds = self.recall(truths)
            mark = "chosen" if probes == chosen else ""
            print(f"| {label} | {target} | {probes} | {mark} | {mean:.4f} | {milliseconds:.1f} |", flush=True)
        with transaction(self.conn) as cur:
            set_knobs(cur, self.table, {knob: chosen})
            cur.execute(f"SELECT category, count(*) FROM {self.table.label} GROUP BY 1 ORDER BY 2, 1 LIMIT 1")
            category, size = cur.fetchone()
        hits = search(self.conn, self.table, as_text(self.queries[0]), 10, category)
        print(f"| {label}, rarest category | | | {min(size, 10)} of its {size} asked for | {len(hits)} found | |")


def made_up(conn: Connection, rows: int, dimensions: int, storage: str, target: float) -> Case:
    """Fill and index the table of made-up vectors."""
    table = ServingTable("public", "products", dimensions, storage=storage)
    source, ids = Vectors(dimensions), [f"p{number}" for number in range(rows)]
    make_shelf(conn, table)
    vectors = np.concatenate([source.more(min(2_000, rows - first)) for first in range(0, rows, 2_000)])
    with transaction(conn) as cur:
        cur.execute(
            "INSERT INTO vectorshelf.spaces (model, dimensions) VALUES ('made', %s) RETURNING space", (dimensions,)
        )
        (space,) = cur.fetchone()
        for first in range(0, rows, 2_000):
            page = [number.to_bytes(32, "big") for number in range(first, min(first + 2_000, rows))]
            write_vectors(cur, space, page, vectors[first : first + 2_000], "copy")
        cur.execute(
            "INSERT INTO products (id, name, category, embedding)"
            " SELECT 'p' || n, 'product ' || n, CASE WHEN n < %s THEN 'rare' ELSE 'c' || n %% 7 END, embedding"
            " FROM (SELECT ('x' || right(encode(sha256, 'hex'), 8))::bit(32)::integer AS n, embedding"
            "       FROM vectorshelf.vectors) stored",
            (RARE,),
        )
        cur.execute("UPDATE vectorshelf.catalogs SET changed_rows = %s", (rows,))
    sampling = Sampling(lambda: source.more(200))
    watch = Watch(lambda line: print(f"  {line}", flush=True))
    spec = IndexSpec("ivfflat", target)
    ensure_index(conn, table, spec, run_id="bench", catalog=CATALOG, sampling=sampling, watch=watch)
    return Case(conn, table, ids, vectors, source.more(1_000))


def icecat(conn: Connection, url: SecretStr, folder: Path) -> Case:
    """Run the Icecat catalog through the pipeline with the local model."""
    import asyncio  # noqa: PLC0415 - with the model, only where there is something to embed

    from vectorshelf.embed.local import LocalEmbedder  # noqa: PLC0415

    columns = {"id": "id", "name": "title", "category": "supplier"}
    shop = Shop(folder, url, columns=columns, text="{title} {short_description}")
    shop.run(1, source=str(ICECAT / "products.csv.gz"))
    table = serving_table(shop.catalog)
    rows = shop.query("SELECT id, embedding::text FROM products")
    vectors = np.array([orjson.loads(text) for _, text in rows], np.float32)
    embedder = LocalEmbedder("wordllama-l2-supercat", 256)
    texts = sample_texts(conn, table, 200, seed=4711)
    return Case(conn, table, [id_ for id_, _ in rows], vectors, asyncio.run(embedder.embed(texts)).vectors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--storage", choices=("vector", "halfvec"), default="vector")
    parser.add_argument("--target", type=float, default=0.95)
    options = parser.parse_args()
    with postgres.server() as server:
        with postgres.fresh_database(server) as url:
            conn = psycopg2.connect(url.get_secret_value())
            case = made_up(conn, options.rows, options.dimensions, options.storage, options.target)
            print("| table | target | probes | | mean recall@10 of fresh queries | ms |\n|---|---|---|---|---|---|")
            case.show(f"{options.rows:,} x {options.dimensions:,} {options.storage}", options.target)
            conn.close()
        if not ICECAT.exists():
            return
        with postgres.fresh_database(server) as url, tempfile.TemporaryDirectory() as folder:
            conn = psycopg2.connect(url.get_secret_value())
            icecat(conn, url, Path(folder)).show("Icecat, 256", 0.95)
            conn.close()


if __name__ == "__main__":
    main()
