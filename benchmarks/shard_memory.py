"""Peak memory of one embed task as its shard grows. `python -m benchmarks.shard_memory [--texts 5000 100000]`

1,536 dimensions from a stand-in endpoint over HTTP, without a limit, in the largest requests there are (2,048 texts).
The whole catalog is one shard; the task runs in a process of its own, whose peak the ledger records. The database is a
fresh embedded one.
"""

import argparse
import csv
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from pydantic import SecretStr
from tests import postgres, standin

from benchmarks.stages import apart
from vectorshelf.catalog.model import Catalog
from vectorshelf.pipeline import RunRequest, tasks
from vectorshelf.settings import Settings
from vectorshelf.store import db, ledger, pending

AS_OF = datetime(2026, 11, 1, 2, tzinfo=UTC)


def measure(texts: int, url: SecretStr, base_url: str, folder: Path) -> tuple[float, float]:
    """(seconds, peak MiB) of the embed task of one shard with that many texts."""
    path = folder / f"{texts}.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerow(["id", "name"])
        csv.writer(file).writerows((n, f"Generated product number {n} of its kind") for n in range(texts))
    catalog = Catalog.model_validate(
        {
            "name": f"shard_{texts}",
            "source": {"path": str(path)},
            "columns": {"category": None},
            "embedding": {"base_url": base_url, "requests_per_minute": 10**6, "tokens_per_minute": 10**9},
            "table": f"shard_{texts}",
        }
    )
    settings = Settings(database_url=url, openai_api_key=SecretStr("none"))
    run_id = tasks.prepare(RunRequest(catalog=catalog, as_of=AS_OF), settings)
    tasks.extract(run_id, settings)
    with patch.object(pending, "SHARD_TEXTS", texts):
        [shard] = tasks.plan(run_id, settings)["shards"]
    apart(tasks.embed, run_id, shard["shard"], settings)
    with db.connect(url) as conn, db.transaction(conn) as cur:
        [figures] = [(seconds, peak) for stage, _, seconds, peak, _ in ledger.stages(cur, run_id) if stage == "embed"]
    tasks.drop_staging(run_id, settings)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, nargs="+", default=[5_000, 25_000, 100_000])
    sizes = parser.parse_args().texts
    print("  texts       s   texts/s   peak MiB   ratio")
    first = 0.0
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server, standin.running() as endpoint:
        for texts in sizes:
            with postgres.fresh_database(server) as url:
                seconds, peak = measure(texts, url, endpoint.base_url, Path(folder))
            first = first or peak
            print(f"{texts:>7,}{seconds:>8.1f}{texts / seconds:>10,.0f}{peak:>11.1f}{peak / first:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
