import numpy as np
import pytest

from vectorshelf.store.writers import COPY_FROM_ROWS, as_text, choose_method, write_vectors


def test_auto_takes_copy_from_the_size_at_which_it_is_faster():
    assert choose_method(COPY_FROM_ROWS - 1) == "execute_values"
    assert choose_method(COPY_FROM_ROWS) == "copy"


def test_a_slice_of_a_matrix_is_written_as_the_numbers_it_shows():
    matrix = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert as_text(matrix[:, 1]) == "[1.0,5.0,9.0]"


@pytest.mark.parametrize(("hashes", "shape"), [(1, (2, 4)), (2, (2,))])
def test_hashes_and_vectors_that_do_not_match_are_refused_before_the_database_is_asked(hashes, shape):
    with pytest.raises(ValueError, match="hashes for vectors of shape"):
        write_vectors(None, 1, [bytes(32)] * hashes, np.zeros(shape, np.float32), "copy")


def test_a_hash_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        write_vectors(None, 1, [b"short"], np.zeros((1, 4), np.float32), "copy")
