"""Peak memory of every stage as the catalog grows. `python -m benchmarks.memory [--rows 100000 1000000]`

Each stage runs in a process of its own, as in Airflow, so a stage's peak is its own. Generated products have distinct
names of about 40 bytes and two attributes; the local model embeds them. The database is a fresh embedded one.
"""

import argparse
import csv
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from tests import postgres

from vectorshelf.catalog.model import Catalog
from vectorshelf.pipeline import RunRequest, tasks
from vectorshelf.settings import Settings
from vectorshelf.store import db, ledger

AS_OF = datetime(2026, 11, 1, 2, tzinfo=UTC)
STAGES = ("extract", "plan", "embed", "load", "index", "vacuum")


def generate(path: Path, rows: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "category", "price", "colour"])
        writer.writerows(
            (f"sku-{n:09d}", f"Generated product number {n} of its kind", f"shelf {n % 97}", n % 1000, "grey")
            for n in range(rows)
        )


def measure(rows: int, url: SecretStr, folder: Path) -> dict[str, tuple[float, float]]:
    """Stage → (seconds, peak MiB), each stage in processes of its own, shards one after another."""
    path = folder / f"{rows}.csv"
    generate(path, rows)
    catalog = Catalog.model_validate(
        {
            "name": f"generated_{rows}",
            "source": {"path": str(path)},
            "embedding": {"provider": "local"},
            "table": f"generated_{rows}",
        }
    )
    settings = Settings(database_url=url)
    request = RunRequest(catalog=catalog, as_of=AS_OF, key="benchmark")
    run_id = tasks.prepare(request, settings)
    apart(tasks.extract, run_id, settings)
    shards = apart(tasks.plan, run_id, settings)["shards"]
    for shard in shards:
        apart(tasks.embed, run_id, shard["shard"], settings)
    for stage in (tasks.load, tasks.index, tasks.vacuum):
        apart(stage, run_id, settings)
    with db.connect(url) as conn, db.transaction(conn) as cur:
        found = ledger.stages(cur, run_id)
    tasks.drop_staging(run_id, settings)
    return {
        name: (
            sum(seconds for stage, _, seconds, _, _ in found if stage == name),
            max((peak for stage, _, _, peak, _ in found if stage == name), default=0.0),
        )
        for name in STAGES
    }


def apart(task, *arguments):
    """Run a task in a fresh interpreter, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(task, *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    sizes = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server:
        results = {}
        for rows in sizes:
            with postgres.fresh_database(server) as url:
                results[rows] = measure(rows, url, Path(folder))
    print("stage    " + "".join(f"{rows:>11,} rows: s  rows/s  peak MiB" for rows in sizes) + "   peak ratio")
    for stage in STAGES:
        cells = "".join(
            f"{results[rows][stage][0]:>20.1f}{rows / max(results[rows][stage][0], 1e-9):>8,.0f}{results[rows][stage][1]:>10.1f}"
            for rows in sizes
        )
        ratio = results[sizes[-1]][stage][1] / results[sizes[0]][stage][1]
        print(f"{stage:<9}{cells}{ratio:>13.2f}")


if __name__ == "__main__":
    main()
