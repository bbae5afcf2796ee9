from dataclasses import replace

import pytest

from vectorshelf.store.index_decision import Existing
from vectorshelf.store.index_knobs import interim_knobs, knob_for

OLD = Existing(oid=1, type="ivfflat", operator_class="vector_cosine_ops", lists=100, valid=True)


def test_before_the_first_index_half_of_the_lists_are_probed_until_recall_is_known():
    assert interim_knobs("ivfflat", 100, None, None) == {"ivfflat.probes": 50}
    assert interim_knobs("ivfflat", 1, None, None) == {"ivfflat.probes": 1}


@pytest.mark.parametrize(("lists", "probes"), [(100, 12), (200, 24), (1_000, 120), (50, 8), (4, 8)])
def test_during_a_rebuild_neither_index_is_probed_less_than_the_old_one_needed(lists, probes):
    assert interim_knobs("ivfflat", lists, OLD, 8) == {"ivfflat.probes": probes}


def test_an_invalid_old_index_says_nothing_about_probes():
    assert interim_knobs("ivfflat", 100, replace(OLD, valid=False), 8) == {"ivfflat.probes": 50}


def test_the_search_for_probes_begins_at_pgvectors_guidance_or_at_what_served():
    assert knob_for("ivfflat", 100, None).start == 10
    assert knob_for("ivfflat", 100, 24).start == 24
    assert knob_for("ivfflat", 10, 24).start == 10
    assert knob_for("hnsw", None, None).limit == 1000
