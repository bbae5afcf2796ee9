"""The border where the errors of files, gzip, codecs and networks become the reaction they ask for.

Messages name the source without user, password or query string. The cause is kept for local files only: a file
system in the network puts the whole address in its errors, and an address may be signed.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from vectorshelf.catalog.paths import is_local
from vectorshelf.errors import ConfigurationError, SourceError, SourceMissingError, TransientError, VectorshelfError

_Kinds = type[BaseException] | tuple[type[BaseException], ...]

CUT_SHORT = "ends in the middle of its gzip stream: transfer it again"
_REACTIONS: tuple[tuple[_Kinds, type[VectorshelfError], str], ...] = (
    (EOFError, SourceError, CUT_SHORT),
    ((gzip.BadGzipFile, zlib.error), SourceError, "is damaged gzip: transfer it again"),
    (UnicodeError, SourceError, "cannot be decoded: set source.encoding to what it is"),
    (FileNotFoundError, SourceMissingError, "is not there: check source.path, or wait for its delivery"),
    (PermissionError, ConfigurationError, "may not be read: give this user (or its credentials) read access"),
    ((IsADirectoryError, NotADirectoryError), SourceError, "is no file: source.path must name one file"),
    (ValueError, ConfigurationError, "is no address that can be opened: check its scheme and spelling"),
)
_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "http": "aiohttp",
    "https": "aiohttp",
    "abfs": "adlfs",
    "az": "adlfs",
    "sftp": "paramiko",
}
_HTTP_REFUSED = {401, 403}
_HTTP_MISSING = {404, 410}
_HTTP_ERRORS = 400


@contextmanager
def reading(label: str) -> Iterator[None]:
    """Turn what opening, unzipping, decoding and reading raise into our errors."""
    try:
        yield
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        raise reaction_to(error, label) from (error if is_local(label) else None)


def reaction_to(error: Exception, label: str) -> VectorshelfError:
    """The error of ours that an error of a file system asks for."""
    status = getattr(error, "status", None) or getattr(error.__cause__, "status", None)  # fsspec hides it in the cause
    if isinstance(status, int) and status >= _HTTP_ERRORS:
        return _reaction_to_status(status, label)
    for kinds, reaction, sentence in _REACTIONS:
        if isinstance(error, kinds):
            return reaction(f"{label} {sentence}")
    reason = error.strerror if isinstance(error, OSError) and is_local(label) else None
    return TransientError(f"{label} cannot be read now: {reason or type(error).__name__}")


def not_installed(label: str) -> ConfigurationError:
    """The package that this kind of address needs."""
    scheme = label.partition("://")[0].lower()
    package = _PACKAGES.get(scheme, f"of fsspec's file system for {scheme}")
    return ConfigurationError(
        f"{label}: {scheme}:// needs the package {package}, which is not installed: pip install {package}"
    )


def label_of(path: str) -> str:
    """The path for messages: of an address without user, password, query string and fragment."""
    if is_local(path):
        return path
    parts = urlsplit(path)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _reaction_to_status(status: int, label: str) -> VectorshelfError:
    if status in _HTTP_MISSING:
        return SourceMissingError(f"{label} is not there (HTTP {status}): check source.path, or wait for its delivery")
    if status in _HTTP_REFUSED:
        return ConfigurationError(f"{label} may not be read (HTTP {status}): check the credentials of this address")
    return TransientError(f"{label} cannot be read now: HTTP {status}")
