"""What history costs. `python -m benchmarks.history [--products 20000] [--days 30] [--dimensions 1536] [--churn 0.01]`

Generated snapshots, a day apart, each differing from the one before in `--churn` of its products: half renamed (another
text), a quarter with another price, an eighth gone, an eighth new. They are loaded through the pipeline's own staging
and merge into two catalogs that share one vector store, with history and without; vectors are random unit vectors.

Then: storage against as many full copies of the table (one is measured, without any vector index); the transaction of a
load with and without history, forwards, and for a date before all others; ten random dates searched as of and, exactly,
in a fresh table of that date's snapshot alone, whose answers must be equal.
"""

import argparse
import hashlib
import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import NamedTuple

import numpy as np
from tests import postgres

from vectorshelf.store import as_of_function, db, ledger, merge, serving, spaces, staging, time_travel, writers
from vectorshelf.store.search_function import create_search_function
from vectorshelf.store.table import ServingTable

FIRST = datetime(2026, 1, 1, 2, tzinfo=UTC)
DATES = 10
SEARCHES = 5
K = 10


class Product(NamedTuple):
    name: str
    price: int


Snapshot = dict[str, Product]


def named(id_: str, renamed: int) -> str:
    return f"Generated product {id_}, the {renamed}th of its name, in grey"


def snapshots(products: int, days: int, churn: float) -> Iterator[Snapshot]:
    rng = random.Random(0)
    shelf = {f"sku-{n:08d}": Product(named(f"sku-{n:08d}", 0), n % 500) for n in range(products)}
    for day in range(days):
        if day:
            touched = rng.sample(sorted(shelf), int(churn * products))
            for place, id_ in enumerate(touched):
                kind = place % 8
                if kind < 4:
                    shelf[id_] = shelf[id_]._replace(name=named(id_, day))
                elif kind < 6:
                    shelf[id_] = shelf[id_]._replace(price=shelf[id_].price + 1)
                elif kind == 6:
                    del shelf[id_]
                else:
                    fresh = f"new-{day:03d}-{place:06d}"
                    shelf[fresh] = Product(named(fresh, day), day)
        yield dict(shelf)


def sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def vector_of(text: str, dimensions: int) -> np.ndarray:
    rng = np.random.default_rng(int.from_bytes(sha256(text)[:8], "big"))
    vector = rng.standard_normal(dimensions, dtype=np.float32)
    return vector / np.linalg.norm(vector)


class Catalog:
    """One catalog of a database; `load` times its load's transaction."""

    def __init__(self, conn: db.Connection, name: str, dimensions: int, *, history: bool) -> None:
        self.conn, self.name, self.history, self.runs = conn, name, history, 0
        self.table = ServingTable("public", name, dimensions)
        with db.transaction(conn) as cur:
            serving.ensure_table(cur, name, self.table)
            self.space = spaces.space_of(cur, "generated", dimensions)
            create_search_function(cur, self.table)
            if history:
                as_of_function.create_as_of_function(cur, name, self.table)

    def load(self, day: int, snapshot: Snapshot) -> float:
        change = self._staged(day, snapshot)
        self._embed(snapshot)
        started = time.perf_counter()
        with db.transaction(self.conn) as cur:
            merge.merge(cur, change, allow_deletes=True)
        seconds = time.perf_counter() - started
        with db.transaction(self.conn) as cur:
            staging.drop(cur, change.names)
        return seconds

    def _staged(self, day: int, snapshot: Snapshot) -> merge.Change:
        self.runs += 1
        run_id, as_of = f"{self.name}-{self.runs}", FIRST + timedelta(days=day)
        rows = [
            (
                line,
                id_,
                product.name,
                f"shelf {product.price % 20}",
                attributes(product),
                product.name,
                digest,
                False,
                None,
            )
            for line, (id_, product) in enumerate(snapshot.items())
            for digest in (sha256(product.name),)
        ]
        with db.transaction(self.conn) as cur:
            ledger.open_run(cur, run_id, self.name, as_of, "{}")
            names = staging.Names(ledger.get_run(cur, run_id).run_no)
            staging.create(cur, names)
            staging.add(cur, names, rows)
            staging.seal(cur, names)
        return merge.Change(
            self.name,
            run_id,
            names,
            self.table,
            self.space,
            "generated",
            as_of,
            snapshot=True,
            whole=True,
            max_delete_fraction=1.0,
            max_quarantine_fraction=1.0,
            history=self.history,
        )

    def _embed(self, snapshot: Snapshot) -> None:
        texts = {sha256(product.name): product.name for product in snapshot.values()}
        with db.transaction(self.conn) as cur:
            cur.execute("SELECT sha256 FROM vectorshelf.vectors WHERE space = %s", (self.space,))
            lacking = sorted(texts.keys() - {bytes(digest) for (digest,) in cur.fetchall()})
        for start in range(0, len(lacking), 2048):
            page = lacking[start : start + 2048]
            vectors = np.stack([vector_of(texts[digest], self.table.dimensions) for digest in page])
            with db.transaction(self.conn) as cur:
                writers.write_vectors(cur, self.space, page, vectors, "copy")


def attributes(product: Product) -> str:
    return json.dumps({"price": product.price, "colour": "grey", "maker": f"maker {product.price % 37}", "stock": 7})


def size(conn: db.Connection, *relations: str) -> int:
    with db.transaction(conn) as cur:
        cur.execute("SELECT sum(pg_total_relation_size(r::regclass)) FROM unnest(%s) r", (list(relations),))
        return int(cur.fetchone()[0])


def vacuum(conn: db.Connection, relation: str) -> None:
    with db.autocommit(conn) as cur:
        cur.execute(f"VACUUM ANALYZE {relation}")


def compared(dated: Catalog, day: int, snapshot: Snapshot) -> tuple[list[float], list[float]]:
    """Milliseconds of searches as of the day and in a fresh table, whose answers are asserted to be equal."""
    fresh = Catalog(dated.conn, f"fresh_{day}", dated.table.dimensions, history=False)
    fresh.load(day, snapshot)
    vacuum(fresh.conn, fresh.name)
    as_of, exact = [], []
    for number in range(SEARCHES):
        query = writers.as_text(vector_of(f"question {number}", dated.table.dimensions))
        with db.transaction(dated.conn) as cur:
            started = time.perf_counter()
            mine = time_travel.search(cur, dated.table, FIRST + timedelta(days=day), query, K)
            as_of.append(1000 * (time.perf_counter() - started))
            started = time.perf_counter()
            cur.execute(f"SELECT * FROM search_{fresh.name}(%s, %s)", (query, K))
            exact.append(1000 * (time.perf_counter() - started))
            theirs = {(row[0], row[1], row[4]) for row in cur.fetchall()}
        assert {(hit.id, hit.name, hit.score) for hit in mine} == theirs, f"day {day} answers differently"
    with db.transaction(dated.conn) as cur:
        cur.execute(f"DROP TABLE {fresh.name}")
    return as_of, exact


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--churn", type=float, default=0.01)
    options = parser.parse_args()
    days = list(snapshots(options.products, options.days, options.churn))
    with postgres.server() as server, postgres.fresh_database(server) as url, db.connect(url) as conn:
        dated = Catalog(conn, "dated", options.dimensions, history=True)
        plain = Catalog(conn, "plain", options.dimensions, history=False)
        seconds: dict[str, list[float]] = {"dated": [], "plain": []}
        for day, snapshot in enumerate(days):
            for catalog in (plain, dated):
                seconds[catalog.name].append(catalog.load(day, snapshot))
            if day == 0:
                vacuum(conn, "dated")
                copy = size(conn, "dated")
        oldest = dated.load(-1, days[0] | {"sku-00000000": Product("an older name", 1)})
        vacuum(conn, "vectorshelf.history")
        kept = size(conn, "vectorshelf.history", "vectorshelf.history_dates")
        once = {product.name for snapshot in days for product in snapshot.values()}
        gone = len(once) - len({product.name for product in days[-1].values()})
        per_vector = size(conn, "vectorshelf.vectors") / len(once)
        with db.transaction(conn) as cur:
            rows = time_travel.versions(cur, "dated")
        as_of, exact = [], []
        for day in random.Random(1).sample(range(options.days - 1), min(DATES, options.days - 1)):
            mine, theirs = compared(dated, day, days[day])
            as_of += mine
            exact += theirs
    copies = copy * options.days
    extra = kept + gone * per_vector
    what = f"{options.days} snapshots of {options.products:,} products, {options.churn:.0%} apart"
    print(f"{what}, {options.dimensions} dimensions")
    print("| | MB | of the copies |\n|---|---|---|")
    print(f"| {options.days} full copies of the table | {copies / 1e6:,.1f} | 100% |")
    print(f"| history, {rows:,} rows | {kept / 1e6:,.1f} | {kept / copies:.2%} |")
    print(f"| with the {gone:,} vectors that only it needs | {extra / 1e6:,.1f} | {extra / copies:.2%} |")
    print("\n| load's transaction, seconds | first | median night | one date before all others |\n|---|---|---|---|")
    for name, label in (("plain", "without history"), ("dated", "with history")):
        last = f"{oldest:.2f}" if name == "dated" else ""
        print(f"| {label} | {seconds[name][0]:.2f} | {median(seconds[name][1:]):.2f} | {last} |")
    print(f"\nsearch, median ms: as of a date {median(as_of):.1f}, exactly in a fresh table {median(exact):.1f};")
    print(f"the answers of {len(as_of)} searches on {len(as_of) // SEARCHES} random dates are equal")


if __name__ == "__main__":
    main()
