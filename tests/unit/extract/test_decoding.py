"""Encodings: recognised, declared, or refused with what to declare."""

import codecs

import pytest

from tests.unit.extract.feeds import GOOD, HEADER, Feed
from vectorshelf.errors import SourceError

TEXT = HEADER + "1,Lämpchen für 5 €,Küche,9\n"


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_utf8_is_read_with_and_without_byte_order_mark(feed: Feed, mark: bytes):
    (lamp,) = feed.products(mark + TEXT.encode())
    assert (lamp.id, lamp.name) == ("1", "Lämpchen für 5 €")


def test_a_byte_order_mark_before_a_quoted_header_is_no_part_of_it(feed: Feed):
    data = codecs.BOM_UTF8 + TEXT.replace("sku", '"sku"').encode()
    assert feed.products(data)[0].id == "1"


@pytest.mark.parametrize("encoding", ["cp1252", "iso8859-15", "utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_a_declared_encoding_is_used(feed: Feed, encoding: str):
    assert feed.products(TEXT.encode(encoding), source={"encoding": encoding})[0].name == "Lämpchen für 5 €"


def test_a_declared_byte_order_may_be_marked_as_well(feed: Feed):
    data = codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le")
    assert feed.products(data, source={"encoding": "utf-16-le"})[0].id == "1"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_wide_encoding_that_is_not_declared_is_named(feed: Feed, encoding: str):
    with pytest.raises(SourceError, match=f"set source.encoding to {encoding}$"):
        feed.rows(TEXT.encode(encoding))


def test_a_mark_that_contradicts_the_declared_encoding_is_refused(feed: Feed):
    with pytest.raises(SourceError, match=r"mark of utf-8, source\.encoding is cp1252: set source\.encoding to utf-8"):
        feed.rows(codecs.BOM_UTF8 + TEXT.encode(), source={"encoding": "cp1252"})


def test_wide_text_without_a_mark_is_refused_with_a_hint(feed: Feed):
    with pytest.raises(SourceError, match=r"NUL bytes.*utf-16"):
        feed.rows(TEXT.encode("utf-16-le"))


def test_bytes_that_are_not_utf8_cost_their_row_only_and_name_the_remedy(feed: Feed):
    data = (HEADER + GOOD).encode() + "2,Tür,Haus,5\n".encode("cp1252") + b"3,Desk,Home,5\n"
    ids, (reject,) = feed.ids_and_rejects(data)
    assert ids == ["1", "3"]
    assert (reject.line, reject.id) == (3, "2")
    assert "not utf-8: declare the file's own encoding as source.encoding" in reject.reason
    assert reject.raw == "2,T\\xfcr,Haus,5\n"


@pytest.mark.parametrize(
    ("encoding", "bad"),
    [("gb18030", b"2,\x81\x20x,Home,5\n"), ("shift_jis", b"2,\x81\x20x,Home,5\n"), ("cp1252", b"2,\x81,Home,5\n")],
)
def test_bytes_that_a_declared_encoding_does_not_know_cost_their_row_only(feed: Feed, encoding: str, bad: bytes):
    data = (HEADER + GOOD).encode() + bad + b"3,Desk,Home,5\n"
    ids, (reject,) = feed.ids_and_rejects(data, source={"encoding": encoding})
    assert (ids, reject.line) == (["1", "3"], 3)


def test_half_a_surrogate_pair_in_utf16_costs_its_row_only(feed: Feed):
    data = (HEADER + GOOD + "2,").encode("utf-16") + b"\x00\xd8" + ",Home,5\n3,Desk,Home,5\n".encode("utf-16-le")
    ids, (reject,) = feed.ids_and_rejects(data, source={"encoding": "utf-16"})
    assert (ids, reject.line) == (["1", "3"], 3)


def test_a_header_that_cannot_be_decoded_is_refused(feed: Feed):
    with pytest.raises(SourceError, match=r"line 1: the header is not utf-8: set source\.encoding"):
        feed.rows("sku,title,department,größe\n1,a,b,c\n".encode("cp1252"))


def test_json_lines_are_decoded_alike(feed: Feed):
    data = '{"sku": 1, "title": "Tür", "department": ""}\n'
    assert feed.products(codecs.BOM_UTF8 + data.encode(), "feed.jsonl")[0].name == "Tür"
    assert feed.products(data.encode("cp1252"), "feed.jsonl", source={"encoding": "cp1252"})[0].name == "Tür"
    _, (reject,) = feed.ids_and_rejects(data.encode("cp1252"), "feed.jsonl")
    assert "source.encoding" in reject.reason
