"""`make run`: the sample catalog through its own Airflow DAG, once, then three searches. Needs no server and no key.

Everything happens in this process and on the embedded Postgres, below VECTORSHELF_HOME. The second run finds every
vector in the store.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from dag_run import Outcome, run_dag
from local_airflow import PROJECT, LocalAirflow, home_of_environment
from services import Services
from vectorshelf import embedded
from vectorshelf.errors import VectorshelfError

CATALOG = "electronics"
SEARCHES: list[tuple[str, str | None]] = [
    ("portable coding machine", None),
    ("noise cancelling headphones for a flight", None),
    ("something to read in the sun", "E-Readers"),
]
_MARKS = {"done": ("✔", "green"), "skipped": ("-", "dim"), "failed": ("✘", "red")}


def main() -> int:
    """Run, show, search. Returns the exit code."""
    # A copy of standard output: Airflow's own goes to a file meanwhile.
    console = Console(file=os.fdopen(os.dup(1), "w", encoding="utf-8"), highlight=False)
    home = home_of_environment()
    try:
        with embedded.running(home):
            return _run(console, LocalAirflow(home, port=8080))
    except VectorshelfError as error:
        console.print(Text(f"make run: {error}", "red"))
        return 1


def _run(console: Console, local: LocalAirflow) -> int:
    if Services(local).running():  # its scheduler would run our run's tasks as well
        raise VectorshelfError("Airflow is up: trigger the DAG in its UI, or `make down` first")
    started = time.monotonic()
    environment = local.environment()
    console.print(Text(f"Catalog {CATALOG} through Airflow, on the Postgres below {_short(local.home)}", "bold"))
    if local.migrate(environment):
        _line(console, "database", "done", time.monotonic() - started, "Airflow's tables and the pool are in place")
    os.environ |= environment
    log = local.log("run")

    def tell(task: str, state: str, seconds: float, note: str) -> None:
        _line(console, task, state, seconds, note)

    with console.status("starting Airflow"):
        outcome = run_dag(f"embed_{CATALOG}", PROJECT / "dags", log, tell)
    if outcome.state != "success":
        console.print(Text(f"\nThe run ended {outcome.state}: {outcome.reason}\nIts log: {_short(log)}", "red"))
        return 1
    _show(console, outcome)
    _search(console)
    console.print(Text(f"{time.monotonic() - started:.0f} s in all. Airflow's log is {_short(log)}.", "dim"))
    console.print(Text("`. .venv/bin/activate` brings the command vectorshelf; `make up` brings Airflow's UI.", "dim"))
    return 0


def _line(console: Console, task: str, state: str, seconds: float, note: str) -> None:
    mark, colour = _MARKS[state]
    console.print(Text.assemble("  ", (mark, colour), f" {task:<13}", (f"{seconds:5.1f} s  ", "dim"), note))


def _show(console: Console, outcome: Outcome) -> None:
    from vectorshelf.report import terminal

    figures: dict[str, Any] = outcome.returned["report"]
    console.print(terminal.run_summary(figures))
    for line in _every_figure(figures):
        console.print(Text(f"  {line}", "dim"))


def _every_figure(figures: dict[str, Any]) -> list[str]:
    """The summary leaves out what is zero; here is all of it."""
    from vectorshelf.report.run import STAGES

    index, seconds = figures["index"], figures["seconds"]
    groups = [
        ("extracted", "new", "changed", "attributes_changed", "unchanged", "deleted", "quarantined"),
        ("embedded", "reused", "requests", "tokens", "cost_usd"),
    ]
    return [
        *(", ".join(f"{name} {figures[name]:,}" for name in group) for group in groups),
        f"lists {index['lists']}, probes {index['probes']}, recall {index['recall']}",
        "seconds: " + ", ".join(f"{stage} {seconds[stage]:.2f}" for stage in STAGES),
    ]


def _search(console: Console) -> None:
    from vectorshelf import pipeline
    from vectorshelf.catalog.loading import find_catalog
    from vectorshelf.report import terminal
    from vectorshelf_connections import from_environment

    settings = from_environment()
    catalog = find_catalog(CATALOG, settings.catalogs)
    for text, category in SEARCHES:
        found = pipeline.search(catalog, text, settings, k=3, category=category)
        where = (f" in {category}" if category else "") + f"  {found['milliseconds']:.0f} ms"
        console.print(Text.assemble(("\n  ? ", "cyan"), (text, "bold"), (where, "dim")))
        console.print(terminal.hits_table(found["results"]))
    console.print()


def _short(path: Path) -> str:
    """Relative to the project where it is inside it."""
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
