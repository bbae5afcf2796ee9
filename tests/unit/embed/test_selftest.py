"""The self-test recognises what an endpoint is before anything is paid for."""

import asyncio

import numpy as np
import pytest

from tests.unit.embed.models import HashModel
from vectorshelf.embed.asking import Asking
from vectorshelf.embed.embedder import Embedded
from vectorshelf.embed.selftest import TEXTS, SelfTest, self_test
from vectorshelf.errors import ConfigurationError, RejectedTextsError, TransientError


def examined(model: HashModel) -> SelfTest:
    async def no_sleep(_: float) -> None: ...

    return asyncio.run(self_test(Asking(model, sleep=no_sleep)))


def test_a_good_endpoint_is_asked_once():
    model = HashModel()
    found = examined(model)
    assert model.asked == [TEXTS]
    assert found.dimensions == 8
    assert not found.unit_norm


@pytest.mark.parametrize("order", [[2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1]])
def test_an_endpoint_that_changes_the_order_is_refused(order):
    model = HashModel(lambda texts, answer: Embedded(answer.vectors[order], 1))
    with pytest.raises(ConfigurationError, match="out of order"):
        examined(model)


def test_an_endpoint_with_one_vector_for_every_text_is_refused():
    model = HashModel(lambda texts, answer: Embedded(np.ones_like(answer.vectors), 1))
    with pytest.raises(ConfigurationError, match="one vector to every text"):
        examined(model)


def test_a_wrong_size_says_what_to_change():
    model = HashModel(lambda texts, answer: Embedded(answer.vectors[:, :5], 1))
    with pytest.raises(ConfigurationError, match=r"model returned 5 numbers, table holds 8: set embedding.dimensions"):
        examined(model)


def test_a_refusal_is_given_in_the_endpoints_words():
    def refuse(texts, answer):
        raise RejectedTextsError("no such field: encoding_format")

    with pytest.raises(ConfigurationError, match="no such field"):
        examined(HashModel(refuse))


def test_a_fault_that_passes_is_no_reason_to_stop():
    answers = iter([TransientError("502"), None])

    def script(texts, answer):
        error = next(answers)
        if error:
            raise error

    assert examined(HashModel(script)).dimensions == 8
