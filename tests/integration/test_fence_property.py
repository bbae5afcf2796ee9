"""Whatever the order, overlap, repetition and deaths of runs, the table ends as if each had run once, in date order.

VECTORSHELF_HISTORIES says how many histories are played: 500 unless told. 10,000 passed on 2026-11-25.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests import postgres
from tests.integration.histories import GONE, Crew, Day, Turn, in_date_order, plays
from tests.integration.products import DAY_ONE, Item, as_rows

HISTORIES = int(os.environ.get("VECTORSHELF_HISTORIES", "500"))


@pytest.fixture(scope="module")
def crew(postgres_server: str) -> Iterator[Crew]:
    with postgres.fresh_database(postgres_server) as url:
        found = Crew(url)
        try:
            yield found
        finally:
            found.close()


ONE, TWO = Item("one"), Item("two")
SNAPSHOT_THEN_OLDER_DELTA = ([Day({"a": ONE}, True), Day({"a": TWO}, False), Day({"a": ONE}, True)], [0, 2, 1], [])
SNAPSHOT_OLDER_THAN_A_DELTA = ([Day({"a": ONE, "b": TWO}, True), Day({"a": TWO, "b": GONE}, False)], [1, 0], [])
EQUAL_DATES_IN_TWO_FILES = (
    [Day({"a": Item("one", dated=DAY_ONE)}, False), Day({"a": Item("two", dated=DAY_ONE)}, False)],
    [1, 0],
    [],
)
CUT_IN_THE_MIDDLE_THEN_TOGETHER = (
    [Day({"a": ONE, "b": ONE}, True), Day({"b": TWO}, True)],
    [1, 0],
    [Turn(0, "done", 1), Turn(1, "done", 1), Turn(0, "cut", 6), Turn(0, "together", 1)],
)


@settings(
    max_examples=HISTORIES,
    deadline=None,  # no test asserts on a clock
    suppress_health_check=list(HealthCheck),  # one database is reused on purpose, and the machine may be busy
)
@given(play=plays())
@example(SNAPSHOT_THEN_OLDER_DELTA)
@example(SNAPSHOT_OLDER_THAN_A_DELTA)
@example(EQUAL_DATES_IN_TWO_FILES)
@example(CUT_IN_THE_MIDDLE_THEN_TOGETHER)
def test_every_history_ends_as_in_date_order(crew, play):
    days, runs, turns = play
    crew.play(days, runs, turns)
    assert crew.shelf.rows() == as_rows(in_date_order(days))
