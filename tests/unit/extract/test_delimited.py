"""csv and tsv: what becomes a product, what a reject, and what ends the run."""

import hashlib
import json

import pytest

from tests.unit.extract.feeds import GOOD, HEADER, Feed
from vectorshelf.errors import SourceError


def test_a_row_becomes_a_product_with_its_text_hash_and_attributes(feed: Feed):
    (lamp,) = feed.products(HEADER + GOOD)
    assert (lamp.line, lamp.id, lamp.name, lamp.category) == (2, "1", "Lamp", "Home")
    assert json.loads(lamp.attributes) == {"price": "9.50"}
    assert lamp.text == "Lamp Home"
    assert lamp.sha256 == hashlib.sha256(b"Lamp Home").digest()
    assert lamp.deleted is False


def test_fields_keep_embedded_newlines_delimiters_and_quotes(feed: Feed):
    (lamp, desk) = feed.products('sku,title,department,notes\n1,"A ""big"",\r\nlamp",Home,"a\nb"\n2,Desk,Home,\n')
    assert lamp.name == 'A "big",\r\nlamp'
    assert lamp.text == 'A "big", lamp Home'
    assert json.loads(lamp.attributes) == {"notes": "a\nb"}
    assert (lamp.line, desk.line) == (2, 5)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read_and_the_last_may_be_missing(feed: Feed, end: str):
    data = (HEADER + GOOD + "2,Desk,Home,5").replace("\n", end)
    assert [(p.line, p.id) for p in feed.products(data)] == [(2, "1"), (3, "2")]


def test_blank_lines_are_passed_over_wherever_they_are_and_still_counted(feed: Feed):
    data = "\n  \n,,,\n" + HEADER + "\n" + GOOD + "\n,,,\n \n2,Desk,Home,5\n\n\n"
    assert [(p.line, p.id) for p in feed.products(data)] == [(6, "1"), (10, "2")]


@pytest.mark.parametrize(
    ("row", "reason", "key"),
    [
        ("2,Desk,Home\n", "has 3 fields, the header has 4", "2"),
        ("2,Desk,Home,5,extra\n", "has 5 fields, the header has 4", "2"),
        ("2\n", "has 1 fields", "2"),
        (" ,Desk,Home,5\n", "the id is empty", None),
        (",Desk,Home,5\n", "the id is empty", None),
        ("2, ,Home,5\n", "the name is empty", "2"),
        ("2,De\0sk,Home,5\n", "NUL byte", "2"),
        ("2,Desk,Home,5\0\n", "NUL byte", "2"),
        ('2,"Desk"top,Home,5\n', "badly quoted", None),
        ("x" * 513 + ",Desk,Home,5\n", "513 characters, at most 512", "x" * 512),
    ],
)
def test_an_unusable_row_is_a_reject_with_its_line_and_the_others_go_on(feed: Feed, row: str, reason: str, key):
    ids, (reject,) = feed.ids_and_rejects(HEADER + GOOD + row + "3,Chair,Home,7\n")
    assert ids == ["1", "3"]
    assert reject.line == 3
    assert reason in reject.reason
    assert reject.id == key


def test_a_text_that_is_empty_once_rendered_is_a_reject(feed: Feed):
    ids, (reject,) = feed.ids_and_rejects(HEADER + "1,<br>,,5\n2,Desk,,5\n")
    assert ids == ["2"]
    assert "text to embed is empty" in reject.reason


def test_a_reject_shows_its_row_as_it_stands_in_the_file(feed: Feed):
    _, (reject,) = feed.ids_and_rejects(HEADER + '2,"two\nlines",Home,5,"x, y"\n')
    assert reject.raw == '2,"two\nlines",Home,5,"x, y"\n'


def test_a_reject_holds_only_what_postgres_can_store(feed: Feed):
    _, (reject,) = feed.ids_and_rejects(HEADER.encode() + b"a\0\xff,x,y,z\n")
    for text in (reject.id, reject.raw, reject.reason):
        assert text is not None
        assert "\0" not in text
        text.encode("utf-8")
    assert reject.raw == "a␀\\xff,x,y,z\n"


def test_a_huge_unusable_row_is_not_passed_on_whole(feed: Feed):
    _, (reject,) = feed.ids_and_rejects(HEADER + "2," + "x" * 500_000 + "\n")
    assert len(reject.raw) == 65_536


def test_badly_quoted_lines_say_how_far_they_reach_and_the_next_row_is_read(feed: Feed):
    data = HEADER + '2,"Monitor 24,Home,5\n3,"Chair",Home,7\n4,Desk,Home,5\n'
    ids, (reject,) = feed.ids_and_rejects(data)
    assert ids == ["4"]
    assert (reject.line, "reaches to line 3" in reject.reason) == (2, True)


def test_inch_marks_inside_an_unquoted_field_are_no_quotes(feed: Feed):
    assert feed.products(HEADER + '2,Monitor 24" wide,Home,5\n')[0].name == 'Monitor 24" wide'


def test_a_quote_that_is_never_closed_ends_the_run_and_names_the_line_it_opens_on(feed: Feed):
    data = HEADER + '2,"closed\non line 3","open\n' + GOOD * 50
    with pytest.raises(SourceError, match=r"feed\.csv, line 3: a quoted field begins here that is never closed"):
        feed.rows(data)


def test_a_field_longer_than_the_limit_ends_the_run_instead_of_filling_memory(feed: Feed):
    line = "x" * 1023 + "\n"
    with pytest.raises(SourceError, match="line 3: a quoted field begins here"):
        feed.rows(HEADER + GOOD + '2,"' + line * (17 * 1024) + '",Home,5\n')


def test_a_line_without_end_is_refused(feed: Feed):
    with pytest.raises(SourceError, match="a line of more than 16,777,216 characters"):
        feed.rows(HEADER + GOOD + "x" * (17 * 1024 * 1024))


def test_trailing_delimiters_are_no_extra_fields(feed: Feed):
    assert [p.id for p in feed.products(HEADER + "1,Lamp,Home,9,\n2,Desk,Home,5,,  ,\n")] == ["1", "2"]
    assert [p.id for p in feed.products("sku,title,department,\n1,Lamp,Home\n2,Desk,Home,\n")] == ["1", "2"]


def test_values_under_an_empty_header_name_are_kept_as_column_n(feed: Feed):
    (lamp,) = feed.products("sku,,title,department,\n1,left,Lamp,Home,right\n")
    assert json.loads(lamp.attributes) == {"column_2": "left", "column_5": "right"}


def test_repeated_header_names_that_nobody_maps_get_a_number(feed: Feed):
    (lamp,) = feed.products("sku,title,department,tag,tag,tag_2,tag\n1,Lamp,Home,a,b,c,d\n")
    assert json.loads(lamp.attributes) == {"tag": "a", "tag_3": "b", "tag_2": "c", "tag_4": "d"}


@pytest.mark.parametrize(
    ("header", "key"),
    [("sku,title,department,sku", "columns.id"), ("sku,title,department,brand,brand", "text")],
)
def test_a_repeated_name_that_is_used_is_refused(feed: Feed, header: str, key: str):
    with pytest.raises(SourceError, match=rf"has 2 columns called .* \({key}\): rename"):
        feed.rows(header + "\n1,a,b,c,d\n", text="{name} {brand}")


def test_absent_columns_are_named_with_who_wants_them_what_is_there_and_what_may_be_meant(feed: Feed):
    with pytest.raises(SourceError) as caught:
        feed.rows("SKU,titel,department\n1,Lamp,Home\n", text="{name} {brand}")
    message = str(caught.value)
    assert "'sku' (columns.id)" in message
    assert "'title' (columns.name)" in message
    assert "'brand' (text)" in message
    assert "it has: SKU, titel, department" in message
    assert "is 'SKU' the 'sku'?" in message
    assert "is 'titel' the 'title'?" in message


def test_a_message_about_hundreds_of_columns_stays_readable(feed: Feed):
    with pytest.raises(SourceError, match=r"and 460 more") as caught:
        feed.rows(",".join(f"c{n}" + "x" * 200 for n in range(500)) + "\n1\n")
    assert len(str(caught.value)) < 4000


@pytest.mark.parametrize("data", ["", "\n\n", " \r\n,,\n", HEADER, HEADER + "\n\n"])
def test_a_snapshot_without_rows_is_refused(feed: Feed, data: str):
    with pytest.raises(SourceError, match="is empty"):
        feed.rows(data)


def test_a_delta_with_a_header_only_is_a_quiet_night_but_zero_bytes_are_not(feed: Feed):
    assert feed.rows(HEADER, mode="delta") == []
    with pytest.raises(SourceError, match="is empty"):
        feed.rows("", mode="delta")


def test_ids_names_and_categories_lose_the_space_around_them_and_keep_the_space_inside(feed: Feed):
    (lamp,) = feed.products(HEADER + " a 1 ,  Big  lamp , Home & Garden ,\n")
    assert (lamp.id, lamp.name, lamp.category) == ("a 1", "Big  lamp", "Home & Garden")
    assert lamp.text == "Big lamp Home & Garden"


def test_html_is_dropped_from_the_text_and_kept_in_the_name(feed: Feed):
    (lamp,) = feed.products(HEADER + "1,<b>Lamp</b> &amp; shade,Home,\n")
    assert lamp.text == "Lamp & shade Home"
    assert lamp.name == "<b>Lamp</b> &amp; shade"


def test_a_missing_category_is_empty_and_empty_attributes_are_left_out(feed: Feed):
    (lamp,) = feed.products("sku,title,department,a,b,c\n1,Lamp,,x,, \n")
    assert lamp.category == ""
    assert json.loads(lamp.attributes) == {"a": "x"}


def test_a_catalog_without_categories_needs_no_column_for_them(feed: Feed):
    (lamp,) = feed.products(
        "sku,title\n1,Lamp\n", columns={"id": "sku", "name": "title", "category": None}, text="{name}"
    )
    assert (lamp.category, lamp.text) == ("", "Lamp")


def test_a_placeholder_means_the_mapped_field_before_the_column_of_that_name(feed: Feed):
    (lamp,) = feed.products("sku,name,title,department\n1,PART-9,Lamp,Home\n", text="{name}|{id}|{title}")
    assert lamp.text == "Lamp|1|Lamp"
    assert json.loads(lamp.attributes) == {"name": "PART-9"}


def test_rows_marked_deleted_need_only_an_id(feed: Feed):
    data = "sku,title,department,gone\n1,,,true\n2,,,YES\n3,Lamp,Home,0\n4,Desk,Home,\n5,,,no\n6,,,Deleted\n,,,1\n"
    columns = {"id": "sku", "name": "title", "category": "department", "deleted": "gone"}
    rows = feed.rows(data, mode="delta", columns=columns)
    assert [(row.id, getattr(row, "deleted", None)) for row in rows] == [
        ("1", True), ("2", True), ("3", False), ("4", False), ("5", None), ("6", True), (None, None),
    ]  # fmt: skip
    assert (rows[0].text, rows[0].sha256) == ("", hashlib.sha256(b"").digest())
    assert "gone" not in rows[2].attributes


def test_duplicate_ids_all_come_through_for_the_store_to_settle(feed: Feed):
    assert [p.line for p in feed.products(HEADER + GOOD * 3)] == [2, 3, 4]
