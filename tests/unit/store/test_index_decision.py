from dataclasses import replace

import pytest

from vectorshelf.store.index_decision import (
    Built,
    Existing,
    IndexSpec,
    Measured,
    State,
    decide,
    decide_after_measuring,
    postponed,
)
from vectorshelf.store.table import ServingTable

SPEC = IndexSpec("ivfflat", 0.95)
TABLE = ServingTable("public", "products", 1536)
INDEX = Existing(oid=1, type="ivfflat", operator_class="vector_cosine_ops", lists=100, valid=True)
GOOD = State(
    rows=100_000,
    changed=100_000,
    existing=INDEX,
    built=Built(changed=100_000, probes=8),
    measured=Measured(probes=8, recall=0.96, target=0.95, changed=100_000),
)


def changed(rows: int) -> State:
    return replace(GOOD, changed=GOOD.changed + rows)


def test_a_quiet_night_keeps_the_index_and_measures_nothing():
    decision = decide(SPEC, TABLE, GOOD)
    assert (decision.verdict, decision.reason) == ("keep", "no vector changed since the build")


def test_a_night_of_one_percent_keeps_the_index_and_says_how_much_changed():
    decision = decide(SPEC, TABLE, changed(1_000))
    assert decision.verdict == "keep"
    assert "1,000 rows of 100,000" in decision.reason


@pytest.mark.parametrize(
    ("state", "verdict", "reason"),
    [
        (replace(GOOD, rows=0), "none", "empty"),
        (replace(GOOD, existing=None, built=None, measured=None), "build", "no index yet"),
        (replace(GOOD, existing=replace(INDEX, valid=False)), "build", "invalid"),
        (replace(GOOD, existing=replace(INDEX, type="hnsw", lists=None)), "build", "from hnsw to ivfflat"),
        (replace(GOOD, existing=replace(INDEX, operator_class="vector_l2_ops")), "build", "index.metric"),
        (replace(GOOD, existing=replace(INDEX, operator_class="halfvec_cosine_ops")), "build", "index.storage"),
        (replace(GOOD, existing=replace(INDEX, lists=50)), "build", "want 100 lists, the index has 50"),
        (replace(GOOD, existing=replace(INDEX, lists=200)), "build", "want 100 lists, the index has 200"),
        (changed(100_000), "build", "as many as the table has"),
        (replace(GOOD, measured=None), "measure", "never measured"),
        (changed(5_000), "measure", "5,000 rows changed since recall was measured"),
        (replace(GOOD, changed=0), "measure", "started anew"),
    ],
)
def test_what_is_there_decides(state, verdict, reason):
    decision = decide(SPEC, TABLE, state)
    assert decision.verdict == verdict
    assert reason in decision.reason


def test_an_empty_table_gets_no_index_even_when_asked_for_one():
    assert decide(SPEC, TABLE, State(rows=0, changed=0), rebuild=True).verdict == "none"


def test_type_none_wants_no_index():
    assert decide(IndexSpec("none"), TABLE, GOOD, rebuild=True).verdict == "none"


def test_a_wish_for_a_rebuild_or_a_measurement_is_followed():
    assert decide(SPEC, TABLE, GOOD, rebuild=True).verdict == "build"
    assert decide(SPEC, TABLE, GOOD, measure=True).verdict == "measure"


def test_lists_named_in_the_catalog_win_over_the_guidance():
    named = replace(SPEC, lists=20)
    assert decide(named, TABLE, replace(GOOD, existing=replace(INDEX, lists=20))).verdict == "keep"
    assert "from 100 to 20" in decide(named, TABLE, GOOD).reason


def test_another_recall_target_is_measured_and_not_rebuilt():
    decision = decide(replace(SPEC, recall_target=0.99), TABLE, GOOD)
    assert decision.verdict == "measure"
    assert "from 0.95 to 0.99" in decision.reason


def test_probes_are_raised_before_an_index_is_rebuilt():
    assert decide_after_measuring(changed(10_000), probes=16).verdict == "keep"


def test_an_index_that_got_twice_as_slow_by_changes_is_rebuilt():
    decision = decide_after_measuring(changed(10_000), probes=17)
    assert decision.verdict == "build"
    assert "17 probes, 8 when the index was new" in decision.reason


def test_an_index_whose_rows_did_not_change_is_never_rebuilt_for_its_probes():
    """Another target or other queries may ask for more probes; new centres of the same rows would not help."""
    assert decide_after_measuring(GOOD, probes=60).verdict == "keep"


def test_a_measurement_waits_for_the_last_run_of_a_backfill():
    state = changed(6_000)
    decision = postponed(decide(SPEC, TABLE, state), state)
    assert decision.verdict == "keep"
    assert decision.reason.endswith("changed since recall was measured; the last run of the backfill measures it")


def test_what_searches_need_now_does_not_wait():
    for state in (changed(100_000), replace(GOOD, existing=None), replace(GOOD, measured=None)):
        decision = decide(SPEC, TABLE, state)
        assert decision.verdict in {"build", "measure"}
        assert postponed(decision, state) == decision
