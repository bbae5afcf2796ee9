"""What a source yields: products, and rows that cannot be one, each with its line and the reason."""

import re
from datetime import datetime
from typing import NamedTuple

MAX_ID_CHARACTERS = 512
"""At four bytes a character still within what one entry of a Postgres b-tree may hold (2,704 bytes)."""

RAW_CHARACTERS = 65_536
"""As much of an unusable row as is passed on, so that a page of rejects stays small in memory."""

_HALF_PAIR = re.compile("[\ud800-\udfff]")


class Product(NamedTuple):
    """One product as it is staged. `text` is what is embedded, `sha256` is of that text."""

    line: int
    id: str
    name: str
    category: str
    attributes: str
    """A JSON object as text, without NUL characters, ready for jsonb."""
    text: str
    sha256: bytes
    deleted: bool
    dated: datetime | None = None
    """When the source last changed the row, where the catalog names that column."""


class Reject(NamedTuple):
    """One row that cannot be used."""

    line: int
    id: str | None
    reason: str
    raw: str


def complaint(product: Product) -> str | None:
    """Why this is no product, or None when it is one. A deleted product needs nothing but its id."""
    if not product.id:
        return "the id is empty"
    if len(product.id) > MAX_ID_CHARACTERS:
        return f"the id has {len(product.id):,} characters, at most {MAX_ID_CHARACTERS} are taken"
    if product.deleted:
        return None
    if not product.name:
        return "the name is empty"
    if not product.text:
        return "the text to embed is empty: every column it is made of is"
    return None


def rejected(line: int, key: str | None, reason: str, raw: str) -> Reject:
    """A reject whose texts Postgres can store: no NUL, no lone surrogates, an id of bounded length."""
    return Reject(line, storable(key)[:MAX_ID_CHARACTERS] if key else None, reason, storable(raw[:RAW_CHARACTERS]))


def storable(text: str) -> str:
    r"""The text with NUL shown as ␀ and each undecodable byte (a surrogate U+DC00 + byte) as `\xff`."""
    text = text.replace("\x00", "\N{SYMBOL FOR NULL}")
    return text if text.isascii() else _HALF_PAIR.sub(lambda half: rf"\x{ord(half.group()) & 0xFF:02x}", text)
