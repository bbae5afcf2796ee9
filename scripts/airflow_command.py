"""`make airflow ARGS="…"`: any airflow command, on the Airflow of `make up`."""

import subprocess
import sys

from local_airflow import PROJECT, LocalAirflow, airflow, home_of_environment
from services import Services
from vectorshelf import embedded
from vectorshelf.errors import VectorshelfError


def main(arguments: list[str]) -> int:
    """Run the command with that Airflow's settings; its exit code, or 2 when that Airflow is not up."""
    local = LocalAirflow(home_of_environment(), 0)  # a command talks to the metadata database, not to the server's port
    try:
        if embedded.url(local.home) is None or not Services(local).running():
            print("make airflow: Airflow is not up: `make up` starts it", file=sys.stderr)
            return 2
        environment = local.environment()
    except VectorshelfError as error:
        print(f"make airflow: {error}", file=sys.stderr)
        return 1
    return subprocess.run(airflow(*arguments), env=environment, cwd=PROJECT, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
