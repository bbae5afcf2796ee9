"""HTML becomes text, and what only resembles HTML stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorshelf.catalog.markup import plain


def read(value: str) -> str:
    return " ".join(plain(value).split())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<p>Sony</p><p>Headphones</p>", "Sony Headphones"),
        ("Mac<b>Book</b> Air", "MacBook Air"),
        ("<ul><li>USB-C<li>HDMI</ul>", "USB-C HDMI"),
        ("one<br>two<br/>three<BR />four", "one two three four"),
        ("<a href=\"https://x.example/?a=1>2\" title='b'>link</a>", "link"),
        ("<p class=x data-y='<'>no</p", "<p class=x data-y='<'>no</p"),
        ("<div><!-- <b>old</b> -->new</div>", "new"),
        ("<style>p { color: red }</style>text<script>if (a < b) alert('>')</script >", "text"),
        ("<!DOCTYPE html><html><body>x</body></html>", "x"),
        ("<![CDATA[Bed & Bath]]>", "Bed & Bath"),
        ("R&amp;D &eacute;t&#233; &#x20AC;5 15&quot;", 'R&D été €5 15"'),
        ("&lt;b&gt;bold&lt;/b&gt; &amp;amp;", "bold &amp;"),
        ("5 &lt; 6 &gt; 4", "5 < 6 > 4"),
        ("a&nbsp;b", "a b"),
    ],
)
def test_html_becomes_what_a_browser_would_show(value, text):
    assert read(value) == text


@pytest.mark.parametrize(
    "value",
    [
        "TV <55 inch>",
        "x < y and y > z",
        "R&D, AT&T, Q&A",
        "https://shop.example/?a=1&region=eu&copy=2",
        "<Unknown> & <3",
        "List<String>",
        "&unknown; &;",
        "a <- b -> c",
        "<!-- never closed",
        "<script> is a tag".replace("<script>", "<scripted>"),
    ],
)
def test_what_only_resembles_html_is_kept(value):
    assert plain(value) == value


def test_an_unclosed_script_costs_its_tag_and_not_the_rest_of_the_text():
    assert read("Learn <script> in a day") == "Learn in a day"


@given(st.text("<>&;/!-\"'= abp#1", max_size=300))
def test_no_value_makes_it_fail(value):
    assert isinstance(plain(value), str)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ['<a "', "<a '", "<!--", "<script ", "<script>", "<", "&#", "&a", "<p x=", "<!--x-->", "<a b"]
)
def test_a_megabyte_of_broken_markup_is_read_in_linear_time(piece):
    """Quadratic handling of any of these would take hours; the limit only tells the two apart."""
    assert isinstance(plain(piece * (1_000_000 // len(piece))), str)
