import pytest

from vectorshelf.store.upkeep import TableHealth, choose_upkeep


@pytest.mark.parametrize(
    ("unvacuumed", "dead", "action"),
    [(0, 0, "skipped"), (0, 500, "skipped"), (500, 0, "analyzed"), (500, 1, "vacuumed"), (501, 0, "vacuumed")],
)
def test_only_what_the_changes_call_for_is_done(unvacuumed, dead, action):
    assert choose_upkeep(unvacuumed, TableHealth(rows=10_000, dead=dead, visible=1.0))[0] == action


def test_a_table_the_server_knows_nothing_of_is_vacuumed():
    assert choose_upkeep(500, TableHealth(rows=0, dead=0, visible=0.0))[0] == "vacuumed"


@pytest.mark.parametrize(("unvacuumed", "action"), [(0, "skipped"), (1_999, "skipped"), (2_000, "vacuumed")])
def test_a_backfill_leaves_the_vacuum_to_its_last_run_until_a_fifth_was_written(unvacuumed, action):
    found, reason = choose_upkeep(unvacuumed, TableHealth(rows=10_000, dead=500, visible=1.0), later=True)
    assert found == action
    assert ("the last run of the backfill" in reason) == (0 < unvacuumed < 2_000)
