"""Start and stop Airflow's own processes in the background: exactly those, and whatever became of them.

A process is known by its id and its start time, so that a number the system gave to somebody else is left alone.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from api import Api
from local_airflow import PROJECT, LocalAirflow, airflow, last_line
from vectorshelf.errors import ConfigurationError

# Without --skip-serve-logs these would listen on every network address; the API server reads the files itself.
COMMANDS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
    "worker": ["celery", "worker", "--skip-serve-logs"],
}


@dataclass(frozen=True)
class Service:
    """One background process."""

    name: str
    pid: int
    created: float

    @property
    def process(self) -> psutil.Process | None:
        """The process, or None when it has ended."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.created) < 1 and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return found if same else None


class Services:
    """The processes of one LocalAirflow, kept in a file so that another command can stop them."""

    def __init__(self, local: LocalAirflow) -> None:
        self._local = local
        self._file = local.folder / "services.json"

    def running(self) -> list[Service]:
        """Those of ours that are up."""
        if not self._file.exists():
            return []
        return [found for item in json.loads(self._file.read_text()) if (found := Service(**item)).process]

    def start(self, names: Sequence[str], environment: dict[str, str]) -> None:
        """Start each in a session of its own, so that closing the terminal ends none."""
        for name in names:
            with self._local.log(name).open("wb") as output:
                process = subprocess.Popen(  # noqa: S603  our own arguments, no shell
                    airflow(*COMMANDS[name]),
                    env=environment,
                    cwd=PROJECT,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            self._remember(Service(name, process.pid, psutil.Process(process.pid).create_time()))

    def check_alive(self, names: Sequence[str]) -> None:
        """Raises ConfigurationError, with its last words, when one of them has ended."""
        up = {service.name for service in self.running()}
        for name in names:
            if name not in up:
                log = self._local.log(name)
                raise ConfigurationError(f"airflow {name} ended: {last_line(log)} (its log: {log})")

    def wait_until_healthy(self, names: Sequence[str], api: Api, seconds: float) -> None:
        """Raises ConfigurationError when one of them ends, or when they are not healthy after `seconds`."""
        beating = {name.replace("-", "_") for name in names} & {"scheduler", "dag_processor", "triggerer"}

        def healthy() -> bool:
            self.check_alive(names)
            return api.healthy({"metadatabase", *beating})

        wait_for("Airflow is not healthy", healthy, seconds)

    def stop(self, patience: float = 20.0) -> list[str]:
        """End ours and their children: ask, and after `patience` seconds insist. Returns the names of those up."""
        found = self.running()
        everyone = list(_with_children(found))
        for service in reversed(found):
            _signal(service.pid, signal.SIGTERM)
        _, left = psutil.wait_procs(everyone, timeout=patience)
        for process in left:
            _signal(process.pid, signal.SIGKILL)
        psutil.wait_procs(left, timeout=patience)
        self._file.unlink(missing_ok=True)
        return [service.name for service in found]

    def _remember(self, service: Service) -> None:
        kept = [asdict(found) for found in [*self.running(), service]]
        partial = Path(f"{self._file}.partial")
        partial.write_text(json.dumps(kept))
        partial.replace(self._file)


def wait_for(what: str, ready: Callable[[], bool], seconds: float) -> None:
    """Ask until the answer is yes. Raises ConfigurationError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise ConfigurationError(f"{what} after {seconds:.0f} seconds")
        time.sleep(0.5)


def _with_children(services: list[Service]) -> Iterator[psutil.Process]:
    for service in services:
        if process := service.process:
            yield process
            yield from process.children(recursive=True)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
