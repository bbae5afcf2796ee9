"""Split a template at its `{placeholders}`. `{{` and `}}` stand for one brace; nothing is evaluated."""

import re

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def split(template: str) -> list[tuple[str, str | None]]:
    """The template as (text before, placeholder) pairs; the last pair's placeholder is None.

    Raises ValueError for a brace without its partner.
    """
    pairs: list[tuple[str, str | None]] = []
    literal, end = "", 0
    for token in _TOKEN.finditer(template):
        literal += template[end : token.start()]
        end = token.end()
        if token.group() in {"{{", "}}"}:
            literal += token.group()[0]
        elif token.group(1) is None:
            raise ValueError(
                f"{token.group()!r} at character {token.start() + 1} has no partner: close the placeholder, "
                "or write {{ or }} for the brace itself"
            )
        else:
            pairs.append((literal, token.group(1)))
            literal = ""
    pairs.append((literal + template[end:], None))
    return pairs


def escape(text: str) -> str:
    """The template that means exactly this text."""
    return text.replace("{", "{{").replace("}", "}}")
