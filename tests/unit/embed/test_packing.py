"""As few requests as the limits allow: nothing reordered, dropped or split."""

from hypothesis import given
from hypothesis import strategies as st

from vectorshelf.embed.packing import MAX_TOKENS, Packer, RequestSize, Text, halves, least_requests, request_size
from vectorshelf.embed.tokens import estimated_tokens

texts_of_any_length = st.lists(st.integers(1, 4_000).map(lambda length: "x" * length), max_size=200)


def pack(texts: list[str], size: RequestSize, ratio: float = 0.25) -> list[list[str]]:
    stream = (Text(text.encode(), text) for text in texts)  # a generator, as the database gives it
    return [[item.text for item in request] for request in Packer(stream, size, lambda: ratio)]


@given(texts_of_any_length, st.integers(1, 50), st.integers(1, 5_000))
def test_every_text_is_packed_once_and_in_order(texts, most, share):
    requests = pack(texts, RequestSize(texts=most, share=share))
    assert [text for request in requests for text in request] == texts
    assert all(requests)


@given(texts_of_any_length, st.integers(1, 50), st.integers(1, 5_000))
def test_only_a_text_too_large_by_itself_exceeds_the_share(texts, most, share):
    for request in pack(texts, RequestSize(texts=most, share=share)):
        assert len(request) <= most
        assert len(request) == 1 or estimated_tokens(request) <= share


@given(texts_of_any_length, st.floats(0.01, 1.0))
def test_the_endpoints_own_estimate_is_kept_whatever_the_calibration_says(texts, ratio):
    for request in pack(texts, RequestSize(tokens=2_000), ratio):
        assert len(request) == 1 or estimated_tokens(request, max(ratio, 0.25)) <= 2_000


def test_nineteen_thousand_short_texts_need_the_fewest_requests():
    assert len(pack(["forty bytes of text about some product.."] * 19_406, RequestSize())) == 10


def test_what_responses_teach_about_tokens_per_byte_counts_in_the_next_request():
    ratios = iter([0.25, 0.5, 0.5])
    stream = (Text(b"", "x" * 400) for _ in range(30))
    packer = Packer(stream, RequestSize(share=1_000), lambda: next(ratios))
    assert [len(next(packer)), len(next(packer))] == [10, 5]


def test_a_short_run_takes_large_requests_and_a_long_one_small_portions():
    assert request_size(3_000, 1_000_000, planned_tokens=500_000).share == 100_000
    assert request_size(3_000, 1_000_000, planned_tokens=50_000_000).share == 10_000


@given(texts_of_any_length, st.integers(1, 50), st.integers(1_000, 5_000))
def test_the_planned_number_of_requests_is_never_above_what_packing_needs(texts, most, share):
    size = RequestSize(texts=most, share=share)
    assert least_requests(len(texts), estimated_tokens(texts), size) <= len(pack(texts, size))


def test_portions_never_make_the_number_of_requests_the_limit():
    share = request_size(60, 200_000, planned_tokens=10_000_000).share
    assert 200_000 / share <= 60


def test_no_request_is_sized_beyond_the_endpoints_own_limit():
    assert request_size(3_000, 100_000_000, planned_tokens=1).share == MAX_TOKENS


@given(st.lists(st.integers(), min_size=2))
def test_halves_are_both_smaller_and_together_the_whole(items):
    left, right = halves(items)
    assert left + right == items
    assert 0 < len(left) < len(items)
