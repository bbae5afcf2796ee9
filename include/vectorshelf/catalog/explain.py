"""pydantic's verdict on a catalog file as findings: the line, the dotted key, what is wrong, what to write instead.

Values are shown only where they help and cannot be secret: never an unknown key's, never anything like a URL.
"""

import re
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vectorshelf.catalog.document import Document
from vectorshelf.catalog.findings import Finding
from vectorshelf.catalog.keys import example, leaves, sections
from vectorshelf.catalog.sections import MisfitError

_SHOWN_CHARACTERS = 40
_SECRETS = re.compile(r"api_?key|token$|password|secret", re.IGNORECASE)
_WRONG = {  # by pydantic's type of error; its context fills the braces
    "string_type": "is not text",
    "string_too_short": "is empty",
    "string_too_long": 'is not one character (a tab is "\\t" in double quotes)',
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "int_parsing_size": "is not a number of any use here",
    "float_type": "is not a number",
    "float_parsing": "is not a number",
    "finite_number": "is not a finite number",
    "greater_than_equal": "is under {ge:g}",
    "greater_than": "is not over {gt:g}",
    "less_than_equal": "is over {le:g}",
}


def explain(error: ValidationError, document: Document) -> list[Finding]:
    """One finding per fault, in the order of the file's lines."""
    found = [_finding(fault, document) for fault in error.errors(include_url=False)]
    return sorted(found, key=lambda finding: (finding.line or 0, finding.key or ""))


def _finding(fault: ErrorDetails, document: Document) -> Finding:
    key = ".".join(str(part) for part in fault["loc"])
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, MisfitError):
        key = f"{key}.{cause.key}" if key else cause.key
    return Finding(_message(fault, key, cause), key=key or None, line=document.line_of(key))


def _message(fault: ErrorDetails, key: str, cause: object) -> str:
    if cause is not None:
        return str(cause)
    if fault["type"] == "extra_forbidden":
        return _unknown(key)
    if fault["type"] == "missing":
        return f"is missing: add {example(key)}"
    if fault["input"] is None:
        return f"is empty: write {example(key)}, or remove the line"
    if fault["type"] == "literal_error":
        return _not_offered(fault["input"], re.findall(r"'([^']*)'", fault["ctx"]["expected"]))
    return _misfit(fault, key)


def _misfit(fault: ErrorDetails, key: str) -> str:
    if fault["type"] in {"model_type", "dict_type", "model_attributes_type"}:
        return f"is a section: write its keys indented below it, such as {example(key)}"
    wrong = _WRONG.get(fault["type"], f"does not fit ({fault['msg']})").format(**fault.get("ctx", {}))
    quotes = " in double quotes" if fault["type"] == "string_type" else ""
    return f"{_shown(fault['input'])} {wrong}: write a value{quotes} such as {example(key)}"


def _unknown(key: str) -> str:
    """An unknown key: probably misspelt, or in the wrong section, or glued to its value."""
    section, _, word = key.rpartition(".")
    section = section if section in sections() else ""
    if _SECRETS.search(word):
        return "secrets do not belong in the file: use OPENAI_API_KEY, or a Connection of Airflow; remove this line"
    if ":" in word:
        return "a space must follow the colon"
    known = list(sections()[section].model_fields)
    elsewhere = {leaf.rpartition(".")[2]: leaf for leaf, _ in leaves()}
    if close := get_close_matches(word, known, n=1):
        return f"unknown key: did you mean {close[0]}?"
    if close := get_close_matches(word, elsewhere, n=1):
        return f"unknown key here: did you mean {elsewhere[close[0]]}?"
    return f"unknown key: {section or 'a catalog file'} takes {', '.join(known)}"


def _not_offered(value: object, offered: list[str]) -> str:
    close = get_close_matches(str(value).lower(), offered, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{_shown(value)} is not offered here: {hint}choose {' or '.join(offered)}"


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    if "://" in text or "@" in text:
        return "this value"
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
