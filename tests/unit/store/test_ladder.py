from hypothesis import given
from hypothesis import strategies as st

from vectorshelf.store.ladder import STEP, smallest_passing


@given(start=st.integers(1, 5_000), limit=st.integers(1, 5_000), true=st.integers(1, 5_001), near=st.booleans())
def test_the_setting_found_passes_and_is_within_a_step_of_the_smallest(start, limit, true, near):
    seen = []

    def passes(setting):
        seen.append(setting)
        return setting >= true

    found = smallest_passing(passes, start, limit, near=near)
    if true > limit:
        assert found is None
        assert limit in seen
    else:
        assert found in seen
        assert true <= found <= max(true, true / (1 - STEP) + 1)
    assert all(1 <= setting <= limit for setting in seen)
    assert len(seen) == len(set(seen)) <= 30


@given(start=st.integers(1, 20), true=st.integers(1, 20), near=st.booleans())
def test_small_settings_are_found_exactly(start, true, near):
    assert smallest_passing(lambda setting: setting >= true, start, 20, near=near) == true


@given(start=st.integers(2, 2_000), off=st.integers(-1, 1))
def test_an_answer_that_is_near_takes_few_looks(start, off):
    seen = []

    def passes(setting):
        seen.append(setting)
        return setting >= start + off

    smallest_passing(passes, start, 5_000, near=True)
    assert len(seen) <= 4


@given(start=st.integers(1, 500), true=st.integers(1, 500), looks=st.integers(0, 5), near=st.booleans())
def test_when_it_is_enough_what_is_found_still_passes(start, true, looks, near):
    seen = []

    def passes(setting):
        seen.append(setting)
        return setting >= true

    found = smallest_passing(passes, start, 500, near=near, enough=lambda: len(seen) >= looks)
    assert found in seen
    assert found >= true
