"""Peak memory of every stage as the catalog grows. `python -m benchmarks.memory [--rows 100000 1000000]`

Each stage runs in a process of its own, as in Airflow. Generated products have distinct names of about 40 bytes and two
attributes; the local model embeds them. The database is a fresh embedded one.
"""

import argparse
import csv
import tempfile
from pathlib import Path

from pydantic import SecretStr
from tests import postgres

from benchmarks.stages import STAGES, Stage, measure
from vectorshelf.catalog.model import Catalog


def grown(rows: int, url: SecretStr, folder: Path) -> dict[str, Stage]:
    """The stages of a generated catalog of so many products."""
    path = folder / f"{rows}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "category", "price", "colour"])
        writer.writerows(
            (f"sku-{n:09d}", f"Generated product number {n} of its kind", f"shelf {n % 97}", n % 1000, "grey")
            for n in range(rows)
        )
    name = f"generated_{rows}"
    catalog = Catalog.model_validate(
        {"name": name, "source": {"path": str(path)}, "embedding": {"provider": "local"}, "table": name}
    )
    return measure(catalog, url)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    sizes = parser.parse_args().rows
    results = {}
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server:
        for rows in sizes:
            with postgres.fresh_database(server) as url:
                results[rows] = grown(rows, url, Path(folder))
    print(f"{'stage':<9}{'rows':>11}{'seconds':>10}{'rows/s':>11}{'peak MiB':>10}{'of the first':>14}")
    for stage in STAGES:
        for rows in sizes:
            found, first = results[rows][stage], results[sizes[0]][stage]
            speed = f"{rows / found.seconds:,.0f}" if found.seconds else ""
            print(
                f"{stage:<9}{rows:>11,}{found.seconds:>10.1f}{speed:>11}"
                f"{found.peak:>10.1f}{found.peak / first.peak:>14.2f}"
            )


if __name__ == "__main__":
    main()
