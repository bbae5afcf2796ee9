"""A refused text is cut when length is what is wrong with it, and by as much as the endpoint says."""

import pytest

from vectorshelf.embed.cutting import share_that_fits, shorter
from vectorshelf.embed.packing import Text

TEXT = Text(b"hash", "word " * 400)


@pytest.mark.parametrize(
    ("reason", "share"),
    [
        ("This model's maximum context length is 512 tokens, however you requested 1,024 tokens.", 0.475),
        ("maximum input length is 8192 tokens", 0.75),
        ("Input is too long", 0.75),
        ("too many tokens: 0 tokens of 0 tokens", 0.75),
    ],
)
def test_the_share_to_keep_is_the_endpoints_or_three_quarters(reason, share):
    assert share_that_fits(reason) == pytest.approx(share)
    cut = shorter(TEXT, reason)
    assert (cut.sha256, cut.cut) == (b"hash", True)
    assert TEXT.text.startswith(cut.text)
    assert share * 2000 - 5 <= len(cut.text) <= share * 2000


def test_another_reason_cuts_nothing():
    assert shorter(TEXT, "it contains what this model does not take") is None


def test_nothing_but_the_space_before_a_long_word_is_no_text():
    assert shorter(Text(b"hash", " " * 100 + "x" * 20), "Input is too long") is None


def test_a_text_of_next_to_nothing_is_not_too_long_whatever_the_endpoint_says():
    assert shorter(Text(b"hash", "x" * 64), "Input is too long") is None
