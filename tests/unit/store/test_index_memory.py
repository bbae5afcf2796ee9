import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorshelf.store.index_memory import MAX_LISTS, MIB, ivfflat_bytes, lists_for, lists_that_fit, with_headroom


@pytest.mark.parametrize(
    ("rows", "lists"),
    [(1, 1), (999, 1), (1_000, 1), (19_406, 19), (100_000, 100), (10**6, 1_000), (4 * 10**6, 2_000), (10**12, 32_768)],
)
def test_lists_follow_pgvectors_guidance(rows, lists):
    assert lists_for(rows) == lists


@pytest.mark.parametrize(("lists", "megabytes"), [(200, 71), (1_000, 506), (2_000, 1_401)])
def test_memory_is_what_pgvector_says_it_requires_at_1536_dimensions(lists, megabytes):
    assert ivfflat_bytes(1536, lists) // MIB + 1 == pytest.approx(megabytes, rel=0.005)


def test_at_1536_dimensions_the_default_64_megabytes_end_at_about_95_lists():
    fits = max(lists for lists in range(1, 200) if ivfflat_bytes(1536, lists) <= 64 * MIB)
    assert 85 <= fits <= 95


@given(dimensions=st.integers(1, 2000), megabytes=st.integers(1, 1_000_000))
def test_the_lists_that_fit_fit_and_one_more_does_not(dimensions, megabytes):
    available = megabytes * MIB
    lists = lists_that_fit(dimensions, available)
    assert lists == 0 or with_headroom(ivfflat_bytes(dimensions, lists)) <= available
    assert lists == MAX_LISTS or with_headroom(ivfflat_bytes(dimensions, lists + 1)) > available
