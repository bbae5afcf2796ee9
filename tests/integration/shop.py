"""A small catalog in a folder of its own, run through the whole pipeline with the local model."""

import csv
import gzip
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from vectorshelf import pipeline
from vectorshelf.catalog.model import Catalog
from vectorshelf.pipeline import RunRequest
from vectorshelf.pipeline.progress import Silent
from vectorshelf.settings import Settings
from vectorshelf.store import db

Row = tuple[str, str, str, str]

FRUIT: list[Row] = [
    ("1", "apple", "fruit", "1.00"),
    ("2", "pear", "fruit", "2.00"),
    ("3", "laptop", "computers", "999.00"),
    ("4", "desk lamp", "home", "20.00"),
]


def at(day: int) -> datetime:
    """02:00 UTC on the numbered day of November."""
    return datetime(2026, 11, day, 2, tzinfo=UTC)


class Shop:
    """Writes dated files, runs the catalog, looks at what came of it."""

    def __init__(self, folder: Path, database_url: SecretStr, **catalog: object) -> None:
        self.folder = folder
        self.settings = Settings(database_url=database_url)
        self.catalog = Catalog.model_validate(
            {
                "name": "shop",
                "source": {"path": str(folder / "{as_of:%Y-%m-%d}.csv")},
                "columns": {"id": "sku", "name": "title", "category": "department"},
                "embedding": {"provider": "local"},
                "table": "products",
                "max_delete_fraction": 1.0,
                **catalog,
            }
        )

    def write(self, day: int, rows: Sequence[Row], suffix: str = ".csv") -> Path:
        """One snapshot file."""
        path = self.folder / f"{at(day):%Y-%m-%d}{suffix}"
        with gzip.open(path, "wt", newline="") if suffix.endswith(".gz") else path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sku", "title", "department", "price"])
            writer.writerows(rows)
        return path

    def request(self, day: int, **options: object) -> RunRequest:
        """What `vectorshelf run` would ask for."""
        return RunRequest.model_validate({"catalog": self.catalog, "as_of": at(day), **options})

    def run(self, day: int, rows: Sequence[Row] | None = None, **options: object) -> dict:
        """Write the day's file, if rows are given, and run it."""
        if rows is not None:
            self.write(day, rows)
        return pipeline.run(self.request(day, **options), self.settings)

    def query(self, statement: str) -> list[tuple]:
        """Rows of any query on the catalog's database."""
        assert self.settings.database_url
        with db.connect(self.settings.database_url) as conn, db.transaction(conn) as cur:
            cur.execute(statement)
            return cur.fetchall()

    def names(self) -> list[str]:
        """The serving table's names, by id."""
        return [name for (name,) in self.query("SELECT name FROM products ORDER BY id")]

    def staging_tables(self) -> list[tuple]:
        """Tables that runs left behind."""
        return self.query(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'vectorshelf' AND tablename ~ '^(staging|pending)_'"
        )


class Heard(Silent):
    """Keeps what a run notes; `something` is set with the first of it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.something = threading.Event()

    def note(self, stage: str, line: str) -> None:
        """Keep it."""
        self.lines.append(line)
        self.something.set()
