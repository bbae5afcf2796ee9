"""Typed values as ids, as text and as JSON."""

import json
from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from vectorshelf.extract.values import id_text, is_blank, is_scalar, json_text, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", "a b"),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (7.5, "7.5"),
        (float("nan"), ""),
        (float("-inf"), ""),
        (Decimal("12.50"), "12.50"),
        (Decimal("NaN"), ""),
        (Decimal("Infinity"), ""),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (time(8, 30), "08:30:00"),
        (timedelta(hours=1), "1:00:00"),
        (b"bytes", "bytes"),
        (memoryview(b"view"), "view"),
        (b"\xff", "/w=="),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (["a", None, "", ["b"]], "a, b"),
        ({"w": 1, "h": None}, "w: 1"),
    ],
)
def test_text_reads_as_a_person_would_write_it(value: object, text: str):
    assert text_of(value) == text


@pytest.mark.parametrize("value", [True, [], {}, 1.5, Decimal("1.5"), 2.0**53, time(1), timedelta(1)])
def test_what_cannot_be_an_id_is_none(value: object):
    assert id_text(value) is None


@pytest.mark.parametrize("value", [None, "", "  ", float("nan"), Decimal("NaN"), b""])
def test_no_id_is_empty(value: object):
    assert id_text(value) == ""


def test_numbers_of_any_size_are_exact_ids():
    assert id_text(2**70) == str(2**70)
    assert id_text(Decimal(2**70)) == str(2**70)
    assert id_text(2.0**53 - 1) == str(2**53 - 1)


def test_collections_and_truth_values_are_no_names():
    assert not any(map(is_scalar, [True, [], {}, (), set(), OrderedDict()]))
    assert all(map(is_scalar, ["a", 1, 1.5, None, Decimal(1), date(2026, 1, 1)]))


def test_zero_and_false_say_something():
    assert not any(map(is_blank, [0, 0.0, False, Decimal(0), "0", [None], {"a": None}, date(2026, 1, 1)]))
    assert all(map(is_blank, [None, "", " \n", [], (), {}, float("nan"), Decimal("Infinity")]))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+5"), "1E+5"),
        (Decimal("-0.0"), "-0.0"),
        (Decimal("NaN"), "null"),
        (Decimal("1E+5000"), '"1E+5000"'),
        (float("inf"), "null"),
        ({1: "a", None: "b"}, '{"1":"a","null":"b"}'),
        (OrderedDict(a=1), '{"a":1}'),
        ({"a"}, '["a"]'),
        (b"\xff", '"/w=="'),
        ("ü", '"ü"'),
    ],
)
def test_json_keeps_what_it_can(value: object, written: str):
    text = json_text({"x": value})
    assert text == f'{{"x":{written}}}'
    json.loads(text)


@pytest.mark.parametrize("value", [2**70, "\ud800", "\0", {"\0": 1}, ["a\0b"], "\\\0"])
def test_what_jsonb_cannot_hold_says_why(value: object):
    with pytest.raises(ValueError, match="an attribute"):
        json_text({"x": value})


@pytest.mark.parametrize("value", ["\\u0000", "\\\\u0000", "\\\\\\u0000", "u0000"])
def test_text_that_looks_like_an_escape_is_text(value: str):
    assert json.loads(json_text({"x": value})) == {"x": value}
