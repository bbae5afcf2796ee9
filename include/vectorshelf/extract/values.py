"""Typed values (from JSON, parquet, SQL) as an id, as text to embed, and as JSON that jsonb takes."""

import base64
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

_EXACT_FLOAT = 2**53
_DIGITS_IN_JSON = 1000
_NUL_IN_JSON = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def id_text(value: object) -> str | None:
    """An id as text, "" when there is none, None when a value of this kind cannot be one.

    Whole floats below 2**53 pass as whole numbers: data frames turn integer columns with gaps into floats.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, float | Decimal) and _is_finite(value):
        return str(int(value)) if _is_whole(value) else None
    return text_of(value).strip() if value is None or isinstance(value, _ID_KINDS) else None


def text_of(value: object) -> str:
    """A value as a person would read it: "" for none, lists with commas, objects as `key: value; …`."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float | Decimal) and not _is_finite(value)):
        return ""
    for kinds, written in _WRITTEN:
        if isinstance(value, kinds):
            return written(value)
    return str(value)


def is_scalar(value: object) -> bool:
    """Whether a value can be a name: neither a collection nor true or false."""
    return not isinstance(value, bool | Mapping | list | tuple | set | frozenset)


def is_blank(value: object) -> bool:
    """Whether a value says nothing: null, blank text, not a number, an empty list or object."""
    if isinstance(value, str):
        return not value or value.isspace()
    if isinstance(value, float | Decimal):
        return not _is_finite(value)
    return value is None or (isinstance(value, list | tuple | Mapping) and not value)


def json_text(values: Mapping[str, object]) -> str:
    """A JSON object as text; numbers that are not finite are null, decimals keep every digit.

    Raises ValueError, saying why, for what jsonb cannot hold.
    """
    try:
        text = orjson.dumps(values, default=_as_json, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError as error:
        raise ValueError(f"an attribute cannot be written as JSON: {error}") from error
    if "\\u0000" in text and _NUL_IN_JSON.search(text):
        raise ValueError("an attribute holds a NUL character, which jsonb cannot: remove it")
    return text


def _as_json(value: object) -> object:
    """What orjson does not know by itself."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        storable = abs(value.adjusted()) < _DIGITS_IN_JSON  # far beyond, Postgres's numeric refuses it
        return orjson.Fragment(str(value)) if storable else str(value)
    if isinstance(value, set | frozenset):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return text_of(value)


def _text_of_bytes(value: bytes | memoryview) -> str:
    data = bytes(value)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return base64.b64encode(data).decode()


def _text_of_object(value: Mapping[object, object]) -> str:
    return "; ".join(f"{key}: {text}" for key, item in value.items() if (text := text_of(item)))


def _text_of_items(value: Iterable[object]) -> str:
    return ", ".join(text for item in value if (text := text_of(item)))


def _is_finite(value: float | Decimal) -> bool:
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def _is_whole(value: float | Decimal) -> bool:
    exact = isinstance(value, Decimal) or abs(value) < _EXACT_FLOAT
    return exact and value == int(value)


_ID_KINDS = (str, int, float, Decimal, UUID, date, bytes, memoryview)
_WRITTEN: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    (int, str),
    ((date, time), lambda value: value.isoformat()),
    ((bytes, memoryview), _text_of_bytes),
    (Mapping, _text_of_object),
    ((list, tuple, set, frozenset), _text_of_items),
)
