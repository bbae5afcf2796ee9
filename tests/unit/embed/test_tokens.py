"""Tokens are estimated from bytes, cut at words, and calibrated by what was really used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorshelf.embed.prices import cost_usd, price_of
from vectorshelf.embed.tokens import byte_length, calibrated, estimated, shortened
from vectorshelf.errors import ConfigurationError


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_byte_length_is_that_of_utf8(text):
    assert byte_length(text) == len(text.encode())


def test_a_text_has_at_least_one_token():
    assert estimated(1, 1) == 1
    assert estimated(400, 10) == 100


def test_calibration_starts_at_the_default_and_ends_at_the_usage():
    assert calibrated(0, 0) == 0.25
    assert calibrated(3_000_000, 10_000_000) == pytest.approx(0.3, rel=1e-2)


@given(st.text(alphabet=st.sampled_from("ab é漢 "), min_size=1), st.integers(4, 60))
def test_a_shortened_text_is_a_beginning_and_fits(text, limit):
    cut = shortened(text, limit)
    assert text.startswith(cut)
    assert byte_length(cut) <= limit or cut == text
    assert cut == text or byte_length(text) > limit


def test_a_text_is_cut_between_words_or_inside_one_that_is_all_there_is():
    assert shortened("red wool socks", 11) == "red wool"
    assert shortened("red wool socks", 8) == "red wool"
    assert shortened("x" * 50, 8) == "x" * 8


def test_an_unknown_model_needs_a_price_in_the_catalog():
    with pytest.raises(ConfigurationError, match="usd_per_million_tokens"):
        price_of("somebodys-model")
    assert price_of("somebodys-model", 0.5) == 0.5


def test_cost_is_per_million_tokens():
    assert cost_usd(2_500_000, price_of("text-embedding-3-small")) == pytest.approx(0.05)
