"""Open a source's bytes, whatever they lie on, gunzipped when they are gzip. Refuses cut and damaged gzip streams."""

import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from vectorshelf.catalog.paths import is_local
from vectorshelf.errors import SourceError, VectorshelfError
from vectorshelf.extract.faults import CUT_SHORT, not_installed, reaction_to, reading

Opener = Callable[[str], BinaryIO]

_GZIP_MAGIC = b"\x1f\x8b"
_GUNZIPPED_AT_ONCE = 1 << 17


@contextmanager
def opened(path: str, opener: Opener | None, label: str) -> Iterator[io.BufferedReader]:
    """The source's bytes as a buffered stream that has at least one; closed afterwards.

    Raises SourceMissingError, SourceError (empty, cut, damaged), ConfigurationError (no permission, a package that is
    not installed) or TransientError (the network), also for what goes wrong while the caller reads.
    """
    with reading(label), closing(_open(path, opener, label)) as raw:
        stream = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(_Readable(raw, label))
        if _is_gzip(stream, label):
            unzipped = gzip.GzipFile(fileobj=stream, mode="rb")
            stream = io.BufferedReader(cast(io.RawIOBase, unzipped), _GUNZIPPED_AT_ONCE)
        if not stream.peek(1):
            raise SourceError(f"{label} is empty (0 bytes): transfer it again")
        yield stream


def _open(path: str, opener: Opener | None, label: str) -> BinaryIO:
    if opener is None and is_local(path):
        return Path(path).open("rb")
    try:
        return opener(path) if opener is not None else _open_with_fsspec(path)
    except (VectorshelfError, OSError):
        raise
    except ImportError:
        raise not_installed(label) from None
    except Exception as error:  # noqa: BLE001 each file system raises exceptions of its own library
        raise reaction_to(error, label) from None


def _open_with_fsspec(path: str) -> BinaryIO:
    from fsspec.core import url_to_fs  # noqa: PLC0415 local files, the common case, do without it

    files, name = url_to_fs(path)  # not fsspec.open, which takes a ? for a pattern
    return cast(BinaryIO, files.open(name, "rb"))


def _is_gzip(stream: io.BufferedReader, label: str) -> bool:
    head = stream.peek(2)[:2]
    if head == _GZIP_MAGIC:
        return True
    if head and label.lower().endswith(".gz"):
        if head == _GZIP_MAGIC[:1]:
            raise SourceError(f"{label} {CUT_SHORT}")
        raise SourceError(f"{label} is named .gz and is not gzip: transfer it again, or name it for what it is")
    return False


class _Readable(io.RawIOBase):
    """Any object with `read`, as the raw end of a buffered stream."""

    def __init__(self, stream: BinaryIO, label: str) -> None:
        self._stream = stream
        self._label = label

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill the buffer, unless the stream ends: a network hands out what it has."""
        view = memoryview(cast(bytearray, buffer))
        filled = 0
        while filled < len(view) and (data := self._read(len(view) - filled)):
            view[filled : filled + len(data)] = data
            filled += len(data)
        return filled

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except (VectorshelfError, OSError, EOFError):
            raise
        except Exception as error:  # noqa: BLE001 each file system raises exceptions of its own library
            raise reaction_to(error, self._label) from None
