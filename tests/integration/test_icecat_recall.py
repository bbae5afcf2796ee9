"""Recall on real products, with search texts that no measurement has seen."""

import asyncio

import numpy as np
import pytest

from tests.integration.shop import Shop
from vectorshelf.embed.local import LocalEmbedder
from vectorshelf.pipeline.context import serving_table
from vectorshelf.store.db import transaction
from vectorshelf.store.query_sample import sample_texts
from vectorshelf.store.search import search
from vectorshelf.store.writers import as_text


@pytest.fixture
def shop(tmp_path, database_url, icecat):
    found = Shop(
        tmp_path,
        database_url,
        columns={"id": "id", "name": "title", "category": "supplier"},
        text="{title} {short_description}",
    )
    found.figures = found.run(1, source=str(icecat / "products.csv.gz"))
    return found


def vectors_of_fresh_texts(conn, table):
    embedder = LocalEmbedder("wordllama-l2-supercat", 256)
    return asyncio.run(embedder.embed(sample_texts(conn, table, 200, seed=4711))).vectors


def test_icecat_is_found_by_fresh_search_texts_as_well_as_promised(shop, conn):
    table = serving_table(shop.catalog)
    queries = vectors_of_fresh_texts(conn, table)
    assert shop.figures["index"]["recall"] >= 0.95
    assert np.mean([recall(conn, table, query) for query in queries]) >= 0.95
    measured = shop.query("SELECT curve->>'source' FROM vectorshelf.index_log WHERE action = 'built'")
    assert measured == [("given",)]


def recall(conn, table, query) -> float:
    found = [hit.score for hit in search(conn, table, as_text(query), 10)]
    with transaction(conn) as cur:
        cur.execute("SET LOCAL enable_indexscan = off")
        cur.execute("SELECT 1 - (embedding <=> %s::vector) FROM products ORDER BY 1 DESC LIMIT 10", (as_text(query),))
        true = [score for (score,) in cur.fetchall()]
    return sum(score >= true[-1] for score in found) / 10  # by distance: equal ones are equally good


def test_the_rarest_category_gives_all_its_rows_up_to_k(shop, conn):
    table = serving_table(shop.catalog)
    sizes = dict(shop.query("SELECT category, count(*) FROM products GROUP BY category ORDER BY 2 LIMIT 20"))
    [(query,)] = shop.query("SELECT embedding::text FROM products LIMIT 1")
    for category, size in sizes.items():
        assert len(search(conn, table, query, 10, category)) == min(size, 10), category
