"""Nothing unusable is stored, and nothing usable is thrown away with it."""

import numpy as np
import pytest

from vectorshelf.embed.check import faults_of, placed
from vectorshelf.embed.embedder import BadAnswerError, WrongSizeError

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3) + 1


def test_items_are_put_where_their_index_says():
    shuffled = placed([2, 0, 3, 1], ROWS, 4)
    assert shuffled.tolist() == ROWS[[1, 3, 0, 2]].tolist()


def test_a_missing_item_leaves_its_place_empty_and_the_others_where_they_belong():
    rows = placed([0, 2], ROWS[:2], 3)
    assert faults_of(rows, 3, 3) == [None, "the model returned no vector for it", None]
    assert rows[2].tolist() == ROWS[1].tolist()


@pytest.mark.parametrize("indexes", [[0, 0, 1, 2], [0, 1, 2, 4], [-1, 0, 1, 2], [0, 1, 2]])
def test_an_answer_whose_order_cannot_be_known_is_not_used(indexes):
    with pytest.raises(BadAnswerError):
        placed(indexes, ROWS, 4)


def test_nan_infinite_and_zero_rows_are_named_and_the_rest_are_fine():
    rows = ROWS.copy()
    rows[0, 1], rows[1, 2], rows[2] = np.nan, np.inf, 0.0
    first, second, third, fourth = faults_of(rows, 4, 3)
    assert "NaN" in first
    assert "infinite" in second
    assert "zero" in third
    assert fourth is None


def test_huge_numbers_whose_square_overflows_are_still_numbers():
    assert faults_of(np.full((1, 3), 1e30, dtype=np.float32), 1, 3) == [None]


def test_a_wrong_size_says_what_to_change():
    with pytest.raises(WrongSizeError, match=r"model returned 3 numbers, table holds 1536: set embedding.dimensions"):
        faults_of(ROWS, 4, 1536)


def test_a_wrong_count_condemns_the_answer():
    with pytest.raises(BadAnswerError, match="4 vectors for 5 texts"):
        faults_of(ROWS, 5, 3)
