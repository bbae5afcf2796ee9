"""A body becomes vectors in the order of the texts, or an error that says what it cost all the same."""

import orjson
import pytest

from vectorshelf.embed.embedder import BadAnswerError
from vectorshelf.embed.openai_endpoint import decoded

USAGE = {"prompt_tokens": 7, "total_tokens": 7}


def body(*items: dict, **rest: object) -> bytes:
    return orjson.dumps({"data": list(items), "usage": USAGE, **rest})


def test_items_without_an_index_or_with_null_are_in_their_order():
    vectors, tokens = decoded(body({"embedding": [1.0, 2.0], "index": None}, {"embedding": [3.0, 4.0]}), 2)
    assert vectors.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert tokens == 7


@pytest.mark.parametrize(
    "usage", [None, {}, {"total_tokens": "7"}, {"total_tokens": 0}, {"total_tokens": -5}, {"total_tokens": True}]
)
def test_a_server_that_tells_no_usage_is_understood(usage):
    assert decoded(body({"embedding": [1.0], "index": 0}, usage=usage), 1)[1] is None


def test_usage_without_a_total_is_the_prompts():
    usage = {"total_tokens": None, "prompt_tokens": 7}
    assert decoded(body({"embedding": [1.0], "index": 0}, usage=usage), 1)[1] == 7


@pytest.mark.parametrize(
    "items",
    [
        [],
        [{"embedding": [1.0], "index": 1}],
        [{"embedding": [1.0], "index": "0"}],
        [{"embedding": [1.0], "index": 2**64 - 1}],
        [{"embedding": [1.0], "index": 0.5}],
        [{"embedding": [1.0], "index": 0}, {"embedding": [1.0, 2.0], "index": 1}],
        [{"embedding": "abc", "index": 0}],
        [{"embedding": {}, "index": 0}],
        [{"vector": [1.0]}],
        ["what"],
        [None],
    ],
)
def test_an_answer_that_cannot_be_used_says_what_it_cost(items):
    with pytest.raises(BadAnswerError) as raised:
        decoded(body(*items), 1)
    assert raised.value.tokens == 7


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"<html>", b'{"data": null}', b'{"usage": 5, "data": []}']
)
def test_what_is_no_answer_at_all_has_no_cost_that_anybody_knows(content):
    with pytest.raises(BadAnswerError) as raised:
        decoded(content, 1)
    assert raised.value.tokens is None
