"""Bytes to lines of text. A byte that the encoding does not know is marked and makes its row unusable, not the file.

A byte order mark that contradicts the declared encoding and a line without end are refused: every row would be wrong.
"""

import codecs
import io
from collections.abc import Callable

from vectorshelf.errors import SourceError

MAX_LINE = 16 * 1024 * 1024
"""Characters of one line, and of one quoted field, that are held in memory at most."""

_MARKING = "vectorshelf.marking"
_BYTE_ORDER_MARKS = (  # UTF-32's little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

ReadLine = Callable[[], str]


def decoded(stream: io.BufferedReader, encoding: str, label: str) -> io.TextIOWrapper:
    """The stream as text: line ends untouched, byte order mark taken off, undecodable bytes as U+DC00 + byte."""
    codec = codecs.lookup(encoding).name
    head = stream.peek(4)
    for mark, family in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            if not codec.startswith(family):
                raise SourceError(
                    f"{label} begins with the byte order mark of {family}, source.encoding is {encoding}: "
                    f"set source.encoding to {family}"
                )
            codec = "utf-8-sig" if family == "utf-8" else family
            break
    return io.TextIOWrapper(stream, encoding=codec, errors=_MARKING, newline="")


def line_reader(text: io.TextIOWrapper, label: str) -> ReadLine:
    """A function that reads the next line, "" at the end; lines longer than MAX_LINE are refused, not read."""

    def read() -> str:
        line = text.readline(MAX_LINE)
        if len(line) >= MAX_LINE and not line.endswith(("\n", "\r")):
            raise SourceError(
                f"{label} has a line of more than {MAX_LINE:,} characters: it is not the text it should be, "
                "or set source.format"
            )
        return line

    return read


def is_marked(text: str) -> bool:
    """Whether the text holds bytes that could not be decoded."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def undecodable(encoding: str) -> str:
    """Why such a row is unusable, and what to do."""
    return f"holds bytes that are not {encoding}: declare the file's own encoding as source.encoding"


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


# Python's own `surrogateescape` gives up where a bad sequence holds bytes below 0x80, as in UTF-16 and GB 18030.
codecs.register_error(_MARKING, _mark)
