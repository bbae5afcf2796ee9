"""Readers who never pause, while the table they search changes its model and goes back.

Two kinds of them: `vectorshelf search`, which embeds with the model of the table, whatever the file says; and SQL as
docs/operations.md has it: ask the table for its model, then search, in one transaction.
VECTORSHELF_READERS=20 VECTORSHELF_PRODUCTS=20000 is the size whose figures the project states (`-s` prints them).
"""

import os
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import psycopg2
import pytest

from tests.integration.shop import Row, Shop
from vectorshelf import pipeline
from vectorshelf.pipeline import embedding
from vectorshelf.store.writers import as_text

READERS = int(os.environ.get("VECTORSHELF_READERS", "4"))
PRODUCTS = int(os.environ.get("VECTORSHELF_PRODUCTS", "600"))
TARGET = 0.95
THINGS = ["lamp", "laptop", "pear", "bicycle", "sofa", "camera", "novel", "kettle", "guitar", "tent"]
LOOKS = ["red", "wooden", "portable", "old", "quiet", "tiny", "Italian", "broken", "waterproof", "cheap"]
QUERIES = [f"{look} {thing}" for look, thing in zip(LOOKS, reversed(THINGS), strict=True)]
ROWS: list[Row] = [
    (str(n), f"{LOOKS[n % 10]} {THINGS[n // 10 % 10]} number {n}", THINGS[n // 10 % 10], "1.00")
    for n in range(PRODUCTS)
]
SMALL, LARGE = "text-embedding-3-small", "text-embedding-3-large"

Space = tuple[str, int]


@dataclass
class Readers:
    """What they asked in which phase, and what they found: with the space of the query, to be judged later."""

    catalog: Shop
    vectors: dict[Space, list[str]]
    phase: str = "quiet"
    found: dict[str, list[tuple[Space, int, list[str]]]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    commands: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    failures: list[Exception] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def start(self) -> list[threading.Thread]:
        kinds = [self.command if number % 4 == 0 else self.sql for number in range(READERS)]
        threads = [threading.Thread(target=self._watched, args=(kind, 3 * n)) for n, kind in enumerate(kinds)]
        for thread in threads:
            thread.start()
        return threads

    def _watched(self, read, turn: int) -> None:
        try:
            read(turn)
        except Exception as error:  # noqa: BLE001 - whatever a reader meets is the finding
            self.failures.append(error)

    def command(self, turn: int) -> None:
        """What `vectorshelf search` does, with the file that names the new model from the start."""
        while not self.done.is_set():
            turn, phase = turn + 1, self.phase
            text = QUERIES[turn % len(QUERIES)]
            answer = pipeline.search(self.catalog.catalog, text, self.catalog.settings)
            assert len(answer["results"]) == 10
            self.commands[phase] += 1

    def sql(self, turn: int) -> None:
        """A shop's own server, which has a vector of the query by each model."""
        session = psycopg2.connect(self.catalog.settings.database_url.get_secret_value())
        try:
            while not self.done.is_set():
                turn += 1
                self.one(session, turn % len(QUERIES))
        finally:
            session.close()

    def one(self, session, number: int) -> None:
        phase, started = self.phase, time.perf_counter()
        with session, session.cursor() as cur:
            cur.execute("SELECT model, vector_dims(embedding) FROM products LIMIT 1")
            space = cur.fetchone()
            cur.execute("SELECT id FROM search_products(%s::vector)", (self.vectors[space][number],))
            ids = [id_ for (id_,) in cur.fetchall()]
        self.seconds[phase].append(time.perf_counter() - started)
        self.found[phase].append((space, number, ids))

    def wait(self, phase: str, threads: list[threading.Thread]) -> None:
        """Until this phase has been read from by both kinds, or a reader has failed."""
        self.phase = phase
        while not self.failures and any(thread.is_alive() for thread in threads):
            if len(self.found[phase]) >= 10 * READERS and self.commands[phase] >= 2:
                return
            time.sleep(0.01)


@pytest.mark.parametrize("sizes", ["other dimensions", "the same dimensions"])
def test_readers_meet_no_error_no_gap_and_no_mixture(tmp_path, database_url, standin, sizes):
    old, new = shops(tmp_path, database_url, standin, sizes)
    old.run(1, ROWS)
    readers = Readers(new, {space(shop): query_vectors(shop) for shop in (old, new)})
    threads = readers.start()
    readers.wait("quiet", threads)
    readers.phase = "change"
    assert new.run(2, ROWS)["model_change"]["made"]
    readers.wait("changed", threads)
    readers.phase = "way back"
    pipeline.rollback(old.catalog, old.settings)
    readers.wait("as before", threads)
    readers.done.set()
    for thread in threads:
        thread.join()
    report(readers)
    assert readers.failures == []
    judge(readers, {space(old): "products", space(new): "products__previous"})


def shops(tmp_path, database_url, standin, sizes: str) -> list[Shop]:
    local = [{"provider": "local", "dimensions": size} for size in (64, 128)]
    limits = {"requests_per_minute": 1_000_000, "tokens_per_minute": 1_000_000_000}
    paid = [
        {"base_url": standin.base_url, "model": model, "dimensions": 64, "usd_per_million_tokens": 1.0, **limits}
        for model in (SMALL, LARGE)
    ]
    return [
        Shop(tmp_path, database_url, embedding=section) for section in (local if sizes == "other dimensions" else paid)
    ]


def space(shop: Shop) -> Space:
    return shop.catalog.embedding.model, shop.catalog.embedding.dimensions


def query_vectors(shop: Shop) -> list[str]:
    return [as_text(embedding.embed_query(shop.catalog, text, shop.settings)) for text in QUERIES]


def judge(readers: Readers, tables: dict[Space, str]) -> None:
    """Ten results each time, of the true ones in the query's own space as many as the index owes."""
    truths = {space: true_tens(readers, space, table) for space, table in tables.items()}
    for phase, searches in readers.found.items():
        assert {len(ids) for _, _, ids in searches} == {10}, phase
        shares = [len(set(ids) & truths[space][number]) / 10 for space, number, ids in searches]
        assert np.mean(shares) >= TARGET - 0.02, phase
        assert min(shares) > 0, phase
    assert {space for space, _, _ in readers.found["changed"]} == {space(readers.catalog)}
    assert space(readers.catalog) not in {found for found, _, _ in readers.found["as before"]}


def true_tens(readers: Readers, space: Space, table: str) -> list[set[str]]:
    rows = readers.catalog.query(f"SELECT id, embedding::real[] FROM {table}")
    ids, vectors = [id_ for id_, _ in rows], np.array([vector for _, vector in rows])
    tens = []
    for text in readers.vectors[space]:
        scores = vectors @ np.fromstring(text[1:-1], sep=",")
        # Products of one name but for their number may be equally near: all of them are true.
        tens.append({ids[row] for row in np.flatnonzero(scores >= np.sort(scores)[-10] - 1e-6)})
    return tens


def report(readers: Readers) -> None:
    for phase, seconds in readers.seconds.items():
        print(
            f"\n{phase}: {READERS} readers, {len(seconds):,} searches by SQL, {readers.commands[phase]} by command, "
            f"median {1000 * np.median(seconds):.1f} ms, p99 {1000 * np.quantile(seconds, 0.99):.1f} ms, "
            f"longest {1000 * max(seconds):.0f} ms"
        )
