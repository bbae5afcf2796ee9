"""The embedded text: placeholders and nothing else, always storable, and one hash for one text."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorshelf.catalog import braces
from vectorshelf.catalog.text import TextTemplate, sha256_of

ROW = {"sku": "A1", "title": "iPhone 15", "department": "Phones", "name": "MTP03", "g:brand": "Apple"}
FIELDS = {"id": "sku", "name": "title", "category": "department"}


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{name} {category}", "iPhone 15 Phones"),
        ("{id}: {name}", "A1: iPhone 15"),
        ("{title}", "iPhone 15"),
        ("{name}/{title}/{name}", "iPhone 15/iPhone 15/iPhone 15"),
        ("{g:brand}", "Apple"),
        ("{{{name}}} costs {{}}", "{iPhone 15} costs {}"),
        ("  {name}\n\n{category}  ", "iPhone 15 Phones"),
        ("{name} {colour}", "iPhone 15"),
        ("<{name}> & Co", "<iPhone 15> & Co"),
    ],
)
def test_placeholders_become_the_columns_values(text, rendered):
    assert TextTemplate(text, FIELDS).render(ROW) == rendered


def test_a_field_wins_over_a_source_column_of_its_name():
    assert TextTemplate("{name}", FIELDS).render(ROW) == "iPhone 15"
    assert TextTemplate("{name}").render(ROW) == "MTP03"


def test_columns_are_source_columns_in_order_without_repeats():
    assert TextTemplate("{category} {brand} {name} {brand}", FIELDS).columns == ("department", "brand", "title")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("electronics", 'write "{name}"'),
        ("{{name}}", 'write "{name}"'),
        ("{name", "'{' at character 1"),
        ("a {name} }", "'}' at character 10"),
        ("{}", "write a column's exact name"),
        ("{ name }", "write a column's exact name"),
        ("{price:.2f}", "write {price}"),
        ("{price:>10}", "write {price}"),
        ("{price:,}", "write {price}"),
        ("{name!r}", "write {name}"),
        ("{name:}", "write {name}"),
    ],
)
def test_a_text_that_is_no_template_is_refused_with_what_to_write(text, remedy):
    with pytest.raises(ValueError, match=re.escape(remedy)):
        TextTemplate(text)


@pytest.mark.parametrize("text", ["{name.__class__}", "{name[0]}", "{__globals__}"])
def test_nothing_but_the_rows_own_values_can_be_reached(text):
    assert TextTemplate(text).columns == (text.strip("{}"),)
    assert TextTemplate(text).render({"name": "secret"}) == ""


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        ("a\tb\r\nc\u00a0 d\u2003e", "a b c d e"),
        ("a\x00b", "a b"),
        ("a\ud800b", "a b"),
        ("\x00 \udfff", ""),
        ("Crème brûlée 電気 😀", "Crème brûlée 電気 😀"),
    ],
)
def test_white_space_collapses_and_what_postgres_cannot_store_is_dropped(value, rendered):
    assert TextTemplate("{name}").render({"name": value}) == rendered


anything = st.text(st.characters(exclude_categories=()), max_size=200)


@given(
    st.lists(st.tuples(anything, st.sampled_from("abc")), min_size=1),
    anything,
    st.fixed_dictionaries({}, optional=dict.fromkeys("abc", anything)),
)
def test_rendering_never_fails_and_its_result_is_storable_and_hashes_the_same(pairs, tail, row):
    text = "".join(f"{braces.escape(literal)}{{{column}}}" for literal, column in pairs) + braces.escape(tail)
    rendered = TextTemplate(text).render(row)
    assert rendered == " ".join(rendered.split())
    assert "\x00" not in rendered
    assert rendered.encode().decode() == rendered
    again = TextTemplate(text).render(dict(reversed(row.items())))
    assert sha256_of(rendered) == sha256_of(again) == hashlib.sha256(rendered.encode()).digest()


@given(anything)
def test_a_template_is_compiled_or_refused_with_a_reason(text):
    try:
        template = TextTemplate(text)
    except ValueError as error:
        reason = str(error)
        assert reason
    else:
        assert template.columns


def test_the_hash_of_a_known_text_never_changes():
    """A changed hash pays for every embedding again: texts of both kinds, plain and cleaned, are pinned here."""
    template = TextTemplate("{name} {category}", FIELDS)
    plain = template.render(ROW)
    cleaned = template.render({"title": "<p>Wi&#8209;Fi <b>Hub</b> &amp; more</p><br>", "department": "Home &lt;i&gt;"})
    assert sha256_of(plain).hex() == "0f0550625b3baea2581323ce63430f411d29bf5a10c533f0b9efe70f1612a68b"
    assert cleaned == "Wi\u2011Fi Hub & more Home"
    assert sha256_of(cleaned).hex() == "5d8b875e52a886c4c37bd22939ad52d7790c618301a89b1d1c663cb2c2d4c687"


@given(anything)
def test_any_text_has_a_hash_of_32_bytes(text):
    assert len(sha256_of(text)) == 32
