import pytest

from vectorshelf.store.recall import Bounds, _Query, affordable, point_of


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
    [(0.01, 200), (8.0, 200), (16.0, 100), (80.0, 20), (600.0, 20)],
)
def test_queries_are_cut_to_what_two_thirds_of_the_time_allow_and_never_below_the_least(seconds, queries):
    assert affordable(Bounds(queries=200, least=20, seconds=120), tried=20, seconds=seconds) == queries


@pytest.mark.parametrize(("build", "measuring"), [(0.1, 20.0), (7.0, 20.0), (45.0, 45.0), (3600.0, 60.0)])
def test_measuring_may_take_as_long_as_the_build_within_limits(build, measuring):
    assert Bounds().after_build(build).seconds == measuring


def test_a_query_is_not_asked_again_where_its_answer_follows_from_others():
    """More probes never find less: all found at 8 is all found at 9, and the same at 2 and 6 is the same at 4."""
    query = _Query("[1]", [0.1, 0.2])
    query.found(2, [0.1])
    query.found(6, [0.1, 0.5])
    query.found(8, [0.1, 0.2])
    assert [query.known(probes) for probes in (1, 2, 4, 6, 7, 8, 9)] == [None, 0.5, 0.5, 0.5, None, 1.0, 1.0]
