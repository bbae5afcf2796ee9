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
