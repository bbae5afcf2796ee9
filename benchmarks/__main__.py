"""Ways of writing vectors side by side. `python -m benchmarks [--rows 50000] [--seconds 60] [--only …]`

1,536 dimensions, random unit vectors, one client, one embedded Postgres, every contender in a process of its own and
into an empty table without an index: a row at a time; the tutorial's execute_values with Python lists; pgvector-python
with psycopg 3 COPY; LangChain's and LlamaIndex's PGVectorStore; Airflow's PgVectorIngestOperator; ours, as the pipeline
stores the answers of a model (execute_values and copy, both upserts, a commit for every 512; copy also over two
connections, as two of a run's shards); and what the server itself can do, INSERT … SELECT. Peers are installed once, in
environments of their own below .vectorshelf.

Columns: rows/s of the wall clock; the client's CPU time per row; peak memory over what the program had before its first
row; rows/s as a multiple of the tutorial's, and as a share of the server's limit. A contender that is not through after
`--seconds` stops there, and its rows/s are of what it did: no one slows down or speeds up on the way (0: all rows).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg2
from tests import postgres

HOME = Path(".vectorshelf/bench")
DRIVERS = (
    "psycopg[binary]==3.3.9",
    "psycopg2-binary==2.9.13",
    "pgvector==0.5.1",
    "numpy==2.4.6",
    "apache-airflow==3.3.2",
    "apache-airflow-providers-pgvector==1.7.4",
)
FRAMEWORKS = (
    "langchain-postgres==0.0.19",
    "llama-index-vector-stores-postgres==0.9.0",
    "psycopg[binary]==3.3.9",
    "psycopg2-binary==2.9.13",
    "numpy==2.4.6",
)  # they want an older pgvector-python, so they do not share an environment with it


@dataclass(frozen=True)
class Contender:
    """`environment` None: ours."""

    label: str
    environment: str | None = None


CONTENDERS = {
    "row_loop": Contender("a row at a time, psycopg2", "drivers"),
    "tutorial": Contender("the tutorial: execute_values, lists", "drivers"),
    "airflow": Contender("Airflow PgVectorIngestOperator", "drivers"),
    "langchain": Contender("LangChain PGVectorStore", "frameworks"),
    "llama_index": Contender("LlamaIndex PGVectorStore", "frameworks"),
    "pgvector_copy": Contender("pgvector-python, psycopg 3 COPY", "drivers"),
    "execute_values": Contender("ours, execute_values"),
    "copy": Contender("ours, copy"),
    "copy_two": Contender("ours, copy, two shards at once"),
    "limit": Contender("INSERT … SELECT in the server"),
}
PACKAGES = {"drivers": DRIVERS, "frameworks": FRAMEWORKS}


def python_with(environment: str) -> Path:
    """An interpreter that has the peers, made once."""
    folder = HOME / environment
    python = (folder / "bin" / "python").absolute()
    if not (folder / "ready").exists():
        print(f"installing {environment} into {folder} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES[environment]], check=True)
        (folder / "ready").touch()
    return python


def command(name: str) -> list[str]:
    environment = CONTENDERS[name].environment
    if environment is None:
        return [sys.executable, "-m", "benchmarks.writing_ours", name]
    return [str(python_with(environment)), str(Path(__file__).with_name("writing_peers.py")), name]


def run(name: str, url: str, vectors: Path, dimensions: int, seconds: float) -> dict[str, float]:
    """One contender's figures, on a server that has nothing left to write."""
    conn = psycopg2.connect(url)
    conn.autocommit = True
    for statement in (
        "DROP TABLE IF EXISTS bench, data_bench, bench_source",
        "TRUNCATE vectorshelf.vectors",
        "CHECKPOINT",
    ):
        conn.cursor().execute(statement)
    conn.close()
    arguments = [*command(name), url, str(vectors), str(dimensions), str(seconds)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def write_vectors(path: Path, rows: int, dimensions: int) -> None:
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, rows, 10_000):
            vectors = rng.standard_normal((min(10_000, rows - start), dimensions), dtype=np.float32)
            file.write((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server:
        vectors = Path(folder) / "vectors.f32"
        write_vectors(vectors, options.rows, options.dimensions)
        for name in options.only:
            with postgres.fresh_database(server) as url:
                found[name] = run(name, url.get_secret_value(), vectors, options.dimensions, options.seconds)
            print(f"{name}: {found[name]['rows'] / found[name]['seconds']:,.0f} rows/s", file=sys.stderr, flush=True)
    show(found)


def show(found: dict[str, dict[str, float]]) -> None:
    """The table, as Markdown."""
    speed = {name: figures["rows"] / figures["seconds"] for name, figures in found.items()}
    print("| way | rows | rows/s | client µs/row | peak MiB | of the tutorial | of the limit |")
    print("|---|---|---|---|---|---|---|")
    for name, figures in found.items():
        times = f"{speed[name] / speed['tutorial']:.1f} x" if "tutorial" in speed else ""
        share = f"{speed[name] / speed['limit']:.0%}" if "limit" in speed else ""
        print(
            f"| {CONTENDERS[name].label} | {figures['rows']:,} | {speed[name]:,.0f} | "
            f"{figures['cpu'] / figures['rows'] * 1e6:,.0f} | {figures['peak_mib']:,.0f} | {times} | {share} |"
        )


if __name__ == "__main__":
    main()
