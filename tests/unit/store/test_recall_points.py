import pytest

from vectorshelf.store.recall import Bounds, affordable, point_of


def test_the_floor_lies_under_the_mean_by_the_samples_own_uncertainty():
    point = point_of(8, [1.0] * 50 + [0.9] * 50, [0.002] * 100)
    assert point.recall == pytest.approx(0.95)
    assert point.floor == pytest.approx(0.95 - 1.645 * 0.05025 / 10, abs=1e-4)
    assert point.milliseconds == pytest.approx(2.0)


def test_a_sample_without_a_miss_has_its_mean_as_floor():
    assert point_of(8, [1.0] * 20, [0.002] * 20).floor == 1.0


def test_a_table_in_which_there_is_nothing_else_to_find_has_recall_one():
    assert point_of(1, [], []).recall == 1.0


@pytest.mark.parametrize(
    ("seconds", "queries"),
    [(0.01, 200), (6.0, 200), (12.0, 100), (60.0, 20), (600.0, 20)],
)
def test_queries_are_cut_to_what_half_of_the_time_allows_and_never_below_the_least(seconds, queries):
    assert affordable(Bounds(queries=200, least=20, seconds=120), tried=20, seconds=seconds) == queries
