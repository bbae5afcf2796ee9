"""The recall that is stored is the recall that searches have: checked against numpy, which owes Postgres nothing."""

import numpy as np
import pytest

from tests.integration.shelves import CATALOG, clustered, make_shelf, stock, top
from vectorshelf.store.db import transaction
from vectorshelf.store.index import Bounds, IndexSpec, Sampling, ensure_index
from vectorshelf.store.recall import Knob, measure
from vectorshelf.store.search import search
from vectorshelf.store.table import ServingTable
from vectorshelf.store.writers import as_text

ROWS = 6_000
HARD = {"clusters": 1, "spread": 1.0}  # no clusters to speak of: neighbours lie in many lists


@pytest.fixture
def table():
    return ServingTable("public", "products", 32)


@pytest.fixture
def vectors(conn, table):
    made = clustered(ROWS, 32, **HARD)
    make_shelf(conn, table)
    stock(conn, table, made)
    return made


def recall_of_searches(conn, table, vectors, queries, k=10) -> float:
    """What a user gets from the search function, against the true neighbours."""
    hits = 0
    for query in queries:
        found = {hit.id for hit in search(conn, table, as_text(query), k)}
        hits += len(found & {f"p{number}" for number in top(vectors, query, k)})
    return hits / (k * len(queries))


def ensure(conn, table, **options):
    spec = IndexSpec("ivfflat", options.pop("target", 0.95), options.pop("lists", 40))
    return ensure_index(conn, table, spec, run_id="r1", catalog=CATALOG, **options)


def test_fresh_searches_reach_the_target(conn, table, vectors):
    outcome = ensure(conn, table)
    fresh = clustered(200, 32, seed=99, **HARD)
    assert recall_of_searches(conn, table, vectors, fresh) >= 0.95
    assert 1 < outcome.probes < 40


def test_the_probes_chosen_are_the_smallest_whose_lower_bound_is_at_the_target(conn, table, vectors):
    outcome = ensure(conn, table)
    with transaction(conn) as cur:
        cur.execute("SELECT curve FROM vectorshelf.index_log WHERE action = 'built'")
        curve = {point["probes"]: point for point in cur.fetchone()[0]["points"]}
    assert curve[outcome.probes]["floor"] >= 0.95
    assert curve[outcome.probes]["recall"] == outcome.recall
    below = max(probes for probes in curve if probes < outcome.probes)
    assert curve[below]["floor"] < 0.95
    assert below >= outcome.probes - max(1, outcome.probes // 20)


@pytest.mark.parametrize("metric", ["cosine", "ip", "l2"])
def test_measured_recall_is_what_numpy_says_for_the_same_queries(conn, metric):
    table = ServingTable("public", f"shelf_{metric}", 32, metric)
    lengths = np.random.default_rng(5).uniform(0.5, 2.0, (2_000, 1)).astype(np.float32)
    vectors = clustered(2_000, 32, **HARD) * lengths
    queries = clustered(50, 32, seed=3, **HARD)
    make_shelf(conn, table)
    stock(conn, table, vectors)
    ensure(conn, table, lists=20)
    found = measure(conn, table, Knob("ivfflat.probes", 3, 20), 0.9, given=queries)
    for point in found.points:
        assert point.recall == pytest.approx(recall_by_hand(conn, table, vectors, queries, point.probes), abs=0.005)
    assert found.source == "given"
    assert len(found.points) > 1


def recall_by_hand(conn, table, vectors, queries, probes) -> float:
    operator = {"cosine": "<=>", "ip": "<#>", "l2": "<->"}[table.metric]
    share = 0.0
    with transaction(conn) as cur:
        cur.execute("SELECT '[1]'::vector; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        cur.execute(f"SET LOCAL ivfflat.probes = {probes}")
        for query in queries:
            cur.execute(
                f"SELECT id FROM {table.label} ORDER BY embedding {operator} %s::vector LIMIT 10", (as_text(query),)
            )
            found = {int(name[1:]) for (name,) in cur.fetchall()}
            share += len(found & set(nearest(vectors, query, table.metric))) / 10
    return share / len(queries)


def nearest(vectors, query, metric):
    scores = {
        "cosine": vectors @ query / np.linalg.norm(vectors, axis=1),
        "ip": vectors @ query,
        "l2": -np.linalg.norm(vectors - query, axis=1),
    }[metric]
    return np.argsort(-scores)[:10]


def test_a_sampled_row_is_not_credited_for_finding_itself_or_its_copies(conn, table):
    """Pairs of equal rows, everything else far away in lists of its own: with credit for copies recall would be 1."""
    vectors = clustered(3_000, 32, **HARD)
    vectors = np.vstack([vectors, vectors])
    make_shelf(conn, table)
    stock(conn, table, vectors)
    ensure(conn, table)
    with transaction(conn) as cur:
        cur.execute("SELECT id FROM products ORDER BY hashtextextended(id, 0) LIMIT 200")
        queries = [int(name[1:]) for (name,) in cur.fetchall()]
    found = measure(conn, table, Knob("ivfflat.probes", 1, 40), 0.01, seed=0)
    assert found.chosen.probes == 1
    by_hand = recall_without_copies(conn, vectors, queries, probes=1)
    assert found.chosen.recall == pytest.approx(by_hand, abs=0.005)
    assert found.chosen.recall < 0.9


def recall_without_copies(conn, vectors, queries, probes) -> float:
    share = 0.0
    with transaction(conn) as cur:
        cur.execute("SELECT '[1]'::vector; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        cur.execute(f"SET LOCAL ivfflat.probes = {probes}")
        for number in queries:
            cur.execute(
                "SELECT id FROM products ORDER BY embedding <=> %s::vector LIMIT 12", (as_text(vectors[number]),)
            )
            found = [int(name[1:]) for (name,) in cur.fetchall()]
            copies = {number, (number + 3_000) % 6_000}
            others = [other for other in found if other not in copies][:10]
            scores = vectors @ vectors[number]
            scores[list(copies)] = -9
            truth = np.sort(scores)[-10]
            share += sum(scores[other] >= truth - 1e-6 for other in others) / 10
    return share / len(queries)


def test_queries_of_people_are_used_when_there_are_some_and_only_when_recall_is_measured(conn, table, vectors):
    asked = []

    def queries():
        asked.append(True)
        return clustered(40, 32, seed=5, **HARD)

    sampling = Sampling(queries)
    ensure(conn, table, sampling=sampling)
    ensure(conn, table, sampling=sampling)
    assert len(asked) == 1
    with transaction(conn) as cur:
        cur.execute("SELECT curve->>'source', (curve->>'queries')::int FROM vectorshelf.index_log ORDER BY build_id")
        assert cur.fetchall() == [("given", 40), (None, None)]


def test_a_measurement_costs_no_more_queries_than_its_bounds(conn, table, vectors):
    ensure(conn, table, sampling=Sampling(bounds=Bounds(queries=30, least=10)))
    with transaction(conn) as cur:
        cur.execute("SELECT (curve->>'queries')::int FROM vectorshelf.index_log")
        assert cur.fetchone() == (30,)


def test_a_measurement_that_is_slow_is_cut_to_the_least(conn, table, vectors):
    ensure(conn, table)
    ticks = iter(range(0, 10**9, 100))
    bounds = Bounds(queries=200, least=10, seconds=60)
    found = measure(conn, table, Knob("ivfflat.probes", 6, 40), 0.95, bounds=bounds, clock=lambda: next(ticks))
    assert found.queries == 10


@pytest.mark.parametrize("rows", [1, 2, 5, 11, 300])
def test_a_table_of_a_few_rows_has_a_measured_index_too(conn, table, rows):
    make_shelf(conn, table)
    stock(conn, table, clustered(rows, 32))
    outcome = ensure(conn, table, lists=None)
    assert (outcome.action, outcome.lists, outcome.probes, outcome.recall) == ("built", 1, 1, 1.0)
    query = clustered(1, 32, seed=8)[0]
    assert len(search(conn, table, as_text(query), 20)) == min(rows, 20)


def test_hnsw_reaches_the_target_by_its_own_setting(conn, table, vectors):
    outcome = ensure_index(conn, table, IndexSpec("hnsw", 0.98), run_id="r1", catalog=CATALOG)
    fresh = clustered(100, 32, seed=99, **HARD)
    assert (outcome.type, outcome.lists) == ("hnsw", None)
    assert recall_of_searches(conn, table, vectors, fresh) >= 0.97
    assert outcome.recall >= 0.98
