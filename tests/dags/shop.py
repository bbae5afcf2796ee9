"""A folder of small catalogs for Airflow to find, and what came of their runs."""

import csv
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

Row = tuple[str, str, str, str]

FRUIT: list[Row] = [
    ("1", "apple", "fruit", "1.00"),
    ("2", "pear", "fruit", "2.00"),
    ("3", "laptop", "computers", "999.00"),
    ("4", "desk lamp", "home", "20.00"),
]


class Shop:
    """Catalog files and dated snapshots."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def catalog(self, name: str = "shop", **changed: Any) -> Path:
        """One catalog file, complete but for what is changed."""
        path = self.folder / f"{name}.yaml"
        content = {
            "name": name,
            "source": {"path": f"{name}/{{as_of:%Y-%m-%d}}.csv"},
            "columns": {"id": "sku", "name": "title", "category": "department"},
            "embedding": {"provider": "local"},
            "table": f"{name}_products",
            "schedule": "0 2 * * *",
            **changed,
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def snapshot(self, day: str, rows: Sequence[Row] = FRUIT, name: str = "shop") -> Path:
        """The catalog of one day."""
        path = self.folder / name / f"{day}.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sku", "title", "department", "price"])
            writer.writerows(rows)
        return path


class FinishedRun:
    """A DAG run's state, its tasks' states, and the figures on its asset event."""

    def __init__(self, run: Any) -> None:
        self.state = str(getattr(run.state, "value", run.state))
        self.run_id: str = run.run_id
        self.tasks = {
            f"{ti.task_id}[{ti.map_index}]" if ti.map_index >= 0 else ti.task_id: str(ti.state)
            for ti in run.get_task_instances()
        }
        self.labels = [ti.rendered_map_index for ti in run.get_task_instances() if ti.map_index >= 0]
        self.returned = {ti.task_id: ti.xcom_pull(task_ids=ti.task_id) for ti in run.get_task_instances()}

    @property
    def figures(self) -> dict[str, Any]:
        """What `report` returned, as JSON carries it."""
        found: dict[str, Any] = json.loads(json.dumps(self.returned["report"]))
        return found


def run(dag: Any, form: dict[str, Any] | None = None, logical_date: datetime | None = None) -> FinishedRun:
    """A manual run, in this process, to its end; what fails is not waited for and tried again."""
    for task in dag.tasks:
        task.retries = 0
    return FinishedRun(dag.test(logical_date=logical_date, run_conf=form or {}))
