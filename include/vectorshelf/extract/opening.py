"""Open a source's bytes, whatever they lie on, gunzipped when they are gzip. Refuses cut and damaged gzip streams.

What goes wrong on the way is turned into the reaction it asks for. Addresses in messages carry no user, password or
query string: those may be secrets.
"""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from vectorshelf.catalog.paths import is_local
from vectorshelf.errors import ConfigurationError, SourceError, SourceMissingError, TransientError, VectorshelfError

Opener = Callable[[str], BinaryIO]

GZIP_MAGIC = b"\x1f\x8b"
_GUNZIPPED_AT_ONCE = 1 << 17
_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp",
             "abfs": "adlfs", "az": "adlfs", "sftp": "paramiko", "ssh": "paramiko"}  # fmt: skip
_HTTP_MISSING = {404, 410}
_HTTP_REFUSED = {401, 403}


@contextmanager
def opened(path: str, opener: Opener | None, label: str) -> Iterator[io.BufferedReader]:
    """The source's bytes as a buffered stream that has at least one; closed afterwards.

    Raises SourceMissingError, SourceError (empty, cut, damaged), ConfigurationError (no permission, a package that is
    not installed) or TransientError (the network), also for what goes wrong while the caller reads.
    """
    with reading(label), closing(_open(path, opener, label)) as raw:
        stream = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(_Readable(raw, label))
        if _is_gzip(stream, path, label):
            unzipped = gzip.GzipFile(fileobj=stream, mode="rb")
            stream = io.BufferedReader(cast(io.RawIOBase, unzipped), _GUNZIPPED_AT_ONCE)
        if not stream.peek(1):
            raise SourceError(f"{label} is empty (0 bytes): transfer it again")
        yield stream


@contextmanager
def reading(label: str) -> Iterator[None]:
    """The border where the errors of files, gzip and codecs become ours."""
    try:
        yield
    except EOFError as error:
        raise SourceError(f"{label} ends in the middle of its gzip stream: transfer it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{label} is damaged gzip ({error}): transfer it again") from error
    except UnicodeError as error:
        raise SourceError(f"{label} cannot be decoded ({error}): set source.encoding to what it is") from error
    except FileNotFoundError as error:
        raise SourceMissingError(f"{label} is not there: check source.path, or wait for its delivery") from error
    except PermissionError as error:
        raise ConfigurationError(f"{label} may not be read by this user: grant it read access") from error
    except (IsADirectoryError, NotADirectoryError) as error:
        raise SourceError(f"{label} is no file: source.path must name one file, with its suffix") from error
    except OSError as error:
        raise TransientError(f"{label} cannot be read: {error.strerror or type(error).__name__}") from error


def label_of(path: str) -> str:
    """The path for messages: of an address without user, password, query string and fragment."""
    if is_local(path):
        return path
    parts = urlsplit(path)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _open(path: str, opener: Opener | None, label: str) -> BinaryIO:
    if opener is None and is_local(path):
        return Path(path).open("rb")
    try:
        return opener(path) if opener is not None else _open_with_fsspec(path)
    except (VectorshelfError, OSError):
        raise
    except ImportError as error:
        scheme = path.partition("://")[0].lower()
        package = _PACKAGES.get(scheme, f"for {scheme}")
        raise ConfigurationError(
            f"{label}: reading {scheme}:// needs the package {package}, which is not installed: pip install {package}"
        ) from error
    except Exception as error:  # noqa: BLE001 each file system raises exceptions of its own library
        raise _reaction(error, label) from None  # their texts may hold the signed address


def _open_with_fsspec(path: str) -> BinaryIO:
    import fsspec  # noqa: PLC0415 local files, the common case, do without it

    return cast(BinaryIO, fsspec.open(path, "rb").open())


def _reaction(error: Exception, label: str) -> VectorshelfError:
    status = getattr(error, "status", None)
    if status in _HTTP_MISSING:
        return SourceMissingError(f"{label} is not there (HTTP {status}): check source.path, or wait for its delivery")
    if status in _HTTP_REFUSED:
        return ConfigurationError(f"{label} is refused (HTTP {status}): check the credentials of this address")
    if isinstance(error, ValueError):
        return ConfigurationError(f"{label} cannot be opened as an address ({type(error).__name__}): check it")
    return TransientError(f"{label} cannot be opened: {type(error).__name__}" + (f", HTTP {status}" if status else ""))


def _is_gzip(stream: io.BufferedReader, path: str, label: str) -> bool:
    head = stream.peek(2)[:2]
    if head == GZIP_MAGIC:
        return True
    if head and label.lower().endswith(".gz"):
        if head == GZIP_MAGIC[:1]:
            raise SourceError(f"{label} ends in the middle of its gzip stream: transfer it again")
        raise SourceError(f"{label} is named .gz and is not gzip: transfer it again, or name it for what it is")
    return False


class _Readable(io.RawIOBase):
    """Any object with `read`, as the raw end of a buffered stream."""

    def __init__(self, stream: BinaryIO, label: str) -> None:
        self._stream = stream
        self._label = label

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        filled = 0
        while filled < len(view) and (data := self._read(len(view) - filled)):  # a network gives what it has
            view[filled : filled + len(data)] = data
            filled += len(data)
        return filled

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except (VectorshelfError, OSError, EOFError):
            raise
        except Exception as error:  # noqa: BLE001 each file system raises exceptions of its own library
            raise _reaction(error, self._label) from None  # their texts may hold the signed address
