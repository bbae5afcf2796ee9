"""Two locks of the kernel's, so that a process killed at any moment leaves none behind."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from vectorshelf.errors import ConfigurationError


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """One process at a time starts or stops the server below this folder; the others wait."""
    with _open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Holders:
    """Who borrows the server: each borrower holds a shared lock. Call both methods under `exclusive` only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def join(self) -> None:
        """Count as a borrower until `leave_as_last`, or until this process ends in whatever way."""
        self._file = _open(self._path)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def leave_as_last(self) -> bool:
        """Stop borrowing; True when nobody else does."""
        if self._file is None:
            return False
        with self._file as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True


def _open(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a")
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {path}: {error.strerror}; set VECTORSHELF_HOME to a folder of your own"
        ) from error
