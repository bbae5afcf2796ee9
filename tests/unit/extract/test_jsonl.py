"""JSON lines: typed values, keys that come and go, lines that are no objects."""

import gzip
import json

import pytest

from tests.unit.extract.feeds import Feed
from vectorshelf.errors import SourceError


def line(**values: object) -> str:
    return json.dumps({"sku": "1", "title": "Lamp", "department": "Home", **values}) + "\n"


def test_values_keep_their_types_in_the_attributes(feed: Feed):
    values = {"price": 9.5, "stock": 3, "new": True, "size": {"w": 1, "tags": ["a", None]}, "tags": ["x", "y"]}
    (lamp,) = feed.products(line(**values), "feed.jsonl")
    assert json.loads(lamp.attributes) == values
    assert (lamp.line, lamp.id, lamp.name, lamp.category, lamp.text) == (1, "1", "Lamp", "Home", "Lamp Home")


def test_null_and_empty_values_are_left_out_at_the_top_only(feed: Feed):
    (lamp,) = feed.products(line(a=None, b="", c=" ", d=[], e={}, f=0, g=False, h={"x": None}), "feed.jsonl")
    assert json.loads(lamp.attributes) == {"f": 0, "g": False, "h": {"x": None}}


@pytest.mark.parametrize(
    ("given", "key"),
    [(7, "7"), (-7, "-7"), (0, "0"), (12345678901234567890, "12345678901234567890"), (7.0, "7"), (" a b ", "a b")],
)
def test_whole_numbers_and_text_are_ids(feed: Feed, given: object, key: str):
    assert feed.products(line(sku=given), "feed.jsonl")[0].id == key


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (True, "the id is true or false"),
        ([1], "the id is a list"),
        ({"a": 1}, "the id is an object"),
        (1.5, "the id is a fraction"),
        (1e300, "the id is a fraction"),
        (None, "the id is empty"),
        ("", "the id is empty"),
        ("a\0b", "NUL"),
    ],
)
def test_an_id_of_another_kind_is_a_reject(feed: Feed, given: object, reason: str):
    ids, (reject,) = feed.ids_and_rejects(line(sku=given) + line(sku="2"), "feed.jsonl")
    assert ids == ["2"]
    assert reason in reject.reason
    assert reject.line == 1


@pytest.mark.parametrize("given", [["Lamp"], {"en": "Lamp"}, True])
def test_a_name_must_be_text(feed: Feed, given: object):
    _, (reject,) = feed.ids_and_rejects(line(title=given), "feed.jsonl")
    assert "the name is" in reject.reason


def test_values_of_any_kind_read_well_in_the_text(feed: Feed):
    (lamp,) = feed.products(
        line(title=501, tags=["a", "b"], size={"w": 1, "h": None}, new=True, price=9.5, none=None),
        "feed.jsonl",
        text="{name} {tags} {size} {new} {price} {none}",
    )
    assert lamp.text == "501 a, b w: 1 true 9.5"
    assert lamp.name == "501"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"sku": "2", "title": \n', "is not valid JSON"),
        ("[1, 2]\n", "is [1, 2], not a JSON object"),
        ("7\n", "is 7, not a JSON object"),
        ("null\n", "is null, not a JSON object"),
        ('{"sku": "2", "title": "\\ud800", "department": ""}\n', "is not valid JSON"),
        ('{"sku": "2", "title": "x", "department": "", "a": {"b": "\\u0000"}}\n', "NUL"),
        ('{"sku": "2", "title": "x", "department": "", "a\\u0000": 1}\n', "NUL"),
        ('{"sku": "2", "title": "x\\u0000", "department": ""}\n', "NUL"),
        ('{"sku": "2", "title": "x", "n": NaN, "a": "\\ud800"}\n', "is not valid JSON"),
        ('{"sku": "2", "title": "x", "department": "", "a": "\0"}\n', "is not valid JSON"),
        ("[" * 100_000 + "\n", "is not valid JSON"),
    ],
)
def test_a_line_that_cannot_be_used_is_a_reject_and_the_others_go_on(feed: Feed, bad: str, reason: str):
    ids, (reject,) = feed.ids_and_rejects(line() + bad + line(sku="3"), "feed.jsonl")
    assert ids == ["1", "3"]
    assert reject.line == 2
    assert reason in reject.reason


def test_a_backslash_before_u0000_is_text_and_no_nul(feed: Feed):
    (lamp,) = feed.products(line(path="C:\\u0000"), "feed.jsonl")
    assert json.loads(lamp.attributes) == {"path": "C:\\u0000"}


def test_numbers_that_are_not_finite_say_nothing_and_are_null_inside_others(feed: Feed):
    (lamp,) = feed.products(line(a=float("nan"), b=[float("inf")], c=1), "feed.jsonl")
    assert json.loads(lamp.attributes) == {"b": [None], "c": 1}


def test_blank_lines_are_passed_over_and_counted(feed: Feed):
    assert [p.line for p in feed.products("\n \n" + line() + "\r\n" + line(), "feed.jsonl")] == [3, 5]


def test_gzip_and_ndjson_are_read(feed: Feed):
    assert feed.products(gzip.compress(line().encode()), "feed.ndjson.gz")[0].id == "1"


def test_a_json_array_is_refused_with_what_to_do(feed: Feed):
    with pytest.raises(SourceError, match="is a JSON array, not JSON lines: write one object a line"):
        feed.rows("\n[" + line() + "]", "feed.jsonl")


def test_a_key_may_be_missing_here_and_there(feed: Feed):
    data = '{"sku": "1", "title": "Lamp"}\n' + line(sku="2")
    assert [(p.id, p.category) for p in feed.products(data, "feed.jsonl")] == [("1", ""), ("2", "Home")]


@pytest.mark.parametrize(
    ("text", "absent"), [("{name}", r"'sku' \(columns\.id\)"), ("{name} {brand}", r"'brand' \(text\)")]
)
def test_a_key_that_never_comes_is_a_wrong_name(feed: Feed, text: str, absent: str):
    key = "SKU" if "sku" in absent else "sku"
    data = (line() + line()).replace("sku", key)
    with pytest.raises(SourceError, match=absent + r".*it has: (SKU|sku), title, department"):
        feed.rows(data, "feed.jsonl", text=text)


def test_deletions_need_only_id_and_mark(feed: Feed):
    columns = {"id": "sku", "name": "title", "category": "department", "deleted": "gone"}
    data = '{"sku": 1, "gone": true}\n{"sku": 2, "gone": "yes"}\n{"sku": 3, "gone": 1}\n'
    assert [p.deleted for p in feed.products(data, "feed.jsonl", mode="delta", columns=columns)] == [True] * 3
    (kept,) = feed.products(line(gone=False), "feed.jsonl", mode="delta", columns=columns)
    assert kept.deleted is False


def test_a_file_of_blank_lines_is_empty(feed: Feed):
    with pytest.raises(SourceError, match="is empty"):
        feed.rows("\n\n", "feed.jsonl")


def test_the_raw_line_of_a_reject_is_the_files_own(feed: Feed):
    data = '{"sku":  "1", "title": "", "department": "x"}\n'
    _, (reject,) = feed.ids_and_rejects(data, "feed.jsonl")
    assert reject.raw == data
