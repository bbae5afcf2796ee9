"""An Airflow for this test process: settings, metadata database and pools as `make up` has them, nothing running.

Airflow reads its settings when it is imported, so tests import it inside functions, after the `airflow` fixture.
"""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from local_airflow import PROJECT, LocalAirflow
from vectorshelf import embedded

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

DAGS = PROJECT / "dags"
_numbers = count()


@pytest.fixture(scope="session")
def airflow() -> Iterator[LocalAirflow]:
    """Airflow's own settings stay set for the rest of this process; ours are each test's.

    Not in pytest's folder: a second pytest session closes that to the account that runs root's Postgres.
    """
    with tempfile.TemporaryDirectory(prefix="vs-airflow-") as folder, embedded.running(Path(folder)):
        local = LocalAirflow(Path(folder), free_port())
        environment = local.environment()
        local.migrate(environment)
        os.environ |= {name: value for name, value in environment.items() if name.startswith("AIRFLOW")}
        yield local
        embedded.stop(local.home)  # whoever is still connected


@pytest.fixture
def load_dags(airflow: LocalAirflow, monkeypatch: pytest.MonkeyPatch) -> "Callable[[Path | None], DagBag]":
    """Parse our DAG files for a folder of catalogs (None: those that ship), as the DAG processor does."""

    def load(catalogs: Path | None = None) -> "DagBag":
        from airflow.dag_processing.dagbag import BundleDagBag

        if catalogs:
            monkeypatch.setenv("VECTORSHELF_CATALOGS", str(catalogs))
        return BundleDagBag(dag_folder=DAGS, bundle_path=DAGS, bundle_name="dags-folder")

    return load


@pytest.fixture
def catalog_database(airflow: LocalAirflow, monkeypatch: pytest.MonkeyPatch) -> SecretStr:
    """A fresh catalog database, which the tasks find in DATABASE_URL."""
    url = embedded.database(airflow.home, f"catalog_{next(_numbers)}")
    monkeypatch.setenv("DATABASE_URL", url.get_secret_value())
    return url


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
