"""Client CPU per vector, from the body of an HTTP answer to the committed row. `python -m benchmarks.embedding_cpu`

1,536 dimensions, 512 texts an answer, one connection to a fresh embedded Postgres. CPU is this process's own (user and
system), not the server's, so a busy machine disturbs it little; figures are medians over the rounds. The yardsticks
are the bare statements of docs/benchmarks.md, measured in the same rounds: rows of `orjson` text by execute_values,
and binary COPY into a temporary table, then INSERT … ON CONFLICT. The last lines are the whole embed task with the
openai client and HTTP, in a process that does nothing else.
"""

import argparse
import base64
import struct
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from statistics import median

import numpy as np
import orjson
from psycopg2.extras import execute_values
from pydantic import SecretStr
from tests import postgres, standin

from benchmarks.stages import apart
from vectorshelf.catalog.model import Catalog
from vectorshelf.embed.check import faults_of
from vectorshelf.embed.openai_endpoint import decoded
from vectorshelf.pipeline import RunRequest, tasks
from vectorshelf.settings import Settings
from vectorshelf.store import db, ledger, spaces, writers

DIMENSIONS, TEXTS = 1536, 512
AS_OF = datetime(2026, 11, 1, 2, tzinfo=UTC)
METHODS: tuple[writers.Method, ...] = ("execute_values", "copy")
FACTS = {"execute_values": 140.0, "copy": 40.0}
"""µs per row of the yardsticks on the machine that the targets were set on."""
TARGETS = {"execute_values": 250.0, "copy": 120.0}


class Meter:
    """CPU µs per row of named steps, round by round."""

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.process_time()
        yield
        self._found[name].append((time.process_time() - started) * 1e6 / TEXTS)

    def median(self, name: str) -> float:
        return median(self._found[name])


def answer(number: int) -> bytes:
    """What an endpoint sends for one request."""
    vectors = np.random.default_rng(abs(number)).standard_normal((TEXTS, DIMENSIONS), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    items = (
        b'{"object":"embedding","index":%d,"embedding":"%s"}' % (index, base64.b64encode(vector.tobytes()))
        for index, vector in enumerate(vectors)
    )
    return b'{"object":"list","data":[%s],"usage":{"prompt_tokens":9,"total_tokens":9}}' % b",".join(items)


def hashes(*parts: object) -> list[bytes]:
    return [sha256(f"{parts} {row}".encode()).digest() for row in range(TEXTS)]


def one_round(conn: db.Connection, meter: Meter, number: int, space: int) -> None:
    body = answer(number)
    for method in METHODS:
        _through_the_package(conn, meter, method, body, hashes(number, method), space)
    vectors, _ = decoded(body, TEXTS)
    with meter.step("yardstick execute_values"), db.transaction(conn) as cur:
        rows = [
            (space, key, orjson.dumps(vector, option=orjson.OPT_SERIALIZE_NUMPY).decode())
            for key, vector in zip(hashes(number, "bare rows"), vectors, strict=True)
        ]
        statement = "INSERT INTO vectorshelf.vectors (space, sha256, embedding) VALUES %s"
        execute_values(cur, statement, rows, template="(%s, %s, %s::vector)", page_size=TEXTS)
    with meter.step("yardstick copy"), db.transaction(conn) as cur:
        cur.execute("CREATE TEMP TABLE bare (sha256 bytea, embedding vector) ON COMMIT DROP")
        head = struct.pack(">ihh", 4 + 4 * DIMENSIONS, DIMENSIONS, 0)
        rows = [
            b"".join((b"\0\2\0\0\0\x20", key, head, vector.astype(">f4").tobytes()))
            for key, vector in zip(hashes(number, "bare copy"), vectors, strict=True)
        ]
        data = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"".join(rows) + b"\xff\xff"
        cur.copy_expert("COPY bare FROM STDIN (FORMAT binary)", BytesIO(data))
        cur.execute(
            "INSERT INTO vectorshelf.vectors SELECT %s, sha256, embedding FROM bare ON CONFLICT DO NOTHING", (space,)
        )


def _through_the_package(
    conn: db.Connection, meter: Meter, method: writers.Method, body: bytes, keys: list[bytes], space: int
) -> None:
    with meter.step(f"{method} all"):
        with meter.step("read JSON and base64"):
            vectors, tokens = decoded(body, TEXTS)
        with meter.step("check"):
            faults_of(vectors, TEXTS, DIMENSIONS)
        request = ledger.PaidRequest("benchmark", "benchmark", 0, space, TEXTS, tokens or 0, 1, 0.0, 0.0)
        with meter.step(f"{method} save"), db.transaction(conn) as cur:
            writers.write_vectors(cur, space, keys, vectors, method)
            with meter.step("ledger"):
                ledger.record_request(cur, request)
    with meter.step(f"{method} serialise"):
        if method == "copy":
            writers._binary_rows(space, keys, vectors.copy())
        else:
            for vector in vectors:
                writers.as_text(vector)


def embed_task(method: writers.Method, texts: int, url: SecretStr, base_url: str, folder: Path) -> float:
    """CPU µs per text of the pipeline's embed task, HTTP client and limiter included."""
    path = folder / f"{method}.csv"
    path.write_text("id,name\n" + "".join(f"{n},Generated product number {n} of its kind\n" for n in range(texts)))
    catalog = Catalog.model_validate(
        {
            "name": method,
            "source": {"path": str(path)},
            "columns": {"category": None},
            "embedding": {"base_url": base_url, "requests_per_minute": 10**6, "tokens_per_minute": 10**9},
            "table": method,
            "load": {"method": method},
        }
    )
    settings = Settings(database_url=url, openai_api_key=SecretStr("none"))
    run_id = tasks.prepare(RunRequest(catalog=catalog, as_of=AS_OF), settings)
    tasks.extract(run_id, settings)
    shards = [shard["shard"] for shard in tasks.plan(run_id, settings)["shards"]]
    return apart(cpu_of_shards, run_id, shards, settings) * 1e6 / texts


def cpu_of_shards(run_id: str, shards: list[int], settings: Settings) -> float:
    """CPU seconds of the shards; the first one only loads the libraries."""
    tasks.embed(run_id, -1, settings)  # a shard without texts
    started = time.process_time()
    for shard in shards:
        tasks.embed(run_id, shard, settings)
    return time.process_time() - started


def show(meter: Meter, tasks_found: dict[str, float]) -> None:
    print(f"{'CPU µs per vector':<34}" + "".join(f"{method:>16}" for method in METHODS))

    def line(name: str, values: list[float], digits: int = 1) -> None:
        print(f"{name:<34}" + "".join(f"{value:>16.{digits}f}" for value in values))

    shared = [meter.median(name) for name in ("read JSON and base64", "check", "ledger")]
    save = [meter.median(f"{method} save") for method in METHODS]
    serialise = [meter.median(f"{method} serialise") for method in METHODS]
    everything = [meter.median(f"{method} all") for method in METHODS]
    yardsticks = [meter.median(f"yardstick {method}") for method in METHODS]
    ratios = [found / FACTS[method] for found, method in zip(yardsticks, METHODS, strict=True)]
    line("body to committed row", everything)
    line("  read JSON and base64", [shared[0]] * 2)
    line("  check", [shared[1]] * 2)
    line("  serialise for Postgres", serialise)
    line("  driver and socket", [all_ - part - shared[2] for all_, part in zip(save, serialise, strict=True)])
    line("  ledger row", [shared[2]] * 2)
    line("bare statement (yardstick)", yardsticks)
    line("  to its figure on the reference", ratios, 2)
    line("target here", [TARGETS[method] * ratio for method, ratio in zip(METHODS, ratios, strict=True)])
    line("whole embed task, with HTTP", [tasks_found[method] for method in METHODS])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--texts", type=int, default=12_288, help="of the whole embed task")
    options = parser.parse_args()
    meter, found = Meter(), {}
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server, standin.running() as endpoint:
        with postgres.fresh_database(server) as url, db.connect(url) as conn:
            with db.transaction(conn) as cur:
                space = spaces.space_of(cur, "text-embedding-3-small", DIMENSIONS)
            one_round(conn, Meter(), -1, space)  # warms up
            for number in range(options.rounds):
                one_round(conn, meter, number, space)
        for method in METHODS:
            with postgres.fresh_database(server) as url:
                found[method] = embed_task(method, options.texts, url, endpoint.base_url, Path(folder))
    show(meter, found)


if __name__ == "__main__":
    main()
