"""The queries recall is measured with: fair, repeatable, as many as asked for."""

import numpy as np
import orjson
import pytest

from tests.integration.shelves import clustered, make_shelf, stock
from vectorshelf.store.db import transaction
from vectorshelf.store.query_sample import sample_texts, sample_vectors
from vectorshelf.store.table import ServingTable

TABLE = ServingTable("public", "products", 16)


@pytest.fixture
def vectors(conn):
    made = clustered(500, 16)
    make_shelf(conn, TABLE)
    stock(conn, TABLE, made)
    return made


def sample(conn, kind, count, seed=0):
    with transaction(conn) as cur:
        return np.array([orjson.loads(one) for one in sample_vectors(cur, TABLE, kind, count, seed)], np.float32)


@pytest.mark.parametrize("kind", ["rows", "between"])
def test_a_seed_gives_the_same_queries_and_another_seed_others(conn, vectors, kind):
    first = sample(conn, kind, 50)
    assert first.shape == (50, 16)
    assert np.array_equal(first, sample(conn, kind, 50))
    assert not np.array_equal(first, sample(conn, kind, 50, seed=1))


def test_rows_are_rows_and_what_lies_between_is_none(conn, vectors):
    known = {vector.tobytes() for vector in vectors}
    assert all(query.tobytes() in known for query in sample(conn, "rows", 50))
    assert not any(query.tobytes() in known for query in sample(conn, "between", 50))


@pytest.mark.parametrize("kind", ["rows", "between"])
def test_a_table_with_fewer_rows_gives_what_it_has(conn, kind):
    make_shelf(conn, TABLE)
    assert len(sample(conn, kind, 50)) == 0
    stock(conn, TABLE, clustered(1, 16))
    assert len(sample(conn, kind, 50)) == 1


def test_texts_are_one_to_three_neighbouring_words_of_names_and_categories(conn, vectors):
    with transaction(conn) as cur:
        cur.execute("UPDATE products SET name = 'Apple iPhone 15 Pro Max'")
    texts = sample_texts(conn, TABLE, 80)
    assert len(texts) == 80
    assert {len(text.split()) for text in texts} >= {1, 2, 3}
    assert all(text in "Apple iPhone 15 Pro Max" or text in {"Laptops", "Phones", "Cameras"} for text in texts)
    assert {"Laptops", "Phones", "Cameras"} & set(texts)
    assert texts == sample_texts(conn, TABLE, 80)
