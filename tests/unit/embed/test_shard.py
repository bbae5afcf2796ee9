"""A shard under every kind of trouble: what is paid for is saved, what is poison stands alone, nothing is lost."""

import asyncio
import threading
from collections.abc import Iterator
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.embed.models import HashModel, Poisoned, vector_of
from vectorshelf.embed.delivery import PROBE, Figures, Paid
from vectorshelf.embed.embedder import BadAnswerError, Embedded, Embedder, NoAnswerError, RefusedError
from vectorshelf.embed.pace import Unpaced
from vectorshelf.embed.packing import RequestSize
from vectorshelf.embed.retry import Retries
from vectorshelf.embed.shard import TEXTS_IN_FLIGHT, embed_shard
from vectorshelf.errors import BrakeError, ConfigurationError, RejectedTextsError, TransientError, VectorshelfError
from vectorshelf.store.budget import MoneyPromisedError, TooLargeError
from vectorshelf.store.pacing import Observed
from vectorshelf.store.pending import Others


def hashed(texts: list[str]) -> Iterator[tuple[bytes, str]]:
    return ((sha256(text.encode()).digest(), text) for text in texts)


class Shelf:
    """Where a shard's results go, in place of the database; and time that passes when it is slept."""

    def __init__(self) -> None:
        self.vectors: dict[bytes, list[float]] = {}
        self.rejected: dict[str, str] = {}
        self.paid: list[Paid] = []
        self.slept: list[float] = []
        self.threads: set[int] = set()

    def save(self, sha256s, vectors, paid):
        self.threads.add(threading.get_ident())
        self.vectors.update(zip(sha256s, vectors.tolist(), strict=True))
        self.paid.append(paid)

    def on_reject(self, sha, text, reason):
        self.threads.add(threading.get_ident())
        self.rejected[text] = reason

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    def embed(self, texts: list[str], model: Embedder, **options) -> Figures:
        options = {"size": RequestSize(texts=10), "sleep": self.sleep, "random": lambda: 0.5, **options}
        return asyncio.run(
            embed_shard(hashed(texts), model, pace=Unpaced(), save=self.save, on_reject=self.on_reject, **options)
        )

    def holds(self, texts: list[str]) -> bool:
        return self.vectors == {sha: vector_of(text).tolist() for sha, text in hashed(texts)}


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


class Purse:
    """Money for so many texts; numbers its promises from 1. `promised` times it is others' first."""

    def __init__(self, texts: int, *, too_large: bool = False, promised: int = 0) -> None:
        self.left, self.too_large, self.promised = texts, too_large, promised
        self.holds = 0
        self.released: list[int] = []
        self.presumed: list[int] = []

    def hold(self, texts: int, tokens: int, size: int) -> int:
        if self.promised:
            self.promised -= 1
            raise MoneyPromisedError("under way")
        if texts > self.left:
            raise (TooLargeError if self.too_large and self.left else BrakeError)("over budget")
        self.left -= texts
        self.holds += 1
        return self.holds

    def release(self, hold: int) -> None:
        self.released.append(hold)

    def presume(self, hold: int) -> None:
        self.presumed.append(hold)


def named(count: int) -> list[str]:
    return [f"product {number}" for number in range(count)]


def failing_first(times: int, error: Exception):
    left = [times]

    def script(texts, answer):
        if left[0]:
            left[0] -= 1
            raise error

    return script


def test_every_text_gets_its_own_vector(shelf):
    figures = shelf.embed(named(95), HashModel())
    assert shelf.holds(named(95))
    assert (figures.texts, figures.requests, figures.rejected) == (95, 10, 0)
    assert sum(paid.texts for paid in shelf.paid) == 95


def test_an_empty_shard_asks_nothing(shelf):
    model = HashModel()
    shelf.embed([], model)
    assert model.asked == []


def test_no_more_requests_are_in_flight_than_allowed_and_that_many_are(shelf):
    class Crowd(HashModel):
        """Answers only when three requests are there together."""

        three = asyncio.Barrier(3)

        async def answered(self):
            await self.three.wait()

    model = Crowd()
    shelf.embed(named(300), model, max_in_flight=3)
    assert len(model.asked) == 30
    assert model.most_in_flight == 3


def test_large_requests_are_as_few_at_a_time_as_their_answers_memory_asks(shelf):
    class Pairs(HashModel):
        """Answers only when two requests are there together."""

        two = asyncio.Barrier(2)

        async def answered(self):
            await self.two.wait()

    model = Pairs()
    shelf.embed(named(12_000), model, size=RequestSize(texts=1_500), max_in_flight=8)
    assert [len(request) for request in model.asked] == [1_500] * 8
    assert model.most_in_flight == TEXTS_IN_FLIGHT // 1_500 == 2


def test_texts_are_pulled_no_further_ahead_than_what_is_in_flight(shelf):
    pulled, ahead = [0], []

    def stream():
        for item in hashed(named(500)):
            pulled[0] += 1
            yield item

    def save(sha256s, vectors, paid):
        shelf.save(sha256s, vectors, paid)
        ahead.append(pulled[0] - len(shelf.vectors))

    asyncio.run(
        embed_shard(
            stream(),
            HashModel(),
            pace=Unpaced(),
            save=save,
            on_reject=shelf.on_reject,
            size=RequestSize(texts=10, share=10**6),
            max_in_flight=4,
        )
    )
    assert shelf.holds(named(500))
    assert max(ahead) <= 4 * 10 + 1


def test_the_database_sees_one_thread_and_not_the_event_loops(shelf):
    shelf.embed([*named(40), "poison", " "], Poisoned())
    assert len(shelf.threads) == 1
    assert threading.get_ident() not in shelf.threads


def test_transient_errors_are_tried_again_with_growing_waits(shelf):
    figures = shelf.embed(named(5), HashModel(failing_first(3, TransientError("502"))))
    assert shelf.holds(named(5))
    assert shelf.slept == [0.375, 0.75, 1.5]
    assert figures.requests == 4


def test_retry_waits_as_long_as_the_server_asks(shelf):
    refused = RefusedError("429", Observed(refused=True, retry_after=130.0))
    figures = shelf.embed(named(5), HashModel(failing_first(1, refused)))
    assert shelf.slept[0] >= 130.0
    assert figures.refusals == 1


def test_a_wait_beyond_patience_is_left_to_the_scheduler(shelf):
    refused = RefusedError("429", Observed(refused=True, retry_after=3_600.0))
    with pytest.raises(TransientError) as raised:
        shelf.embed(named(5), HashModel(failing_first(1, refused)))
    assert raised.value.retry_after == 3_600.0
    assert shelf.slept == []


def test_retries_end(shelf):
    model = HashModel(failing_first(100, TransientError("502")))
    with pytest.raises(TransientError, match="502"):
        shelf.embed(named(5), model, retries=Retries(attempts=4))
    assert model.asked == [*[named(5)] * 4, [PROBE]]  # it might have been one text's fault


def test_configuration_errors_are_not_tried_again(shelf):
    model = HashModel(failing_first(100, ConfigurationError("no quota")))
    with pytest.raises(ConfigurationError, match="no quota"):
        shelf.embed(named(5), model)
    assert len(model.asked) == 1
    assert shelf.slept == []


def test_an_unusable_answer_is_paid_for_in_the_books_and_asked_again(shelf):
    figures = shelf.embed(named(5), HashModel(failing_first(1, BadAnswerError("cut short"))))
    assert shelf.holds(named(5))
    assert [paid.texts for paid in shelf.paid] == [0, 5]
    assert figures.tokens == sum(paid.tokens for paid in shelf.paid) > shelf.paid[1].tokens


def test_good_vectors_of_a_faulty_answer_are_kept_and_only_the_faulty_text_is_asked_again(shelf):
    def spoil(texts, answer):
        if len(texts) > 1:
            vectors = answer.vectors.copy()
            vectors[3] = np.nan
            return Embedded(vectors, answer.tokens)
        return None

    model = HashModel(spoil)
    shelf.embed(named(10), model)
    assert model.asked == [named(10), ["product 3"]]
    assert shelf.holds(named(10))


def test_a_text_that_never_gets_a_vector_goes_to_quarantine_with_what_came_instead(shelf):
    def zero(texts, answer):
        vectors = answer.vectors.copy()
        vectors[[place for place, text in enumerate(texts) if text == "product 3"]] = 0
        return Embedded(vectors, answer.tokens)

    figures = shelf.embed(named(10), HashModel(zero), retries=Retries(attempts=3))
    assert shelf.rejected == {"product 3": "the model returned a zero vector"}
    assert (figures.texts, figures.rejected) == (9, 1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_poison_is_isolated_exactly(guilty):
    texts = [f"{'poison' if bad else 'product'} {place}" for place, bad in enumerate(guilty)]
    shelf, good = Shelf(), [text for text in texts if "poison" not in text]
    figures = shelf.embed(texts, Poisoned(), size=RequestSize(texts=16))
    assert set(shelf.rejected) == set(texts) - set(good)
    assert set(shelf.rejected.values()) <= {"the input was rejected"}
    assert shelf.holds(good)
    assert (figures.texts, figures.rejected) == (len(good), len(texts) - len(good))


def test_one_poisoned_text_among_1024_costs_fifteen_requests_more(shelf):
    texts = [*named(700), "poison", *named(1_023)[700:]]
    figures = shelf.embed(texts, Poisoned(), size=RequestSize(texts=1_024))
    # Two for each of ten halvings, less those for a second half that must hold what the first did not.
    # And one that asks for the text again, before it is put aside.
    assert figures.requests == 1 + 14 + 1
    assert figures.isolating == 15


def test_an_endpoint_that_rejects_everything_is_a_configuration_error_and_quarantines_nothing(shelf):
    def refuse(texts, answer):
        raise RejectedTextsError("unknown field")

    with pytest.raises(ConfigurationError, match=r"rejects every text.*unknown field"):
        shelf.embed(named(50), HashModel(refuse))
    assert shelf.rejected == {}


def test_a_shard_of_nothing_but_poison_is_not_the_endpoints_fault(shelf):
    shelf.embed([f"poison {number}" for number in range(30)], Poisoned())
    assert len(shelf.rejected) == 30


def test_empty_texts_are_never_sent(shelf):
    model = HashModel()
    shelf.embed(["", "  ", "product"], model)
    assert model.asked == [["product"]]
    assert shelf.rejected == {"": "the text is empty", "  ": "the text is empty"}


def test_too_long_texts_are_cut_at_a_word_and_stored_under_the_whole_texts_hash(shelf):
    text = "word " * 10_000
    model = HashModel()
    figures = shelf.embed([text], model)
    [[sent]] = model.asked
    assert text.startswith(sent)
    assert sent.endswith("word")
    assert 32_000 < len(sent) <= 32_768
    assert list(shelf.vectors) == [sha256(text.encode()).digest()]
    assert figures.truncated == 1


def test_too_long_texts_go_to_quarantine_where_the_catalog_says_so(shelf):
    model = HashModel()
    shelf.embed(["word " * 10_000, "short"], model, too_long="quarantine")
    assert model.asked == [["short"]]
    [reason] = shelf.rejected.values()
    assert reason == "longer than 8,192 tokens (about 12,500)"


def test_a_text_longer_in_tokens_than_its_bytes_said_is_cut_until_it_fits(shelf):
    def limit(texts, answer):
        if any(len(text) > 12_000 for text in texts):
            raise RejectedTextsError("This model's maximum context length is 8192 tokens")

    figures = shelf.embed(["dense " * 5_000, *named(3)], HashModel(limit))
    assert figures.texts == 4
    assert shelf.rejected == {}


def test_the_budget_is_asked_before_each_request_and_what_is_under_way_is_kept(shelf):
    purse, model = Purse(texts=30), HashModel()
    with pytest.raises(BrakeError):
        shelf.embed(named(100), model, purse=purse)
    assert len(model.asked) == 3
    assert shelf.holds([text for request in model.asked for text in request])
    assert [paid.hold for paid in shelf.paid] == [1, 2, 3]


def test_a_request_too_large_for_what_is_left_is_cut_until_it_fits(shelf):
    purse, model = Purse(texts=27, too_large=True), HashModel()
    with pytest.raises(BrakeError):
        shelf.embed(named(100), model, purse=purse, max_in_flight=1)
    assert [len(request) for request in model.asked] == [10, 10, 5, 2]
    assert shelf.holds([text for request in model.asked for text in request])


def test_a_request_waits_for_money_that_is_promised_to_others(shelf):
    purse = Purse(texts=5, promised=3)
    shelf.embed(named(5), HashModel(), purse=purse)
    assert shelf.holds(named(5))
    assert len(shelf.slept) == 3


def test_money_that_others_never_give_back_ends_in_another_try_later(shelf):
    with pytest.raises(MoneyPromisedError):
        shelf.embed(named(5), HashModel(), purse=Purse(texts=5, promised=10_000))


@pytest.mark.parametrize(
    ("error", "fate"),
    [(TransientError("502"), "released"), (RefusedError("429", Observed(refused=True)), "released"),
     (NoAnswerError("reset"), "presumed")],
)  # fmt: skip
def test_without_an_answer_the_money_is_given_back_unless_it_may_be_spent(shelf, error, fate):
    purse = Purse(texts=10)
    shelf.embed(named(5), HashModel(failing_first(1, error)), purse=purse)
    assert shelf.holds(named(5))
    assert getattr(purse, fate) == [1]
    assert purse.released + purse.presumed == [1]


def test_when_one_request_fails_for_good_the_others_in_flight_are_still_saved(shelf):
    async def scenario():
        both = asyncio.Barrier(2)

        class OneBad(HashModel):
            async def embed(self, texts):
                answer = await super().embed(texts)
                await both.wait()
                if "product 0" in texts:
                    raise ConfigurationError("no quota")
                await asyncio.sleep(0.01)
                return answer

        with pytest.raises(ConfigurationError):
            await embed_shard(
                hashed(named(20)),
                OneBad(),
                pace=Unpaced(),
                save=shelf.save,
                on_reject=shelf.on_reject,
                size=RequestSize(texts=10),
                max_in_flight=2,
            )

    asyncio.run(scenario())
    assert shelf.holds(named(20)[10:])


def test_a_cancelled_shard_saves_what_it_has_paid_for_and_sends_nothing_more(shelf):
    async def scenario():
        arrived, answered = asyncio.Event(), asyncio.Event()

        class Slow(HashModel):
            async def embed(self, texts):
                answer = await super().embed(texts)
                arrived.set()
                await answered.wait()
                return answer

        model = Slow()
        task = asyncio.create_task(
            embed_shard(
                hashed(named(50)),
                model,
                pace=Unpaced(),
                save=shelf.save,
                on_reject=shelf.on_reject,
                size=RequestSize(texts=10),
                max_in_flight=1,
            )
        )
        await arrived.wait()
        task.cancel()
        await asyncio.sleep(0)
        answered.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return model

    model = asyncio.run(scenario())
    assert model.asked == [named(10)]
    assert shelf.holds(named(10))


def test_vectors_that_cannot_be_saved_are_not_bought_again(shelf):
    def broken(sha256s, vectors, paid):
        raise TransientError("the database went away")

    model = HashModel()
    with pytest.raises(TransientError, match="the database went away"):
        asyncio.run(embed_shard(hashed(named(5)), model, pace=Unpaced(), save=broken, on_reject=shelf.on_reject))
    assert len(model.asked) == 1


def test_a_limiter_that_fails_after_the_answer_does_not_make_the_shard_pay_again(shelf):
    class Broken(Unpaced):
        async def settle(self, grant, tokens, observed, seconds):
            raise TransientError("the database went away")

    model = HashModel()
    with pytest.raises(TransientError, match="the database went away"):
        asyncio.run(embed_shard(hashed(named(5)), model, pace=Broken(), save=shelf.save, on_reject=shelf.on_reject))
    assert len(model.asked) == 1
    assert shelf.holds(named(5))


def test_a_failing_source_stops_the_shard_with_its_own_error(shelf):
    def stream():
        yield from hashed(named(15))
        raise VectorshelfError("the database failed")

    with pytest.raises(VectorshelfError, match="the database failed"):
        asyncio.run(
            embed_shard(
                stream(),
                HashModel(),
                pace=Unpaced(),
                save=shelf.save,
                on_reject=shelf.on_reject,
                size=RequestSize(texts=10),
            )
        )
    assert shelf.holds(named(10))


class Turning(HashModel):
    """Good for the first `good` requests, then whatever `bad` makes of them."""

    def __init__(self, good, bad):
        super().__init__(lambda texts, answer: None if len(self.asked) <= good else bad(texts, answer))


def rejecting(texts, answer):
    raise RejectedTextsError("account deactivated")


def all_nan(texts, answer):
    return Embedded(np.full_like(answer.vectors, np.nan), answer.tokens)


def test_an_endpoint_that_turns_to_rejecting_everything_puts_nobody_into_quarantine(shelf):
    with pytest.raises(ConfigurationError, match="rejects every text, even a harmless one: account deactivated"):
        shelf.embed(named(200), Turning(3, rejecting), max_in_flight=1)
    assert shelf.rejected == {}
    assert shelf.holds(named(30))


@pytest.mark.parametrize("count", [200, 31])
def test_an_endpoint_that_turns_to_nan_puts_nobody_into_quarantine(shelf, count):
    with pytest.raises(TransientError, match=r"can be used|unusable vectors"):
        shelf.embed(named(count), Turning(3, all_nan), max_in_flight=1, retries=Retries(attempts=3))
    assert shelf.rejected == {}
    assert shelf.holds(named(30))


def test_a_lone_text_refused_last_goes_to_quarantine_once_the_endpoint_took_another(shelf):
    model = Poisoned()
    figures = shelf.embed([*named(10), "poison"], model, max_in_flight=1)
    assert shelf.rejected == {"poison": "the input was rejected"}
    assert model.asked[-2:] == [[PROBE], ["poison"]]
    assert shelf.holds(named(10))
    assert (figures.texts, figures.rejected, figures.isolating) == (10, 1, 2)


def test_vectors_of_another_size_are_a_matter_of_configuration_when_they_stay(shelf):
    def short(texts, answer):
        return Embedded(answer.vectors[:, :3], answer.tokens)

    model = HashModel(short)
    with pytest.raises(ConfigurationError, match="model returned 3 numbers, table holds 8"):
        shelf.embed(named(200), model, max_in_flight=4)
    assert 8 <= len(model.asked) <= 11


def test_vectors_of_another_size_now_and_then_are_a_fault_like_any_other(shelf):
    def short(texts, answer):
        return None if len(model.asked) % 3 == 0 else Embedded(answer.vectors[:, :3], answer.tokens)

    model = HashModel(short)
    shelf.embed(named(100), model, max_in_flight=1)
    assert shelf.holds(named(100))


def test_what_a_bad_answer_says_it_cost_is_what_is_booked(shelf):
    shelf.embed(named(5), HashModel(failing_first(1, BadAnswerError("cut short", tokens=1_234))))
    assert shelf.paid[0].tokens == 1_234


def test_a_bad_answer_that_does_not_say_what_it_cost_counts_at_its_most(shelf):
    purse = Purse(texts=10)
    shelf.embed(named(5), HashModel(failing_first(1, BadAnswerError("cut short"))), purse=purse)
    assert (purse.presumed, purse.released) == ([1], [])
    assert [paid.hold for paid in shelf.paid] == [2]


def test_money_promised_while_the_shard_is_cancelled_is_given_back(shelf):
    async def scenario():
        asks, may_promise = threading.Event(), threading.Event()

        class Slow(Purse):
            def hold(self, texts, tokens, size):
                asks.set()
                assert may_promise.wait(30)
                return super().hold(texts, tokens, size)

        model, purse = HashModel(), Slow(texts=50)
        task = asyncio.create_task(
            embed_shard(
                hashed(named(5)), model, pace=Unpaced(), save=shelf.save, on_reject=shelf.on_reject, purse=purse
            )
        )
        await asyncio.to_thread(asks.wait, 30)
        task.cancel()
        await asyncio.sleep(0)
        may_promise.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return model, purse

    model, purse = asyncio.run(scenario())
    assert model.asked == []
    assert (purse.holds, purse.released) == (1, [1])


class Neighbours:
    """A shard of which others embed some texts at first. `leave` says, look by look, what they are still at."""

    def __init__(self, texts, leave):
        self.texts, self.leave = texts, list(leave)
        self.mine = set(texts) - set(self.leave[0])
        self.waited = []
        self.pulse = 1

    def __iter__(self):
        yield from hashed([text for text in self.texts if text in self.mine])
        self.mine = set()

    def others(self):
        now = self.leave.pop(0)
        then = self.leave[0] if self.leave else []
        self.mine = {text for text in now if text not in then and text.startswith("orphan")}
        return Others(len(now), "embed 0 of another run", self.pulse)

    def embed(self, shelf, model):
        return asyncio.run(
            embed_shard(
                self, model, pace=Unpaced(), save=shelf.save, on_reject=shelf.on_reject, others=self.others,
                on_wait=lambda found: self.waited.append(found.texts), sleep=shelf.sleep,
            )
        )  # fmt: skip


def test_texts_that_others_embed_are_waited_for_and_those_they_leave_are_embedded_here(shelf):
    texts = [*named(3), "theirs 1", "theirs 2", "orphan"]
    shard = Neighbours(texts, [texts[3:], texts[4:], ["orphan"], []])
    model = HashModel()
    shard.embed(shelf, model)
    assert model.asked == [named(3), ["orphan"]]
    assert shard.waited == [3, 2, 1]


def test_others_who_never_come_to_an_end_are_left_to_the_scheduler(shelf):
    shard = Neighbours(["theirs"], [["theirs"]] * 10_000)
    with pytest.raises(TransientError, match="embed 0 of another run has been embedding 1 of these texts for 30 min"):
        shard.embed(shelf, HashModel())


def test_others_who_are_slow_but_at_work_are_waited_for(shelf):
    class AtWork(Neighbours):
        def others(self):
            self.pulse += 1
            return super().others()

    shard = AtWork(["theirs"], [*[["theirs"]] * 5_000, []])
    shard.embed(shelf, HashModel())
    assert len(shelf.slept) == 5_000


def test_texts_refused_while_the_endpoint_was_unwell_are_asked_for_again_and_embedded(shelf):
    def script(texts, answer):
        if 3 <= len(model.asked) < 12:
            raise RejectedTextsError("account deactivated")

    model = HashModel(script)
    shelf.embed(named(100), model, max_in_flight=1)
    assert shelf.holds(named(100))
    assert shelf.rejected == {}


def test_a_text_that_the_endpoint_always_fails_on_stands_alone_in_quarantine_and_the_rest_is_embedded(shelf):
    def fails(texts, answer):
        if "product 13" in texts:
            raise TransientError("500")

    texts = named(40)
    figures = shelf.embed(texts, HashModel(fails), max_in_flight=2)
    assert shelf.rejected == {"product 13": "500"}
    assert shelf.holds([text for text in texts if text != "product 13"])
    assert (figures.texts, figures.rejected) == (39, 1)


def test_an_endpoint_that_is_down_puts_nobody_into_quarantine(shelf):
    def down(texts, answer):
        raise TransientError("503")

    with pytest.raises(TransientError, match="503"):
        shelf.embed(named(60), Turning(3, down), max_in_flight=2)
    assert shelf.rejected == {}


def test_an_endpoint_that_tells_no_usage_is_booked_at_the_most_where_a_budget_must_hold(shelf):
    silent = HashModel(lambda texts, answer: Embedded(answer.vectors, None))
    shelf.embed(named(5), silent, purse=Purse(texts=5))
    [paid] = shelf.paid
    assert paid.tokens == sum(map(len, named(5)))
    assert paid.bytes == 0  # it says nothing about tokens per byte


def test_an_endpoint_that_tells_no_usage_is_booked_at_the_estimate_without_a_budget(shelf):
    silent = HashModel(lambda texts, answer: Embedded(answer.vectors, None))
    shelf.embed(named(5), silent)
    [paid] = shelf.paid
    assert 5 <= paid.tokens < sum(map(len, named(5)))


def test_a_place_under_the_limit_is_given_back_when_there_is_no_money(shelf):
    class Places(Unpaced):
        taken = given_back = 0

        async def turn(self, tokens):
            self.taken += 1
            return await super().turn(tokens)

        async def give_back(self, grant):
            self.given_back += 1

    places = Places()
    with pytest.raises(BrakeError):
        asyncio.run(
            embed_shard(
                hashed(named(30)), HashModel(), pace=places, save=shelf.save, on_reject=shelf.on_reject,
                purse=Purse(texts=10), size=RequestSize(texts=10), max_in_flight=1,
            )
        )  # fmt: skip
    assert (places.taken, places.given_back) == (2, 1)
