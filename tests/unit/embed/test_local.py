"""The local model: no network, unit vectors, the same bits in any company, bounded memory."""

import asyncio
import subprocess
import sys

import numpy as np
import pytest

from vectorshelf.catalog.model import Embedding
from vectorshelf.embed.asking import Asking
from vectorshelf.embed.check import faults_of
from vectorshelf.embed.embedder import open_embedder, query_vector
from vectorshelf.embed.selftest import self_test
from vectorshelf.errors import ConfigurationError


@pytest.fixture(scope="module")
def model():
    return open_embedder(Embedding(provider="local"))


def vectors(model, texts):
    return asyncio.run(model.embed(texts)).vectors


def test_it_passes_the_self_test_with_unit_vectors(model):
    found = asyncio.run(self_test(Asking(model)))
    assert found.dimensions == 256
    assert found.unit_norm


def test_a_text_has_the_same_bits_alone_and_among_longer_ones(model):
    alone = vectors(model, ["portable coding machine"])[0]
    among = vectors(model, ["x " * 900, "portable coding machine", "Laptop", "wool " * 50])[1]
    assert alone.tobytes() == among.tobytes()


def test_related_texts_are_nearer_than_unrelated_ones(model):
    query = asyncio.run(query_vector(model, "portable coding machine"))
    laptop, socks = vectors(model, ["Laptop computer for programming", "red wool socks"])
    assert query @ laptop > query @ socks


def test_a_text_without_tokens_is_refused_by_the_check_not_stored(model):
    first, second = faults_of(vectors(model, ["", "Laptop"]), 2, 256)
    assert first
    assert second is None


@pytest.mark.parametrize("dimensions", [64, 128])
def test_smaller_vectors_are_unit_vectors_too(dimensions):
    small = open_embedder(Embedding(provider="local", dimensions=dimensions))
    rows = vectors(small, ["Laptop", "Phone"])
    assert rows.shape == (2, dimensions)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_size_it_does_not_have_is_refused_with_those_it_has():
    with pytest.raises(ConfigurationError, match=r"set embedding.dimensions to 64 or 128 or 256"):
        open_embedder(Embedding(provider="local", dimensions=100))


def test_no_key_for_the_official_endpoint_says_what_to_set():
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        open_embedder(Embedding(provider="openai"))


def test_importing_the_room_imports_neither_client_nor_model():
    code = (
        "import sys, vectorshelf.embed.embedder, vectorshelf.embed.shard, vectorshelf.embed.selftest;"
        "print([name for name in ('openai', 'wordllama', 'airflow') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
