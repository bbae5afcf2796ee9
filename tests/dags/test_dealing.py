"""Which embed task gets which shard when a run is planned again after some of them were cleared."""

import pytest

pytestmark = pytest.mark.usefixtures("airflow")


def shards(number):
    return [{"shard": n, "texts": 10, "label": f"shard {n + 1}"} for n in range(number)]


def dealt(number, states):
    from vectorshelf_runs import deal

    return [item["shard"] for item in deal(shards(number), states)]


def test_a_first_plan_is_dealt_as_it_is():
    assert dealt(3, {}) == [0, 1, 2]
    assert dealt(0, {}) == []


def test_what_is_left_goes_to_the_tasks_that_were_cleared():
    assert dealt(1, {0: "success", 1: "success", 2: None, 3: "success"}) == [None, None, 0, None]


def test_shards_that_no_cleared_task_is_left_for_get_new_tasks():
    assert dealt(3, {0: "success", 1: None}) == [None, 0, 1, 2]


def test_there_are_never_fewer_items_than_tasks():
    assert dealt(0, {0: None, 1: None}) == [None, None]


def test_a_task_that_was_removed_or_stays_failed_is_given_nothing():
    assert dealt(1, {0: "removed", 1: "failed", 2: None}) == [None, None, 0]


def test_indexes_with_gaps_are_filled():
    assert dealt(2, {2: "success"}) == [0, 1, None]
