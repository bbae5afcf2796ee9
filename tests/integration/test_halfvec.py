"""An index of half numbers: half as large, the same answers, and everything that goes with an index works with it."""

import numpy as np
import pytest

from tests.integration.products import Item, Shelf, sha256
from tests.integration.shelves import CATALOG, clustered, make_shelf, stock, top
from tests.integration.test_index import assert_search_uses_the_index, scans, vector_indexes
from vectorshelf.errors import ConfigurationError
from vectorshelf.store import search_function
from vectorshelf.store.db import autocommit, transaction
from vectorshelf.store.index import IndexSpec, ensure_index
from vectorshelf.store.index_memory import ivfflat_bytes
from vectorshelf.store.search import search
from vectorshelf.store.table import ServingTable
from vectorshelf.store.writers import as_text, write_vectors

HALVES = ServingTable("public", "products", 32, storage="halfvec")
FULL = ServingTable("public", "products", 32)


def ensure(conn, table=HALVES, kind="ivfflat", lists=20, **options):
    return ensure_index(conn, table, IndexSpec(kind, 0.95, lists), run_id="r1", catalog=CATALOG, **options)


@pytest.fixture
def vectors(conn):
    made = clustered(3_000, 32)
    make_shelf(conn, HALVES)
    stock(conn, HALVES, made)
    return made


def index_size(conn) -> int:
    with transaction(conn) as cur:
        cur.execute("SELECT pg_relation_size('products_vector_idx')")
        return cur.fetchone()[0]


@pytest.mark.parametrize("kind", ["ivfflat", "hnsw"])
def test_searches_go_through_an_index_of_halves_with_and_without_a_category(conn, vectors, kind, monkeypatch):
    monkeypatch.setattr(search_function, "FEW", 100)
    outcome = ensure(conn, kind=kind)
    assert (outcome.action, outcome.type) == ("built", kind)
    assert outcome.recall >= 0.95
    assert "((embedding)::halfvec(32)) halfvec_cosine_ops" in vector_indexes(conn)["products_vector_idx"][1]
    assert_search_uses_the_index(conn, HALVES)
    with autocommit(conn) as cur:
        cur.execute("SET enable_bitmapscan = off")
    before = scans(conn)
    assert len(search(conn, HALVES, as_text(vectors[5]), 10, "Phones")) == 10
    assert scans(conn) > before


def test_it_takes_half_the_room(conn):
    wide = ServingTable("public", "products", 512, storage="halfvec")
    make_shelf(conn, wide)
    stock(conn, wide, clustered(2_000, 512))
    ensure(conn, ServingTable("public", "products", 512))
    full = index_size(conn)
    ensure(conn, wide)
    assert index_size(conn) < 0.6 * full


@pytest.mark.parametrize("metric", ["cosine", "ip", "l2"])
@pytest.mark.parametrize("category", [None, "Phones"])
def test_neighbours_that_halves_cannot_tell_apart_come_in_the_order_of_full_numbers(
    conn, metric, category, monkeypatch
):
    """Ten products closer to each other than a half number can say: through the index, best first by what they are."""
    monkeypatch.setattr(search_function, "FEW", 100)
    table = ServingTable("public", "products", 32, metric, "halfvec")
    vectors = clustered(1_000, 32)
    vectors[:15] = vectors[0] + np.linspace(0, 5e-5, 15)[::-1, None] * clustered(1, 32, seed=5)
    make_shelf(conn, table)
    stock(conn, table, vectors, ("Phones",))
    ensure(conn, table)
    with autocommit(conn) as cur:
        cur.execute("ALTER TABLE products ADD COLUMN distance real")  # a user's own column may be called anything
        cur.execute("SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off")
    hits = search(conn, table, as_text(vectors[14]), 10, category)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    if metric == "l2":
        assert [hit.id for hit in hits] == [f"p{number}" for number in range(14, 4, -1)]


def test_another_storage_rebuilds_and_the_search_changes_with_it(conn, vectors):
    assert ensure(conn, FULL).action == "built"
    changed = ensure(conn, HALVES)
    assert (changed.action, changed.reason) == ("rebuilt", "index.storage changed from vector to halfvec")
    assert_search_uses_the_index(conn, HALVES)
    assert ensure(conn, HALVES).action == "kept"
    assert ensure(conn, FULL).reason == "index.storage changed from halfvec to vector"
    assert_search_uses_the_index(conn, FULL)


@pytest.mark.parametrize("kind", ["ivfflat", "hnsw"])
def test_3072_dimensions_are_indexed_and_found(conn, kind):
    table = ServingTable("public", "products", 3_072, storage="halfvec")
    vectors = clustered(600, 3_072)
    make_shelf(conn, table)
    stock(conn, table, vectors)
    outcome = ensure(conn, table, kind, 5)
    assert outcome.recall >= 0.95
    queries = clustered(20, 3_072, seed=9)
    found = 0
    for query in queries:
        truth = {f"p{number}" for number in top(vectors, query, 10)}
        found += len(truth & {hit.id for hit in search(conn, table, as_text(query), 10)})
    assert found / 200 >= 0.95


def test_the_memory_that_is_computed_is_what_pgvector_demands_for_halves(conn):
    table = ServingTable("public", "exact", 64, storage="halfvec")
    make_shelf(conn, table)
    stock(conn, table, clustered(12_000, 64))
    need = ivfflat_bytes(64, 200, "halfvec")
    statement = "CREATE INDEX ON exact USING ivfflat ((embedding::halfvec(64)) halfvec_cosine_ops) WITH (lists = 200)"
    with autocommit(conn) as cur:
        cur.execute(f"SET maintenance_work_mem = '{int(need * 0.95) // 1024}kB'")
        with pytest.raises(Exception, match="memory required is"):
            cur.execute(statement)
        cur.execute(f"SET maintenance_work_mem = '{need // 1024 + 1}kB'")
        cur.execute(statement)


def test_a_number_that_halves_cannot_hold_is_refused_at_the_build_and_the_old_index_stays(conn, vectors):
    ensure(conn, FULL)
    before = vector_indexes(conn)
    stock(conn, HALVES, np.full((1, 32), 70_000, np.float32), first=9_000)
    with pytest.raises(ConfigurationError, match=r"a number over 65,504.*set index.storage to vector"):
        ensure(conn, HALVES)
    assert vector_indexes(conn) == before


def test_and_at_a_load_which_goes_through_once_the_index_is_replaced(conn):
    shelf = Shelf(conn, table=HALVES)

    def load(number: int, value: float) -> None:
        text = f"text {number}"
        with transaction(conn) as cur:
            write_vectors(cur, shelf.space, [sha256(text)], np.full((1, 32), value, np.float32), "copy")
        change = shelf.change(number)
        shelf.stage(change, {"a": Item(text)})
        shelf.merge(change)

    load(1, 1.0)
    ensure(conn, HALVES)
    with pytest.raises(ConfigurationError, match="run maintain_indexes"):
        load(2, 70_000)
    ensure(conn, FULL)
    load(3, 70_000)
