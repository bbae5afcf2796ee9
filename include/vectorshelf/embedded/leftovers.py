"""What a reboot, a `kill -9` or an `rm -rf` of the data folder leaves behind."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_SECONDS = 10.0


def end_orphaned_servers(data: Path) -> None:
    """End servers whose data folder was removed under them: on their way out they would unlink the new socket.

    Only a postmaster started with exactly this folder is meant, and only before a new database is created in it.
    """
    found = [process for process in _postgres_processes() if _data_folder_of(process) == str(data)]
    for process in found:
        with suppress(psutil.Error):
            process.terminate()
    for process in psutil.wait_procs(found, _SECONDS)[1]:
        with suppress(psutil.Error):
            process.kill()


def wait_for_backends(data: Path) -> None:
    """Give the children of a postmaster that died a moment to notice: Postgres does not start beside them."""
    if (data / "postmaster.pid").exists():
        psutil.wait_procs(list(_working_in(data)), _SECONDS)


def forget_stale_pid_file(data: Path) -> None:
    """Remove `postmaster.pid` when its process id now belongs to some other program.

    After a reboot, and always in containers, the number is soon somebody else's, and Postgres then refuses to
    start. The file also guards against backends that outlived their postmaster: it stays while one works here.
    """
    path = data / "postmaster.pid"
    try:
        pid = int(path.read_text().splitlines()[0])
    except FileNotFoundError:
        return
    except (IndexError, ValueError):
        pid = None  # cut short by a full disk or a power cut: names nobody
    if not (pid and _may_serve(pid, data)) and not any(_working_in(data)):
        path.unlink(missing_ok=True)


def _may_serve(pid: int, data: Path) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name() == "postgres" and Path(process.cwd()) == data
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True  # it cannot be told: leave the decision to Postgres


def _working_in(data: Path) -> Iterator[psutil.Process]:
    """Postgres processes, postmasters and their children alike, that have this folder as their working directory."""
    for process in _postgres_processes():
        with suppress(psutil.Error):
            if Path(process.cwd()) == data:
                yield process


def _postgres_processes() -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "postgres":
                yield process


def _data_folder_of(process: psutil.Process) -> str | None:
    with suppress(psutil.Error, ValueError, IndexError):
        command_line = list[str](process.cmdline())
        return command_line[command_line.index("-D") + 1]
    return None
