"""Source paths with a date in them: `data/{as_of:%Y-%m-%d}.csv.gz`.

Turns a date into the path, and the names found in a folder or bucket back into dates. Looks at no file system.
Only directives whose width is fixed and which mean the same in every locale are taken, so the way back is exact.
"""

import glob
import os
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Literal

from vectorshelf.catalog import braces

FileFormat = Literal["csv", "tsv", "jsonl", "parquet"]

_SUFFIXES: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_DIGITS = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "M": 2, "S": 2}
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# Dates and times of day that sort: each unit comes with the larger ones.
_DATES = ({"Y"}, {"Y", "m"}, {"Y", "m", "d"}, {"Y", "j"}, {"y"}, {"y", "m"}, {"y", "m", "d"}, {"y", "j"})
_TIMES: tuple[set[str], ...] = (set(), {"H"}, {"H", "M"}, {"H", "M", "S"})


class PathTemplate:
    """A path with any number of `{as_of:…}` placeholders, compiled once.

    `dated` says whether there is a date in the path at all, `sortable` whether it tells which of two files is the
    newer one, and `glob` matches every date's path (special characters of the literal parts are escaped).
    """

    def __init__(self, template: str) -> None:
        """Raises ValueError, saying what to write instead, for any other placeholder or directive."""
        self._literals, self._letters = _compiled(template)
        self.dated = bool(self._letters)
        clock = set(self._letters) & set("HMS")
        self.sortable = set(self._letters) - clock in _DATES and clock in _TIMES
        widths = [_DIGITS[letter] for letter in self._letters]
        self.glob = _interleaved(map(glob.escape, self._literals), ["?" * width for width in widths])
        bare = [_SCHEME.sub("", self._literals[0], count=1), *self._literals[1:]]
        self._name = re.compile(_interleaved(map(re.escape, bare), [rf"([0-9]{{{width}}})" for width in widths]))

    def render(self, as_of: datetime, tz: tzinfo) -> str:
        """The path of this date, as clocks in `tz` show it. `as_of` must be aware."""
        return self._filled(as_of.astimezone(tz))

    def date_of(self, path: str) -> datetime | None:
        """The clock reading a name stands for, without a zone; None when it is no name of this template."""
        found = self._name.fullmatch(_SCHEME.sub("", path, count=1))
        if found is None:
            return None
        read: dict[str, str] = {}
        for letter, digits in zip(self._letters, found.groups(), strict=True):
            if read.setdefault(letter, digits) != digits:
                return None
        try:
            return datetime.strptime(" ".join(read.values()), " ".join(f"%{letter}" for letter in read))  # noqa: DTZ007 a clock's reading; the zone is the catalog's
        except ValueError:
            return None

    def newest_before(self, names: Iterable[str], as_of: datetime, tz: tzinfo) -> str | None:
        """The path of the newest of these files (names with or without scheme) dated before `as_of`'s own, or None."""
        own = self.date_of(self.render(as_of, tz))
        dates = [date for name in names if (date := self.date_of(name)) is not None]
        earlier = [date for date in dates if own is not None and date < own]
        return self._filled(max(earlier)) if earlier else None

    def _filled(self, local: datetime) -> str:
        return _interleaved(self._literals, [local.strftime(f"%{letter}") for letter in self._letters])


def render_path(template: str, as_of: datetime, tz: tzinfo) -> str:
    """The path of one date, as clocks in the catalog's zone (`catalog.tz`) show it."""
    return PathTemplate(template).render(as_of, tz)


def previous_pattern(template: str) -> str:
    """The glob that lists every date's file, for `PathTemplate.newest_before` to choose from."""
    return PathTemplate(template).glob


def is_local(path: str) -> bool:
    """Whether the path has no scheme (`s3://`, `https://`, …) in front."""
    return _SCHEME.match(path) is None


def absolute(template: str, folder: Path) -> str:
    """A relative local path read from this folder, whose own braces stay literal; any other path unchanged."""
    if not is_local(template) or Path(template).is_absolute():
        return template
    return os.path.normpath(f"{braces.escape(str(folder.resolve()))}/{template}")


def format_of(path: str) -> FileFormat | None:
    """The format a file's name tells (`products.csv.gz` → csv), or None. A URL's query is not part of the name."""
    name = path if is_local(path) else re.split(r"[?#]", path, maxsplit=1)[0]
    name = name.lower().removesuffix(".gz")
    return next((found for suffix, found in _SUFFIXES.items() if name.endswith(suffix)), None)


def _compiled(template: str) -> tuple[list[str], list[str]]:
    """The template's literal texts, and the directive letters that stand between them."""
    literals, letters = [""], []
    for literal, field in braces.split(template):
        literals[-1] += literal
        for text, letter in _directives(field):
            literals[-1] += text
            if letter:
                letters.append(letter)
                literals.append("")
    return literals, letters


def _directives(field: str | None) -> Iterator[tuple[str, str | None]]:
    """A placeholder as (text before, directive letter) pairs; the last one has no letter."""
    if field is None:
        return
    name, _, wanted = field.partition(":")
    if name != "as_of":
        raise ValueError(f"{{{field}}} is not known in a path: only the date is, as {{as_of:%Y-%m-%d}}")
    wanted, end = wanted or "%Y-%m-%d", 0
    for directive in _DIRECTIVE.finditer(wanted):
        if directive[1] not in _DIGITS:
            raise ValueError(f"{directive[0]} in {{{field}}} is not taken: use {' '.join(f'%{d}' for d in _DIGITS)}")
        yield wanted[end : directive.start()], directive[1]
        end = directive.end()
    if end == 0:
        raise ValueError(f"{{{field}}} holds no date: write {{as_of:%Y-%m-%d}}")
    yield wanted[end:], None


def _interleaved(literals: Iterable[str], between: list[str]) -> str:
    return "".join(piece for pair in zip(literals, [*between, ""], strict=True) for piece in pair)
