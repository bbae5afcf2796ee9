"""The tables of `docs/catalog-reference.md`, made from the model so that they cannot be out of date.

`python -m vectorshelf.catalog.reference docs/catalog-reference.md` rewrites what stands between the two markers.
"""

import inspect
import sys
from pathlib import Path
from typing import Any

from vectorshelf.catalog.keys import example, sections, yaml_text
from vectorshelf.catalog.sections import Part

BEGIN = "<!-- keys: made by python -m vectorshelf.catalog.reference -->"
END = "<!-- end of keys -->"

_HEAD = "| key | type | default | meaning | example |\n|---|---|---|---|---|\n"
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}


def tables() -> str:
    """One Markdown table per section, the file's top level first."""
    return "\n".join(_table(section, kind) for section, kind in sections().items())


def refreshed(page: str) -> str:
    """The page with the tables between its markers replaced. Raises ValueError when it has no markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def _table(section: str, kind: type[Part]) -> str:
    schema = kind.model_json_schema()["properties"]
    nested = sections()
    rows = [
        _row(f"{section}.{key}" if section else key, schema[key], kind)
        for key in kind.model_fields
        if section or key not in nested
    ]
    title = f"`{section}`" if section else "Top level"
    return f"### {title}\n\n{inspect.getdoc(kind)}\n\n{_HEAD}{''.join(rows)}"


def _row(key: str, schema: dict[str, Any], kind: type[Part]) -> str:
    field = kind.model_fields[key.rpartition(".")[2]]
    default = "**required**" if field.is_required() else _code(yaml_text(field.default))
    meaning = " ".join((field.description or "").split())
    cells = [_code(key), _type(schema), "unset" if default == "`null`" else default, meaning, _code(example(key))]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _type(schema: dict[str, Any]) -> str:
    """`whole number, 1 to 256` and the like, from a property of the JSON schema."""
    inner = next(option for option in schema.get("anyOf", [schema]) if option.get("type") != "null")
    if "enum" in inner:
        return " or ".join(_code(str(value)) for value in inner["enum"])
    bounds = {
        "minimum": "at least {}",
        "exclusiveMinimum": "over {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "under {}",
    }
    limits = [words.format(_number(inner[bound])) for bound, words in bounds.items() if bound in inner]
    if inner.get("maxLength") == 1:
        return "one character"
    return ", ".join([_TYPES[str(inner["type"])], *limits])


def _number(value: object) -> str:
    return f"{value:,.15g}" if isinstance(value, float) else f"{value:,}"


def _code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(refreshed(path.read_text("utf-8")), "utf-8")
