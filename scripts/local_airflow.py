"""An Airflow below VECTORSHELF_HOME: its settings, its secrets and its metadata database on the embedded Postgres.

`make run`, `make up` and the tests of the scheduler share it. Refuses to touch any other Airflow: AIRFLOW_HOME, the
metadata database and every secret are this folder's own, and nothing listens beyond 127.0.0.1.
"""

import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from vectorshelf import embedded
from vectorshelf.errors import ConfigurationError
from vectorshelf.settings import Settings
from vectorshelf.store import db

PROJECT = Path(__file__).resolve().parents[1]
POOLS = PROJECT / "pools.json"
ADMIN = "admin"


@dataclass(frozen=True)
class LocalAirflow:
    """The Airflow below `home`, whose UI is to be at `port`. Creating one touches nothing."""

    home: Path
    port: int

    @property
    def folder(self) -> Path:
        """AIRFLOW_HOME."""
        return self.home / "airflow"

    @property
    def url(self) -> str:
        """Where the UI and the API are."""
        return f"http://127.0.0.1:{self.port}"

    def log(self, name: str) -> Path:
        """The log file of one of our commands."""
        folder = self.folder / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}.log"

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Made at the first use, then always the same, readable by their owner only."""
        made = {
            "fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "jwt": secrets.token_urlsafe(32),
            "session": secrets.token_urlsafe(32),
            ADMIN: secrets.token_urlsafe(9),
        }
        return _kept(self.folder / "secrets.json", made)

    def environment(self) -> dict[str, str]:
        """What every Airflow process of ours runs with. The embedded Postgres has to be up."""
        passwords = self.folder / "passwords.json"
        _kept(passwords, {ADMIN: self.secrets[ADMIN]})
        metadata = embedded.database(self.home, "airflow", driver="psycopg2").get_secret_value()
        return {
            **os.environ,
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__API_AUTH__JWT_SECRET": self.secrets["jwt"],
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__SECRET_KEY": self.secrets["session"],
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__FERNET_KEY": self.secrets["fernet"],
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "8",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata,
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.folder / "logs"),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",  # a task gives its slot back 4 s sooner
            "DATABASE_URL": self._catalog_database(),
            "VECTORSHELF_HOME": str(self.home),
        }

    def _catalog_database(self) -> str:
        """The user's own Postgres where DATABASE_URL names one, else the embedded one."""
        own = Settings.from_environment(PROJECT / ".env").database_url or embedded.url(self.home)
        if own is None:
            raise ConfigurationError(f"the embedded Postgres below {self.home} went away: see server.log there")
        return own.get_secret_value()

    def migrate(self, environment: dict[str, str]) -> bool:
        """Bring the metadata database up to this Airflow and import the pools; False when both were done before."""
        done = self.folder / "migrated"
        state = f"{version('apache-airflow')} {hashlib.sha256(POOLS.read_bytes()).hexdigest()} {self._cluster_id()}"
        if done.exists() and done.read_text() == state:
            return False
        self.command(["db", "migrate"], environment)
        self.command(["pools", "import", str(POOLS)], environment)
        done.write_text(state)
        return True

    def command(self, arguments: Sequence[str], environment: dict[str, str]) -> None:
        """Run an Airflow command to its end. Raises ConfigurationError with its last words when it fails."""
        log = self.log("setup")
        with log.open("ab") as output:
            done = subprocess.run(  # noqa: S603  our own arguments, no shell
                airflow(*arguments), env=environment, cwd=PROJECT, stdout=output, stderr=output, check=False
            )
        if done.returncode != 0:
            raise ConfigurationError(f"airflow {' '.join(arguments)} failed: {last_line(log)} (its log: {log})")

    def _cluster_id(self) -> str:
        """Which Postgres cluster this is: a data folder that was removed and made anew is another one."""
        address = embedded.database(self.home, "airflow")
        with db.connect(address) as conn, db.transaction(conn) as cur:
            cur.execute("SELECT system_identifier FROM pg_control_system()")
            (identifier,) = cur.fetchone() or (None,)
            return str(identifier)


def airflow(*arguments: str) -> list[str]:
    """The command line of this environment's own Airflow."""
    return [sys.executable, "-m", "airflow", *arguments]


def home_of_environment() -> Path:
    """VECTORSHELF_HOME, relative to the project."""
    return PROJECT / Settings.from_environment(PROJECT / ".env").home


def last_line(log: Path) -> str:
    """The last line of a log that has words in it."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _kept(path: Path, made: dict[str, str]) -> dict[str, str]:
    """What the file holds; `made` is written to it first if there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found: dict[str, str] = json.loads(path.read_text())
        return found
    with os.fdopen(descriptor, "w") as file:
        json.dump(made, file)
    return made
