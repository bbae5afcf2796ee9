"""Find out how a csv or tsv file is written from the lines its header takes. Looks no further than the header."""

import csv
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vectorshelf.catalog.model import Source
from vectorshelf.errors import SourceError
from vectorshelf.extract.decoding import ReadLine
from vectorshelf.extract.shape import Shape

DELIMITERS = (",", ";", "\t", "|")
_DOUBLE, _SINGLE = '"', "'"
_HEADER_LINES = 100
_SAYS_NOTHING = re.compile(r"[\s,;|\"']*")
_EXCEL_HINT = re.compile(r"""sep=([^\w"' \r\n])\s*""", re.IGNORECASE)


class Head(NamedTuple):
    """The beginning of a file: the lines its header may take, the number of the first, and Excel's `sep=` hint."""

    lines: list[str]
    number: int
    hint: str | None


class Dialect(NamedTuple):
    """How fields are told apart. `spaced`: a space follows each delimiter and is no part of the field."""

    delimiter: str
    quotechar: str
    spaced: bool = False

    def rows(self, lines: Iterable[str], *, strict: bool) -> Iterator[list[str]]:
        """The csv module's reader."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quotechar,
            skipinitialspace=self.spaced,
            strict=strict,
        )


def head_of(read: ReadLine, quotechar: str, label: str) -> Head:
    """Pass over leading lines that hold nothing, then take as many as an open quote in the header may need."""
    number, hint, line = 1, None, read()
    while line and (_SAYS_NOTHING.fullmatch(line) or _EXCEL_HINT.fullmatch(line)):
        if found := _EXCEL_HINT.fullmatch(line):
            hint = found.group(1)
        number, line = number + 1, read()
    if not line:
        raise SourceError(f"{label} is empty: nothing but blank lines in it; transfer it again")
    lines, quotes = [line], line.count(quotechar)
    while quotes % 2 and len(lines) < _HEADER_LINES and (line := read()):
        lines.append(line)
        quotes += line.count(quotechar)
    return Head(lines, number, hint)


def dialect_of(head: Head, source: Source, shape: Shape, *, tabs: bool) -> Dialect:
    """What is declared, and for the rest what shows most of the columns that the catalog names, else most columns."""
    fixed = source.delimiter or head.hint or ("\t" if tabs else None)
    delimiters = DELIMITERS if fixed is None else (fixed,)
    quotechars = (_DOUBLE, _SINGLE) if source.quotechar == _DOUBLE else (source.quotechar,)
    pairs = [pair for pair in itertools.product(quotechars, delimiters) if fixed or pair[0] != pair[1]]
    candidates = [Dialect(delimiter, quotechar, spaced=True) for quotechar, delimiter in pairs]
    best = max(candidates, key=lambda dialect: _fit(dialect, head.lines, shape))
    return best._replace(spaced=_is_spaced(best, head.lines))


def _fit(dialect: Dialect, lines: list[str], shape: Shape) -> tuple[int, int]:
    cells = _cells(dialect, lines)
    return len(shape.needed.keys() & {cell.strip() for cell in cells}), len(cells)


def _is_spaced(dialect: Dialect, lines: list[str]) -> bool:
    cells = _cells(dialect._replace(spaced=False), lines)
    return len(cells) > 1 and all(cell.startswith(" ") for cell in cells[1:])


def _cells(dialect: Dialect, lines: list[str]) -> list[str]:
    try:
        return next(dialect.rows(lines, strict=False))
    except csv.Error:
        return []
