"""The real openai client against the stand-in over real HTTP: every fault ends as the error its cure needs."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from hashlib import sha256

import numpy as np
import pytest
from pydantic import SecretStr

from tests.standin import StandIn
from tests.standin.vectors import vectors_of
from vectorshelf.catalog.model import Embedding
from vectorshelf.embed.asking import Asking
from vectorshelf.embed.embedder import (
    BadAnswerError,
    Dialect,
    Embedded,
    Embedder,
    RefusedError,
    RefusedParameterError,
    open_embedder,
)
from vectorshelf.embed.pace import SharedPace, Unpaced
from vectorshelf.embed.packing import RequestSize
from vectorshelf.embed.selftest import SelfTest, self_test
from vectorshelf.embed.shard import embed_shard
from vectorshelf.errors import ConfigurationError, RejectedTextsError, TransientError
from vectorshelf.store import db
from vectorshelf.store.limiter import Limiter
from vectorshelf.store.pacing import Limits

MODEL = "text-embedding-3-small"
KEY = SecretStr("sk-a-key-nobody-may-see")
TEXTS = [f"product {number}" for number in range(300)]


def with_embedder(
    server: StandIn,
    work: Callable[[Embedder], Awaitable],
    dialect: Dialect | None = None,
    key: str = KEY.get_secret_value(),
    **section,
):
    async def scenario():
        embedding = Embedding(**{"model": MODEL, "timeout_seconds": 5, **section})
        embedder = open_embedder(embedding, api_key=SecretStr(key), base_url=server.base_url, dialect=dialect)
        try:
            return await work(embedder)
        finally:
            await embedder.close()

    return asyncio.run(scenario())


async def examined(embedder: Embedder) -> SelfTest:
    return await self_test(Asking(embedder))


def asked(server: StandIn, texts: list[str] = TEXTS[:5], **options) -> Embedded:
    return with_embedder(server, lambda embedder: embedder.embed(texts), **options)


@pytest.mark.parametrize("encoding", ["base64", "float"])
def test_vectors_arrive_bit_for_bit_in_the_order_of_the_texts(standin, encoding):
    answer = asked(standin, TEXTS, dialect=Dialect(encoding))
    assert answer.vectors.tobytes() == vectors_of(MODEL, TEXTS, 1536).tobytes()
    assert answer.tokens == standin.figures()["tokens"]


def test_items_in_another_order_are_put_back_by_their_index(standin):
    standin.tell(faults=[{"kind": "shuffled"}])
    assert asked(standin, TEXTS).vectors.tobytes() == vectors_of(MODEL, TEXTS, 1536).tobytes()


def test_the_limits_in_the_headers_are_read(standin):
    standin.tell(requests_per_minute=600, tokens_per_minute=200_000)
    observed = asked(standin).observed
    assert (observed.requests_per_minute, observed.tokens_per_minute) == (600, 200_000)
    assert not observed.refused


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        ({"kind": "refuse"}, RefusedError, "429"),
        ({"kind": "status", "status": 500}, TransientError, "500"),
        ({"kind": "status", "status": 502}, TransientError, "502"),
        ({"kind": "status", "status": 503}, TransientError, "503"),
        ({"kind": "reset_before"}, TransientError, "could not be reached or broke off"),
        ({"kind": "reset_after"}, TransientError, "could not be reached or broke off"),
        ({"kind": "slow", "seconds": 3}, TransientError, "did not answer|could not be reached"),
        ({"kind": "stalled", "seconds": 3}, TransientError, "did not answer|could not be reached"),
        ({"kind": "truncated"}, BadAnswerError, "cut short"),
        ({"kind": "extra"}, BadAnswerError, "beyond the 5 texts"),
        ({"kind": "quota"}, ConfigurationError, "add credit"),
        ({"kind": "invalid_key"}, ConfigurationError, "set a valid OPENAI_API_KEY"),
        ({"kind": "not_found"}, ConfigurationError, "set embedding.model or base_url"),
        ({"kind": "forbidden"}, ConfigurationError, "grant access or change the key"),
    ],
)
def test_a_fault_becomes_the_error_that_its_cure_needs(standin, fault, error, says):
    standin.tell(faults=[fault])
    with pytest.raises(error, match=says) as raised:
        asked(standin, timeout_seconds=0.5)
    assert KEY.get_secret_value() not in str(raised.value)
    assert isinstance(raised.value, ConfigurationError) != isinstance(raised.value, TransientError)
    assert standin.figures()["requests"] == 1


@pytest.mark.parametrize("seconds", [3.0, 600.0])
def test_retry_after_is_handed_on_however_long(standin, seconds):
    standin.tell(faults=[{"kind": "refuse", "retry_after": seconds}])
    with pytest.raises(RefusedError) as raised:
        asked(standin)
    assert raised.value.retry_after == seconds


def test_a_rejected_text_is_said_in_the_servers_words(standin):
    standin.tell(rejected="forbidden word")
    with pytest.raises(RejectedTextsError, match="it contains what this model does not take"):
        asked(standin, ["a forbidden word", "fine"])


def test_the_key_is_unsaid_even_when_the_server_repeats_it(standin):
    standin.tell(keys=["another"])
    with pytest.raises(ConfigurationError) as raised:
        asked(standin)
    shown = "".join(traceback.format_exception(raised.value))
    assert KEY.get_secret_value() not in shown
    assert raised.value.__context__ is None  # a log that shows locals would find the client's error here


def test_half_a_key_at_the_end_of_a_cut_message_is_unsaid_too(standin):
    key = KEY.get_secret_value()
    # The server repeats the model's name: the message is cut in the middle of the key.
    model = "m" * (500 - len("The model `") - len(key) // 2) + key
    with pytest.raises(ConfigurationError) as raised:
        asked(standin, model=model)
    assert key[: len(key) // 2] not in str(raised.value).replace(model, "")


def test_a_login_in_the_environments_url_is_refused_and_not_shown():
    with pytest.raises(ConfigurationError, match="OPENAI_BASE_URL") as raised:
        open_embedder(Embedding(model=MODEL), api_key=KEY, base_url="http://me:hunter2@127.0.0.1:9/v1")
    assert "hunter2" not in str(raised.value)


def test_a_key_with_the_line_break_of_its_file_is_the_key(standin):
    standin.tell(keys=[KEY.get_secret_value()])
    assert len(asked(standin, key=f" {KEY.get_secret_value()}\n").vectors) == 5


@pytest.mark.parametrize("key", ["two words", "one\nand another", "sch\u00f6n", "nul\x00"])
def test_a_key_that_no_header_can_carry_is_a_configuration_error_that_does_not_show_it(standin, key):
    with pytest.raises(ConfigurationError, match="copy it again into OPENAI_API_KEY") as raised:
        asked(standin, key=key)
    assert key not in str(raised.value)
    assert standin.figures()["requests"] == 0


def test_a_refused_parameter_is_named(standin):
    standin.tell(base64="refused")
    with pytest.raises(RefusedParameterError, match=r"embedding\.encoding_format"):
        asked(standin)


def test_nobody_listening_is_worth_another_try():
    nowhere = StandIn(port=9, pid=0)
    with pytest.raises(TransientError, match="could not be reached"):
        asked(nowhere)


@pytest.mark.parametrize(
    ("quirks", "model", "dialect"),
    [
        ({}, MODEL, Dialect()),
        ({"base64": "refused"}, MODEL, Dialect("float")),
        ({"base64": "ignored"}, MODEL, Dialect("base64")),
        ({"dimensions": "refused"}, MODEL, Dialect("base64", send_dimensions=False)),
        ({}, "text-embedding-ada-002", Dialect("base64", send_dimensions=False)),
        ({"base64": "refused", "dimensions": "refused"}, MODEL, Dialect("float", send_dimensions=False)),
    ],
)
def test_the_self_test_finds_out_how_the_endpoint_wants_to_be_asked(standin, quirks, model, dialect):
    standin.tell(**quirks)
    found = with_embedder(standin, examined, model=model)
    assert found.dialect == dialect
    assert found.dimensions == 1536
    assert found.unit_norm
    vectors = asked(standin, model=model, dialect=found.dialect).vectors
    assert np.array_equal(vectors, vectors_of(model, TEXTS[:5], 1536))


@pytest.mark.parametrize(
    ("quirks", "section", "says"),
    [
        ({"dimensions": "ignored"}, {"dimensions": 256}, "model returned 1536 numbers, table holds 256"),
        ({"dimensions": "refused"}, {"dimensions": 256}, "model returned 1536 numbers, table holds 256"),
        ({"faults": [{"kind": "wrong_dimension"}]}, {}, "model returned 768 numbers, table holds 1536"),
        ({"order": "reversed"}, {}, "out of order"),
        ({"keys": ["another"]}, {}, "set a valid OPENAI_API_KEY"),
        ({}, {"model": "no-such-model"}, "set embedding.model"),
        ({"faults": [{"kind": "quota"}]}, {}, "add credit"),
    ],
)
def test_the_self_test_refuses_what_cannot_be_handled_in_one_sentence(standin, quirks, section, says):
    standin.tell(**quirks)
    with pytest.raises(ConfigurationError, match=says):
        with_embedder(standin, examined, **section)


class Shelf:
    def __init__(self) -> None:
        self.vectors: dict[bytes, bytes] = {}
        self.rejected: list[str] = []

    def save(self, sha256s, vectors, paid):
        self.vectors.update((sha, row.tobytes()) for sha, row in zip(sha256s, vectors, strict=True))

    def on_reject(self, sha, text, reason):
        self.rejected.append(text)

    def run(self, server: StandIn, texts: list[str], **options):
        pending = [(sha256(text.encode()).digest(), text) for text in texts]
        options = {"pace": Unpaced(), "size": RequestSize(texts=20), **options}

        async def no_sleep(_: float) -> None:
            await asyncio.sleep(0)

        return with_embedder(
            server,
            lambda embedder: embed_shard(
                pending, embedder, save=self.save, on_reject=self.on_reject, sleep=no_sleep, **options
            ),
            timeout_seconds=1,
        )


def test_every_fault_at_once_ends_in_the_same_vectors_bit_for_bit(standin):
    kinds = [
        {"kind": "refuse"},
        {"kind": "refuse", "retry_after": 150},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503},
        {"kind": "reset_before"},
        {"kind": "reset_after"},
        {"kind": "slow", "seconds": 0.01},
        {"kind": "truncated"},
        {"kind": "shuffled"},
        {"kind": "missing"},
        {"kind": "extra"},
        {"kind": "wrong_dimension"},
        {"kind": "nan"},
        {"kind": "zero"},
    ]
    standin.tell(faults=[{**kind, "probability": 0.03} for kind in kinds], seed=7)
    texts, shelf = [f"product {number}" for number in range(2_000)], Shelf()
    figures = shelf.run(standin, texts)
    expected = vectors_of(MODEL, texts, 1536)
    assert shelf.vectors == {
        sha256(text.encode()).digest(): row.tobytes() for text, row in zip(texts, expected, strict=True)
    }
    assert shelf.rejected == []
    assert len(standin.figures()["faults"]) > 8
    assert figures.texts == 2_000


def test_poisoned_texts_end_in_quarantine_and_the_others_on_the_shelf(standin):
    standin.tell(rejected="poison")
    texts = [f"{'poison' if number % 100 == 7 else 'product'} {number}" for number in range(1_000)]
    shelf = Shelf()
    figures = shelf.run(standin, texts, size=RequestSize(texts=500))
    assert sorted(shelf.rejected) == sorted(text for text in texts if "poison" in text)
    assert len(shelf.vectors) == figures.texts == 990


def test_what_the_servers_headers_say_becomes_everybodys_limit(standin, conn, database_url):
    standin.tell(requests_per_minute=300, tokens_per_minute=100_000)
    limiter = Limiter(conn, standin.base_url, MODEL, Limits(600, 200_000))
    pace = SharedPace(limiter)
    try:
        Shelf().run(standin, TEXTS[:20], pace=pace)
    finally:
        pace.close()
    with db.connect(database_url) as another:
        assert Limiter(another, standin.base_url, MODEL, Limits(600, 200_000)).effective() == Limits(300, 100_000)


@pytest.mark.parametrize("enforce", ["window", "bucket"])
def test_an_enforced_refusal_blocks_everybody_for_as_long_as_the_server_says(standin, conn, enforce):
    standin.tell(tokens_per_minute=100, enforce=enforce, rate_headers=False)
    limiter = Limiter(conn, standin.base_url, MODEL, Limits(600, 200_000))
    pace = SharedPace(limiter, patience=0.5)
    try:
        with pytest.raises(TransientError) as raised:
            Shelf().run(standin, TEXTS[:60], pace=pace, max_in_flight=1)
    finally:
        pace.close()
    assert raised.value.retry_after > 0.5
    assert limiter.reserve(1).wait > 0.5
    assert standin.figures()["status"]["429"] == 1
