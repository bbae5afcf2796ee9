"""Two ways of writing vectors, one result."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psycopg2
import pytest
from pgvector import Vector

from tests.integration.test_merge import wait_for_a_waiter
from vectorshelf.errors import VectorshelfError
from vectorshelf.store.db import transaction
from vectorshelf.store.writers import write_vectors

METHODS = ["execute_values", "copy"]
ODD = [0.0, -0.0, 1e-45, 3.4028235e38, -3.4028235e38, 1 / 3, 1e-38, 16777217.0, 0.1, -123456.789]


@pytest.fixture
def space(conn):
    with transaction(conn) as cur:
        cur.execute("INSERT INTO vectorshelf.spaces (model, dimensions) VALUES ('test', 10) RETURNING space")
        return cur.fetchone()[0]


def hashes(count: int, first: int = 0) -> list[bytes]:
    return [hashlib.sha256(str(first + number).encode()).digest() for number in range(count)]


def write(conn, space, sha256s, vectors, method) -> int:
    with transaction(conn) as cur:
        return write_vectors(cur, space, sha256s, vectors, method)


def stored(conn, space) -> dict[bytes, bytes]:
    """Hash to the vector's bits."""
    with transaction(conn) as cur:
        cur.execute("SELECT sha256, embedding::text FROM vectorshelf.vectors WHERE space = %s", (space,))
        return {bytes(sha256): Vector.from_text(text).to_numpy().astype(np.float32).tobytes() for sha256, text in cur}


@pytest.mark.parametrize("method", METHODS)
def test_every_float32_comes_back_with_the_bits_it_went_in_with(conn, space, method):
    bits = np.random.default_rng(7).integers(0, 2**32, (200, 10), dtype=np.uint64).astype(np.uint32)
    vectors = np.nan_to_num(bits.view(np.float32), posinf=1.0, neginf=-1.0)
    vectors[0] = np.array(ODD, np.float32)
    names = hashes(len(vectors))
    assert write(conn, space, names, vectors, method) == 200
    assert stored(conn, space) == {name: vector.tobytes() for name, vector in zip(names, vectors, strict=True)}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rows", [0, 1, 499, 500, 501, 1_203])
def test_new_rows_are_counted_over_all_pages(conn, space, method, rows):
    vectors = np.ones((rows, 10), np.float32)
    assert write(conn, space, hashes(rows), vectors, method) == rows
    assert len(stored(conn, space)) == rows


@pytest.mark.parametrize("method", METHODS)
def test_what_is_stored_stays_and_duplicates_count_once(conn, space, method):
    write(conn, space, hashes(3), np.ones((3, 10), np.float32), method)
    again = hashes(5) + hashes(5)
    assert write(conn, space, again, np.full((10, 10), 2.0, np.float32), method) == 2
    kept = np.ones(10, np.float32).tobytes()
    assert [stored(conn, space)[name] for name in hashes(3)] == [kept] * 3


@pytest.mark.parametrize("method", METHODS)
def test_two_calls_in_one_transaction_both_count(conn, space, method):
    with transaction(conn) as cur:
        first = write_vectors(cur, space, hashes(60), np.ones((60, 10), np.float32), method)
        second = write_vectors(cur, space, hashes(60, first=30), np.ones((60, 10), np.float32), method)
    assert (first, second) == (60, 30)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_rolled_back_was_never_there(conn, space, method):
    cur = conn.cursor()
    write_vectors(cur, space, hashes(60), np.ones((60, 10), np.float32), method)
    conn.rollback()
    assert stored(conn, space) == {}
    assert write(conn, space, hashes(60), np.ones((60, 10), np.float32), method) == 60


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_none_is_refused_by_the_database(conn, space, method, bad):
    vectors = np.ones((2, 10), np.float32)
    vectors[1, 3] = bad
    with pytest.raises(VectorshelfError):
        write(conn, space, hashes(2), vectors, method)
    assert stored(conn, space) == {}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dimensions", [2_000, 3_072, 4_000])
def test_the_widest_vectors_that_can_be_indexed_can_be_written(conn, space, method, dimensions):
    vectors = np.random.default_rng(1).standard_normal((20, dimensions)).astype(np.float32)
    assert write(conn, space, hashes(20), vectors, method) == 20
    assert stored(conn, space) == {name: row.tobytes() for name, row in zip(hashes(20), vectors, strict=True)}


@pytest.mark.parametrize("method", METHODS)
def test_a_fortran_ordered_double_matrix_is_written_the_same(conn, space, method):
    vectors = np.asfortranarray(np.arange(100, dtype=np.float64).reshape(10, 10))
    write(conn, space, hashes(10), vectors, method)
    expected = vectors.astype(np.float32)
    assert stored(conn, space) == {name: row.tobytes() for name, row in zip(hashes(10), expected, strict=True)}


def test_runs_that_store_the_same_texts_in_opposite_orders_do_not_deadlock(database_url, conn, space):
    vectors = np.ones((400, 10), np.float32)
    failures = []

    def store(order: int, method: str) -> None:
        own = psycopg2.connect(database_url.get_secret_value())
        try:
            for turn in range(10):
                write(own, space, hashes(400, first=400 * turn)[::order], vectors, method)
        except VectorshelfError as error:
            failures.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=store, args=(order, method)) for order in (1, -1) for method in METHODS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(stored(conn, space)) == 4_000


@pytest.mark.parametrize("dimensions", [10, 3_072])
@pytest.mark.parametrize("committed", [True, False])
def test_a_copy_that_meets_texts_another_session_is_storing_waits_and_keeps_theirs(
    database_url, conn, space, committed, dimensions
):
    """The other session's rows are not to be seen yet when COPY looks, and in its way when it writes."""
    other = psycopg2.connect(database_url.get_secret_value())
    with other.cursor() as cur:
        write_vectors(cur, space, hashes(30, first=10), np.full((30, dimensions), 2.0, np.float32), "copy")
    with ThreadPoolExecutor(1) as pool:
        ones = np.ones((30, dimensions), np.float32)
        writing = pool.submit(write, conn, space, hashes(30), ones, "copy")
        wait_for_a_waiter(database_url)
        other.commit() if committed else other.rollback()
        assert writing.result(timeout=60) == (10 if committed else 30)
    other.close()
    theirs = set(hashes(30, first=10)) if committed else set()
    for name, bits in stored(conn, space).items():
        assert bits == np.full(dimensions, 2.0 if name in theirs else 1.0, np.float32).tobytes()
