"""The text that is embedded for a product, and the hash that says whether it changed.

A template is literal text with plain `{column}` fields: no attributes, no indexes, no format specifications, so a
file can never reach anything but the row's own values.
"""

import hashlib
import re
from collections.abc import Mapping

from vectorshelf.catalog import braces
from vectorshelf.catalog.markup import plain

# `price:.2f`, `name!r`: what Python's own formatting would take; a colon inside a column's name (`g:title`) is fine.
_FORMAT = re.compile(r"(.*)(?:![rsa]|:(?:.?[<>=^])?[-+ ]?#?0?\d*[,_]?(?:\.\d+)?[bcdeEfFgGnosxX%]?)", re.DOTALL)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class TextTemplate:
    """`"{name} {category}"`, compiled once and rendered for every row.

    `fields` maps the fields of the catalog to source columns (`{"name": "title"}`): a placeholder that is a field
    means that field's column, any other one names a source column itself. `columns` holds the source columns that
    `render` looks up, in order of appearance, without repeats.
    """

    __slots__ = ("_pairs", "_tail", "columns")

    def __init__(self, text: str, fields: Mapping[str, str] | None = None) -> None:
        """Raises ValueError, saying what to write instead, when the text is not such a template."""
        names = fields or {}
        *pairs, (self._tail, _) = braces.split(text)
        self._pairs = tuple((literal, names.get(column, column)) for literal, column in map(_checked, pairs))
        if not self._pairs:
            raise ValueError('no column in it, so every product would get the same vector: write "{name}" for example')
        self.columns = tuple(dict.fromkeys(column for _, column in self._pairs))

    def render(self, row: Mapping[str, str]) -> str:
        """The text of one row, by source column: HTML dropped, white space collapsed, a missing value is empty.

        Never raises, and always returns what Postgres can store (no NUL, no half of a surrogate pair).
        """
        pieces = []
        for literal, column in self._pairs:
            value = row.get(column) or ""
            if "<" in value or "&" in value:
                value = plain(value)
            pieces.append(literal + value)
        text = " ".join(("".join(pieces) + self._tail).split())
        if "\x00" in text or not (text.isascii() or _UNSTORABLE.search(text) is None):
            text = " ".join(_UNSTORABLE.sub(" ", text).split())
        return text


def sha256_of(text: str) -> bytes:
    """The 32 bytes that identify an embedded text: SHA-256 of it in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _checked(pair: tuple[str, str | None]) -> tuple[str, str]:
    literal, column = pair
    if not column or column != column.strip():
        raise ValueError(f"{{{column}}} names no column: write a column's exact name between the braces")
    if (formatted := _FORMAT.fullmatch(column)) and formatted.group(1):
        raise ValueError(f"{{{column}}} asks for formatting, which is not done here: write {{{formatted.group(1)}}}")
    return literal, column
