"""Readers who never pause, while every product is replaced and the index is built anew.

VECTORSHELF_READERS=20 VECTORSHELF_PRODUCTS=20000 is the size whose figures the project states (`-s` prints them).
"""

import os
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import psycopg2

from tests.integration.products import Item, Shelf, sha256
from tests.integration.shelves import clustered, top
from vectorshelf.store import upkeep
from vectorshelf.store.db import transaction
from vectorshelf.store.index import IndexSpec, ensure_index
from vectorshelf.store.search import search
from vectorshelf.store.table import ServingTable
from vectorshelf.store.writers import as_text, write_vectors

READERS = int(os.environ.get("VECTORSHELF_READERS", "4"))
ROWS = int(os.environ.get("VECTORSHELF_PRODUCTS", "3000"))
DIMENSIONS = 64
TARGET = 0.95
TABLE = ServingTable("public", "products", DIMENSIONS)
QUERIES = clustered(60, DIMENSIONS, seed=99)


@dataclass
class Readers:
    """What they met, by phase."""

    url: str
    truths: list[list[set[str]]]  # for each state of the table, for each query, the true ten
    phase: str = "quiet"
    shares: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def read(self, first: int) -> None:
        session = psycopg2.connect(self.url)
        try:
            turn = first
            while not self.done.is_set():
                self.one(session, turn % len(QUERIES))
                turn += 1
        except Exception as error:  # noqa: BLE001 - whatever a reader meets is the finding
            self.failures.append(error)
        finally:
            session.close()

    def one(self, session, number: int) -> None:
        phase, started = self.phase, time.perf_counter()
        found = {hit.id for hit in search(session, TABLE, as_text(QUERIES[number]), 10)}
        self.seconds.setdefault(phase, []).append(time.perf_counter() - started)
        # A reader sees the catalog before the load or after it, never both.
        self.shares.setdefault(phase, []).append(max(len(found & truth[number]) / 10 for truth in self.truths))
        if len(found) < 10:
            self.failures.append(LookupError(f"{phase}: query {number} found {len(found)} products of ten"))


def test_readers_meet_no_error_no_gap_and_no_loss_of_recall(conn, database_url):
    shelf = Shelf(conn, table=TABLE)
    states = [stored(shelf, version) for version in (1, 2)]
    load(shelf, 1)
    readers = Readers(database_url.get_secret_value(), [true_tens(vectors) for vectors in states])
    threads = [threading.Thread(target=readers.read, args=(7 * number,)) for number in range(READERS)]
    for thread in threads:
        thread.start()
    wait_for_reads(readers, "quiet", threads)
    readers.phase = "reload"
    load(shelf, 2, and_index=False)
    wait_for_reads(readers, "reload", threads)
    readers.phase = "rebuild"
    index(shelf, rebuild=True)
    upkeep.vacuum(conn, TABLE, catalog="shop")
    wait_for_reads(readers, "rebuild", threads)
    readers.done.set()
    for thread in threads:
        thread.join()
    report(readers)
    assert readers.failures == []
    for phase, shares in readers.shares.items():
        assert np.mean(shares) >= TARGET, phase


def stored(shelf: Shelf, version: int):
    vectors = clustered(ROWS, DIMENSIONS, seed=version)
    hashes = [sha256(text(number, version)) for number in range(ROWS)]
    with transaction(shelf.conn) as cur:
        write_vectors(cur, shelf.space, hashes, vectors, "copy")
    return vectors


def text(number: int, version: int) -> str:
    return f"product {number} in version {version}"


def true_tens(vectors) -> list[set[str]]:
    return [{f"p{row}" for row in top(vectors, query, 10)} for query in QUERIES]


def load(shelf: Shelf, version: int, *, and_index: bool = True) -> None:
    change = shelf.change(version)
    shelf.stage(change, {f"p{number}": Item(text(number, version)) for number in range(ROWS)})
    assert shelf.merge(change).difference.writes == ROWS
    if and_index:
        index(shelf)


def index(shelf: Shelf, *, rebuild: bool = False) -> None:
    outcome = ensure_index(
        shelf.conn, TABLE, IndexSpec("ivfflat", TARGET), run_id="r1", catalog="shop", rebuild=rebuild
    )
    assert outcome.action == ("rebuilt" if rebuild else "built")


def wait_for_reads(readers: Readers, phase: str, threads) -> None:
    """Until every reader has searched in this phase, or has failed."""
    while len(readers.shares.get(phase, [])) < 10 * READERS and any(thread.is_alive() for thread in threads):
        time.sleep(0.01)


def report(readers: Readers) -> None:
    for phase, seconds in readers.seconds.items():
        shares = readers.shares[phase]
        print(
            f"{phase}: {len(seconds):,} searches by {READERS} readers, recall {np.mean(shares):.3f}, "
            f"median {1000 * np.median(seconds):.1f} ms, p99 {1000 * np.quantile(seconds, 0.99):.1f} ms"
        )
