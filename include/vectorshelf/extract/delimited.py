"""Read csv and tsv. One bad row is a reject; a quote that swallows the rest of the file ends the run.

Dialect, header and column positions are settled once per file; the loop over rows only picks by position.
"""

import csv
import itertools
from collections.abc import Iterable, Iterator
from io import StringIO

from vectorshelf.catalog.model import Source
from vectorshelf.errors import SourceError
from vectorshelf.extract.decoding import MAX_LINE, ReadLine, is_marked
from vectorshelf.extract.dialect import Dialect, dialect_of, head_of
from vectorshelf.extract.product import Product, Reject
from vectorshelf.extract.rows import Record, Rows
from vectorshelf.extract.shape import Shape, unique_names


def read_delimited(read: ReadLine, source: Source, shape: Shape, *, tabs: bool) -> Iterator[Product | Reject]:
    """Products and rejects of a csv or tsv file, in the file's order. Rows without a single value are passed over."""
    csv.field_size_limit(MAX_LINE)  # the process's only limit; the module's default refuses honest descriptions
    head = head_of(read, source.quotechar, shape.label)
    dialect = dialect_of(head, source, shape, tabs=tabs)
    records = _records(itertools.chain(head.lines, iter(read, "")), head.number, dialect, shape.label)
    header = _header(next(records), source, shape)
    unnamed = sum(1 for _ in itertools.takewhile(lambda cell: not cell, reversed(header)))
    rows = Rows(shape, unique_names(header), unnamed=unnamed, encoding=source.encoding)
    for record in records:
        if isinstance(record.fields, csv.Error) or any(map(str.strip, record.fields)):
            yield rows.read(record)


def _records(lines: Iterable[str], line: int, dialect: Dialect, label: str) -> Iterator[Record]:
    """Every row with the line it begins on and its own text. Raises SourceError for a quote that is never closed."""
    taken: list[str] = []
    reader = dialect.rows(_noted(lines, taken), strict=True)
    while True:
        fields: list[str] | csv.Error
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if not taken[-1] or "field limit" in str(error):
                raise _never_closed(taken, line, dialect, label) from error
            fields = error
        yield Record(line, fields, taken[0] if len(taken) == 1 else "".join(taken))
        line += len(taken)
        taken.clear()


def _noted(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    """The lines, each put down in `taken` as it is handed on, and after the last one an empty string."""
    for line in lines:
        taken.append(line)
        yield line
    taken.append("")


def _never_closed(taken: list[str], line: int, dialect: Dialect, label: str) -> SourceError:
    """Where the quote that swallowed the rest was opened: its field is the row's last, and reaches to the end."""
    lines = [text for text in taken if text]
    try:
        swallowed = next(dialect.rows(lines, strict=False))[-1]
        line += len(lines) - max(1, sum(1 for _ in StringIO(swallowed, newline="")))
    except csv.Error:
        pass  # longer than can be told: the row's first line must do
    return SourceError(
        f"{label}, line {line}: a quoted field begins here that is never closed and swallows what follows: close it, "
        "transfer the file again if it was cut short, or set source.quotechar to a character that it does not use"
    )


def _header(record: Record, source: Source, shape: Shape) -> list[str]:
    """The header's names, stripped. Raises SourceError when it is no header of this catalog's."""
    where = f"{shape.label}, line {record.line}"
    if "\x00" in record.raw:
        raise SourceError(
            f"{where}: the header holds NUL bytes, so this is no text in {source.encoding}: set source.encoding "
            "(utf-16?) or source.format to what it is"
        )
    if is_marked(record.raw):
        raise SourceError(f"{where}: the header is not {source.encoding}: set source.encoding to the file's own")
    if isinstance(record.fields, csv.Error):
        raise SourceError(f"{where}: the header is badly quoted ({record.fields}): correct it, or set source.quotechar")
    header = [cell.strip() for cell in record.fields]
    shape.check_unrepeated(header)
    shape.check(header)
    return header
