"""`make down`: stop what `make up` started, and nothing else. The data stay."""

import sys

from local_airflow import LocalAirflow, home_of_environment
from services import Services
from vectorshelf import embedded
from vectorshelf.errors import VectorshelfError


def main() -> int:
    """Stop Airflow's processes, then the embedded Postgres if `make up` started it."""
    local = LocalAirflow(home_of_environment(), 0)
    try:
        stopped = Services(local).stop()
        mark = local.folder / "started-postgres"
        if mark.exists():
            stopped += ["postgres"] if embedded.stop(local.home) else []
            mark.unlink()
    except VectorshelfError as error:
        print(f"make down: {error}", file=sys.stderr)
        return 1
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing of ours was running.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
