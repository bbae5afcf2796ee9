"""Delimiter and quoting: declared, or found in the header."""

import json

import pytest

from tests.unit.extract.feeds import Feed
from vectorshelf.errors import SourceError

ROWS = [("sku", "title", "department", "price"), ("1", "Lamp; big, red", "Home", "9")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(feed: Feed, delimiter: str):
    data = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in ROWS)
    assert feed.products(data)[0].name == "Lamp; big, red"


def test_delimiters_inside_quoted_header_names_do_not_mislead(feed: Feed):
    data = 'sku;title;department;"size, weight, colour, and more"\n1;Lamp;Home;x\n'
    assert json.loads(feed.products(data)[0].attributes) == {"size, weight, colour, and more": "x"}


def test_a_declared_delimiter_and_quote_are_taken(feed: Feed):
    source = {"delimiter": "^", "quotechar": "~"}
    data = 'sku^title^department\n1^~"Big"^lamp~^Home\n'
    assert feed.products(data, source=source)[0].name == '"Big"^lamp'


def test_a_tsv_is_split_at_tabs_whatever_else_its_header_holds(feed: Feed):
    data = "sku\ttitle\tdepartment\ta,b;c,d\n1\tLamp, big\tHome\tx\n"
    assert feed.products(data, "feed.tsv")[0].name == "Lamp, big"


def test_single_quotes_are_recognised_in_the_header(feed: Feed):
    assert feed.products("'sku','title','department'\n'1','Lamp, big','Home'\n")[0].name == "Lamp, big"


def test_an_apostrophe_in_an_ordinary_file_is_no_quote(feed: Feed):
    assert feed.products("sku,title,department\n1,'Lamp,Home\n")[0].name == "'Lamp"


def test_a_space_after_every_delimiter_is_style_and_quotes_after_it_are_quotes(feed: Feed):
    data = 'sku, title, department, "size"\n1, "Lamp, big", Home, x\n'
    (lamp,) = feed.products(data)
    assert (lamp.name, json.loads(lamp.attributes)) == ("Lamp, big", {"size": "x"})


def test_excels_separator_hint_is_obeyed_and_is_no_header(feed: Feed):
    (lamp,) = feed.products("sep=^\r\nsku^title^department\r\n1^Lamp, big^Home\r\n")
    assert (lamp.line, lamp.name) == (3, "Lamp, big")


@pytest.mark.parametrize("hint", ['sep="', "sep=a"])
def test_a_hint_that_cannot_separate_is_read_as_what_it_is(feed: Feed, hint: str):
    with pytest.raises(SourceError, match="it has: sep="):
        feed.rows(f"{hint}\nsku,title,department\n1,Lamp,Home\n")


def test_a_header_name_may_span_lines(feed: Feed):
    (lamp,) = feed.products('sku,title,department,"price\nin euro"\n1,Lamp,Home,9\n')
    assert (lamp.line, json.loads(lamp.attributes)) == (3, {"price\nin euro": "9"})


def test_a_lone_quote_in_the_header_costs_no_row(feed: Feed):
    data = 'sku,title,department,size 5"\n1,Lamp,Home,a\n2,Desk,Home,b\n'
    assert [(p.line, p.id) for p in feed.products(data)] == [(2, "1"), (3, "2")]


def test_a_badly_quoted_header_is_refused_with_its_line(feed: Feed):
    with pytest.raises(SourceError, match="line 2: the header is badly quoted"):
        feed.rows('\nsku,title,department,"a"b\n1,Lamp,Home,x\n')
