"""`search_<table>`: what users call from any client, with no settings of their own."""

import numpy as np
import psycopg2
import pytest

from tests.integration.shelves import CATALOG, clustered, make_shelf, stock, top
from vectorshelf.errors import ConfigurationError
from vectorshelf.store import search_function
from vectorshelf.store.db import transaction
from vectorshelf.store.index import IndexSpec, ensure_index
from vectorshelf.store.search import search, search_hybrid
from vectorshelf.store.search_function import create_search_function, read_knobs, set_knobs
from vectorshelf.store.table import ServingTable
from vectorshelf.store.writers import as_text

TABLE = ServingTable("public", "products", 24)
ROWS = 4_000


@pytest.fixture
def vectors(conn):
    made = clustered(ROWS, 24, clusters=30)
    make_shelf(conn, TABLE)
    stock(conn, TABLE, made)
    return made


def ensure(conn, table=TABLE, kind="ivfflat", lists=40):
    return ensure_index(conn, table, IndexSpec(kind, 0.95, lists), run_id="r1", catalog=CATALOG)


def recategorise(conn, category: str, condition: str) -> None:
    with transaction(conn) as cur:
        cur.execute(f"UPDATE products SET category = %s WHERE {condition}", (category,))


@pytest.mark.parametrize(
    ("metric", "score"),
    [
        ("cosine", lambda rows, query: rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)),
        ("ip", lambda rows, query: rows @ query),
        ("l2", lambda rows, query: 1 / (1 + np.linalg.norm(rows - query, axis=1))),
    ],
)
def test_scores_are_the_metrics_and_fall_from_the_first_result_on(conn, metric, score):
    table = ServingTable("public", f"shelf_{metric}", 24, metric)
    vectors = clustered(500, 24) * np.random.default_rng(2).uniform(0.5, 2, (500, 1)).astype(np.float32)
    make_shelf(conn, table)
    stock(conn, table, vectors)
    ensure(conn, table, lists=None)
    query = clustered(1, 24, seed=9)[0]
    hits = search(conn, table, as_text(query), 25)
    expected = score(vectors, query)
    order = np.argsort(-expected)[:25]
    assert [hit.id for hit in hits] == [f"p{number}" for number in order]
    assert [hit.score for hit in hits] == pytest.approx(list(expected[order]), abs=1e-5)


@pytest.mark.parametrize("kind", ["ivfflat", "hnsw", "none"])
@pytest.mark.parametrize("few", [search_function.FEW, 0])  # read whole, and through the index
def test_a_rare_category_gives_all_its_rows_best_first(conn, vectors, monkeypatch, kind, few):
    monkeypatch.setattr(search_function, "FEW", few)
    recategorise(conn, "Rare", "id IN ('p7', 'p1500', 'p2900', 'p3999')")
    ensure(conn, kind=kind)
    query = vectors[7] + 0.01
    hits = search(conn, TABLE, as_text(query), 10, "Rare")
    rare = [7, 1500, 2900, 3999]
    best_first = [rare[place] for place in top(vectors[rare], query, 4)]
    assert [hit.id for hit in hits] == [f"p{number}" for number in best_first]
    assert {hit.category for hit in hits} == {"Rare"}


@pytest.mark.parametrize("kind", ["ivfflat", "hnsw"])
def test_a_category_in_between_gives_k_rows_from_the_index(conn, vectors, monkeypatch, kind):
    """150 of 4,000 rows in clusters of their own: the lists near most queries hold none of them."""
    monkeypatch.setattr(search_function, "FEW", 20)
    far = top(vectors, vectors[0], 150)
    with transaction(conn) as cur:
        cur.execute("UPDATE products SET category = 'Far' WHERE id = ANY (%s)", ([f"p{number}" for number in far],))
    ensure(conn, kind=kind)
    for query in clustered(20, 24, clusters=30, seed=5):
        hits = search(conn, TABLE, as_text(query), 30, "Far")
        assert len(hits) == 30
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert {hit.category for hit in hits} == {"Far"}


def test_a_category_nobody_has_gives_nothing(conn, vectors):
    ensure(conn)
    assert search(conn, TABLE, as_text(vectors[0]), 10, "Nothing") == []


@pytest.mark.parametrize("kind", ["ivfflat", "hnsw"])
def test_more_results_than_the_probed_lists_hold_are_still_given(conn, vectors, kind):
    ensure(conn, kind=kind)
    with transaction(conn) as cur:
        set_knobs(cur, TABLE, {"ivfflat.probes": 1, "hnsw.ef_search": 10})
        cur.execute("SET enable_seqscan = off")
    hits = search(conn, TABLE, as_text(vectors[0]), 1_000)
    assert len(hits) == 1_000
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_role_that_may_only_select_can_search(conn, vectors, database_url):
    ensure(conn)
    role = f"reader_{conn.info.backend_pid}"
    with transaction(conn) as cur:
        cur.execute(f"CREATE ROLE {role}")
        cur.execute(f"GRANT SELECT ON products TO {role}")
    reader = psycopg2.connect(database_url.get_secret_value(), options=f"-c role={role}")
    try:
        with reader.cursor() as cur:
            cur.execute(
                "SELECT id, score FROM search_products(%s, k => 3, category => 'Phones')", (as_text(vectors[1]),)
            )
            assert cur.fetchone()[0] == "p1"
        with pytest.raises(psycopg2.errors.InsufficientPrivilege), reader.cursor() as cur:
            cur.execute("DELETE FROM products")
    finally:
        reader.close()
        with transaction(conn) as cur:
            cur.execute(f"DROP OWNED BY {role}")
            cur.execute(f"DROP ROLE {role}")


def test_the_function_works_whatever_the_callers_search_path_is(conn, vectors, database_url):
    ensure(conn)
    stranger = psycopg2.connect(database_url.get_secret_value(), options="-c search_path=pg_catalog")
    try:
        with stranger.cursor() as cur:
            cur.execute("SELECT id FROM public.search_products(%s::public.vector, 1)", (as_text(vectors[5]),))
            assert cur.fetchone() == ("p5",)
    finally:
        stranger.close()


def test_the_first_search_of_a_session_has_the_right_probes_and_leaves_the_sessions_own(conn, vectors, database_url):
    """Before pgvector is loaded its settings are unknown names; with one probe of forty this query misses."""
    ensure(conn)
    with transaction(conn) as cur:
        set_knobs(cur, TABLE, {"ivfflat.probes": 40})
    between = list(clustered(60, 24, clusters=1, spread=1, seed=6))
    fresh = psycopg2.connect(database_url.get_secret_value(), options="-c enable_seqscan=off -c enable_sort=off")
    try:
        for query in between:
            with fresh.cursor() as cur:
                cur.execute("SELECT id FROM search_products(%s)", (as_text(query),))
                assert [name for (name,) in cur.fetchall()] == [f"p{number}" for number in top(vectors, query, 10)]
        with fresh.cursor() as cur:
            cur.execute("SHOW ivfflat.probes")
            assert cur.fetchone() == ("1",)
    finally:
        fresh.close()


@pytest.mark.parametrize("kind", ["ivfflat", "hnsw"])
def test_a_filtered_search_leaves_both_knobs_of_a_longer_transaction_as_they_were(conn, vectors, monkeypatch, kind):
    monkeypatch.setattr(search_function, "FEW", 20)
    ensure(conn, kind=kind)
    with transaction(conn) as cur:
        cur.execute("SET LOCAL ivfflat.probes = 3; SET LOCAL hnsw.ef_search = 70")
        cur.execute("SELECT count(*) FROM search_products(%s, 5, 'Phones')", (as_text(vectors[3]),))
        assert cur.fetchone() == (5,)
        cur.execute("SELECT current_setting('ivfflat.probes'), current_setting('hnsw.ef_search')")
        assert cur.fetchone() == ("3", "70")


def test_a_query_of_another_width_is_refused_with_both_numbers(conn, vectors):
    ensure(conn)
    with pytest.raises(ConfigurationError, match="the query has 3 numbers, the table holds vectors of 24"):
        search(conn, TABLE, "[1,2,3]", 5)


@pytest.mark.parametrize("k", [0, -1, None])
def test_no_results_cannot_be_asked_for(conn, vectors, k):
    ensure(conn)
    with pytest.raises(ConfigurationError, match="must be 1 or more"):
        search(conn, TABLE, as_text(vectors[0]), k)


def test_a_table_that_was_never_loaded_says_what_to_run(conn):
    with pytest.raises(ConfigurationError, match="vectorshelf run"):
        search(conn, TABLE, "[1]", 5)


def test_rewriting_the_function_keeps_its_probes_and_doing_it_again_changes_nothing(conn, vectors):
    ensure(conn)
    with transaction(conn) as cur:
        set_knobs(cur, TABLE, {"ivfflat.probes": 17})
        cur.execute(
            "CREATE OR REPLACE FUNCTION probe_row() RETURNS xid LANGUAGE sql AS"
            " $$ SELECT xmin FROM pg_proc WHERE proname = 'search_products' $$"
        )
        cur.execute("SELECT probe_row()")
        before = cur.fetchone()
    with transaction(conn) as cur:
        create_search_function(cur, TABLE)
        cur.execute("SELECT probe_row()")
        assert cur.fetchone() == before
        create_search_function(cur, ServingTable("public", "products", 24, "l2"))
        assert read_knobs(cur, TABLE) == {"ivfflat.probes": 17}


def test_filtered_searches_recall_what_unfiltered_ones_do(conn, vectors, monkeypatch):
    """The nearest rows of one category lie further away than the nearest of all, so more lists are probed for them."""
    monkeypatch.setattr(search_function, "FEW", 100)
    hard = clustered(ROWS, 24, clusters=1, spread=1.0)
    with transaction(conn) as cur:
        cur.execute("DELETE FROM products")
    stock(conn, TABLE, hard, ("Even", "Odd"))
    ensure(conn)
    with transaction(conn) as cur:
        cur.execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off")
    even = hard[::2]
    hits = 0
    for query in clustered(100, 24, clusters=1, spread=1.0, seed=8):
        truth = {f"p{2 * place}" for place in top(even, query, 10)}
        hits += len(truth & {hit.id for hit in search(conn, TABLE, as_text(query), 10, "Even")})
    assert hits / 1_000 >= 0.95


def test_hybrid_search_finds_a_product_by_its_name_and_one_by_its_meaning(conn, vectors):
    ensure(conn)
    with transaction(conn) as cur:
        cur.execute("UPDATE products SET name = 'Sony WH-1000XM5' WHERE id = 'p99'")
    hits = search_hybrid(conn, TABLE, as_text(vectors[3]), "the WH-1000XM5 & friends", 5)
    assert {hits[0].id, hits[1].id} == {"p99", "p3"}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.mark.parametrize(
    "text", ["", "'", "!!! & | <->", "a:b*", "\\", "''; DROP TABLE products; --", "https://x.y/?a=1&b=2"]
)
def test_hybrid_search_takes_any_text(conn, vectors, text):
    ensure(conn)
    assert len(search_hybrid(conn, TABLE, as_text(vectors[3]), text, 5)) == 5


def test_hybrid_search_keeps_to_the_category(conn, vectors):
    ensure(conn)
    hits = search_hybrid(conn, TABLE, as_text(vectors[3]), "product 17", 8, "Cameras")
    assert len(hits) == 8
    assert {hit.category for hit in hits} == {"Cameras"}
