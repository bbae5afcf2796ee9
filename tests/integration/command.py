"""The `vectorshelf` command itself, as a process of its own in a folder of its own."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

Product = tuple[str, str, str, str]

PRODUCTS: list[Product] = [
    ("1", "apple", "fruit", "1.00"),
    ("2", "pear", "fruit", "2.00"),
    ("3", "laptop", "computers", "999.00"),
    ("4", "desk lamp", "home", "20.00"),
]


class Command:
    """Runs the command in `folder`, with nothing of this machine's environment but what a process needs."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.catalogs = folder / "include" / "catalogs"  # the default of VECTORSHELF_CATALOGS
        self.catalogs.mkdir(parents=True)
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR", "LANG") if key in os.environ}
        self.environment = {**kept, **environment}

    def __call__(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run to the end."""
        return subprocess.run(
            self.line(*arguments),
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def json(self, *arguments: str, code: int = 0, **environment: str) -> dict[str, Any]:
        """Run with --json: the one object that standard output holds."""
        done = self(*arguments, "--json", **environment)
        assert done.returncode == code, done.stderr
        lines = done.stdout.splitlines()
        assert len(lines) == 1, done.stdout
        return json.loads(lines[0])

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Run in the background, in a process group of its own."""
        return subprocess.Popen(
            self.line(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    @staticmethod
    def line(*arguments: str) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "vectorshelf", *arguments]

    def catalog(self, name: str = "shop", **changes: object) -> Path:
        """Write a catalog file for the products of `snapshot`."""
        content = {
            "name": name,
            "source": {"path": "../../data/{as_of:%Y-%m-%d}.csv"},
            "columns": {"id": "sku", "name": "title", "category": "department"},
            "embedding": {"provider": "local"},
            "table": name,
            "max_delete_fraction": 0.5,
            **changes,
        }
        path = self.catalogs / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    def snapshot(self, day: int, products: Sequence[Product] = PRODUCTS) -> Path:
        """Write the catalog of a day of November 2025."""
        path = self.folder / "data" / f"2025-11-{day:02}.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([("sku", "title", "department", "price"), *products])
        return path
