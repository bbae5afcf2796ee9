"""`make up`: Airflow with its UI on this machine, in the background, the sample DAG unpaused. `make down` ends it."""

import os
import socket
import sys

from api import Api
from local_airflow import ADMIN, LocalAirflow, home_of_environment
from services import Services, wait_for
from vectorshelf import embedded
from vectorshelf.errors import VectorshelfError

SAMPLE = "embed_electronics"
PARTS = ["api-server", "scheduler", "dag-processor", "triggerer"]
_SECONDS = 180.0  # a cold, busy laptop takes a minute


def main() -> int:
    """Start everything, wait until it is healthy, and say where it is."""
    local = LocalAirflow(home_of_environment(), int(os.environ.get("VECTORSHELF_UI_PORT", "8080")))
    try:
        _up(local)
    except VectorshelfError as error:
        print(f"make up: {error}", file=sys.stderr)
        return 1
    return 0


def _up(local: LocalAirflow) -> None:
    services = Services(local)
    if services.running():
        print("Airflow is up already: `make down` stops it.")
        return
    _check_port(local.port)
    mark = local.folder / "started-postgres"
    if embedded.url(local.home) is None:
        local.folder.mkdir(parents=True, exist_ok=True)
        mark.touch()  # `make down` stops the server only if we started it
    embedded.start(local.home)
    environment = local.environment()
    print("Preparing Airflow's database …", flush=True)
    local.migrate(environment)
    print("Starting Airflow …", flush=True)
    services.start(PARTS, environment)
    try:
        _wait_and_unpause(local, services)
    except VectorshelfError:
        services.stop()
        raise
    _welcome(local)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise VectorshelfError(
                f"port {port} is taken ({error.strerror}): VECTORSHELF_UI_PORT=8081 make up"
            ) from error


def _wait_and_unpause(local: LocalAirflow, services: Services) -> None:
    api = Api(local)
    services.wait_until_healthy(PARTS, api, _SECONDS)
    api.login()
    wait_for(f"{SAMPLE} is not in Airflow", lambda: api.has_dag(SAMPLE), _SECONDS)
    api.patch(f"/dags/{SAMPLE}", {"is_paused": False})


def _welcome(local: LocalAirflow) -> None:
    print(f"""
Airflow is up:  {local.url}
user            {ADMIN}
password        {local.secrets[ADMIN]}   (kept in {local.folder / "passwords.json"})
logs            {local.folder / "logs"}

{SAMPLE} is unpaused: its latest nightly run starts now. `make down` stops everything.""")


if __name__ == "__main__":
    sys.exit(main())
