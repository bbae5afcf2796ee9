"""The disk a catalog will need. `tests/integration/test_estimate.py` compares with Postgres's own figures."""

import pytest

from vectorshelf.store import sizing


def test_nothing_takes_nothing():
    assert sizing.table_bytes(0, 0, 1536) == 0
    assert sizing.index_bytes(0, 1536, "ivfflat") == 0
    assert sizing.index_bytes(1000, 1536, "none") == 0


@pytest.mark.parametrize("kind", ["ivfflat", "hnsw"])
def test_a_vector_of_1536_numbers_takes_a_page_of_the_index(kind):
    assert sizing.index_bytes(50_000, 1536, kind) / 50_000 == pytest.approx(8192, rel=0.01)


def test_the_measured_index_of_facts_is_met():
    """50,000 vectors of 1,536 numbers in 224 lists: 392 MiB."""
    assert sizing.index_bytes(50_000, 1536, "ivfflat", 224) / 2**20 == pytest.approx(392, rel=0.02)


def test_more_of_anything_takes_more():
    assert sizing.table_bytes(2000, 200_000, 256) > sizing.table_bytes(1000, 100_000, 256)
    assert sizing.table_bytes(1000, 100_000, 1536) > sizing.table_bytes(1000, 100_000, 256)
    assert sizing.index_bytes(1000, 256, "hnsw") > sizing.index_bytes(1000, 256, "ivfflat")
