"""PyYAML's complaints in words a person can act on. PyYAML speaks of tokens; what helps is the line and the fix."""

import re

import yaml

from vectorshelf.catalog.findings import Finding

QUOTE_IT = "put the value in double quotes"

_KEY_LINE = re.compile(r"(?P<indent> *)(?P<key>[\w.-]+) *:(?: +(?P<value>\S.*))?$")
_STARTS_EARLIER = ("while scanning a quoted scalar", "while scanning a simple key", "while parsing a flow")


def diagnose(error: yaml.YAMLError, text: str) -> Finding:
    """The line, the key and the remedy of a syntax error."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Finding("a control character cannot stand in a YAML file: remove it", line=line)
    if not isinstance(error, yaml.MarkedYAMLError):
        return Finding(f"this is not YAML: {error}")
    problem, context = error.problem or "", error.context or ""
    mark = error.context_mark if context.startswith(_STARTS_EARLIER) else error.problem_mark
    lines = text.split("\n")
    number = min(mark.line + 1 if mark else 1, len(lines))
    if number > 1 and re.match(r" *\w+:[^\s/]", lines[number - 2]):
        number, remedy = number - 1, "a space must follow the colon"
    else:
        remedy = _remedy(problem, context, lines[number - 1])
    return Finding(f"this is not YAML: {remedy}", key=_dotted_key(lines, number), line=number)


def _remedy(problem: str, context: str, line: str) -> str:
    """What to do, from the line itself first: it tells more than the token at which PyYAML gave up."""
    entry = _KEY_LINE.match(line)
    value = (entry and entry["value"]) or ""
    rules = (
        ("\t" in line, "use spaces instead of the tab"),
        ("quoted scalar" in context, "the closing quote is missing"),
        ("parsing a flow" in context, f"the {value[:1]} is not closed properly; for braces in a text, {QUOTE_IT}"),
        (value[:1] in set("{[*&!%@`|>"), f"a value that begins with {value[:1]} means something else: {QUOTE_IT}"),
        (": " in value or value.endswith(":"), f"the value holds a colon and a space: {QUOTE_IT}"),
        ("another document" in problem, "one catalog per file: remove the --- and what follows"),
        ("expected ':'" in problem, "a colon and a space must follow the key"),
        (
            "mapping values" in problem or "expected <block end>" in problem,
            "the indentation fits no line above: begin a section's keys in one column",
        ),
    )
    return next((remedy for holds, remedy in rules if holds), problem)


def _dotted_key(lines: list[str], number: int) -> str | None:
    """The key on this line with its sections in front, told from the indentation."""
    keys: list[str] = []
    indent = None
    for line in reversed(lines[:number]):
        entry = _KEY_LINE.match(line)
        if entry is None:
            if indent is None:
                return None
            continue
        if indent is None or len(entry["indent"]) < indent:
            keys.append(entry["key"])
            indent = len(entry["indent"])
        if indent == 0:
            break
    return ".".join(reversed(keys)) or None
