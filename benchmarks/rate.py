"""How well a shared rate limit is used. `python -m benchmarks.rate [--scenarios …] [--contenders …]`

An endpoint on loopback (tests/standin) allows 600 requests and 200,000 tokens in any 60 seconds, takes 0.2 s per
answer and finds 12% more tokens in a text than its bytes promise. Two runs of different catalogs embed 24,000 texts
each, four shard processes each, at once: through prepare, extract, plan and the embed task of the pipeline on a fresh
embedded Postgres. Beside them the same texts in the same eight lots, a process each: the openai client in eight
threads, and LangChain's OpenAIEmbeddings, both with the client's own retries (benchmarks/rate_peers.py).

Scenarios: `steady`; `halved`, the server's limits fall to half in mid-run; `mistaken`, we are configured for twice what
the server allows; `silent`, the same with a server that sends no rate headers, only Retry-After.
A run takes about three and a half minutes. The columns: how long it took from the first accepted request to the last;
requests and how many of them were refused (429); tokens, of the limit times that time (`of all`; more than 100% when
a burst at the start uses up the first minute early), the same without the first minute (`later`), and of the time in
which anybody could send (`of open`: after the limit was halved, the last minute already holds more than the new one
allows, and the server lets nobody in for up to half a minute); texts that never came back.
"""

import argparse
import csv
import itertools
import json
import multiprocessing
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests import postgres, standin

from vectorshelf.catalog.model import Catalog
from vectorshelf.pipeline import RunRequest, tasks
from vectorshelf.settings import Settings
from vectorshelf.store import db

REQUESTS, TOKENS = 600, 200_000
TOKENS_PER_BYTE = 0.28
RUNS, SHARDS, TEXTS = 2, 4, 24_000
PEERS = ("openai==3.54.0", "langchain-openai==1.7.3")
AS_OF = datetime(2026, 11, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Scenario:
    """`tokens` is what all texts take; `halved_after` in seconds; `configured` times the server's limit."""

    tokens: int
    configured: int = 1
    halved_after: float | None = None
    headers: bool = True


SCENARIOS = {
    "steady": Scenario(680_000),
    "halved": Scenario(490_000, halved_after=100.0),
    "mistaken": Scenario(680_000, configured=2),
    "silent": Scenario(680_000, configured=2, headers=False),
}
Embed = Callable[[list[list[str]], str, Scenario, Path], int]


@dataclass(frozen=True)
class Result:
    """One line of the table; the shares are of what was allowed, as the module says."""

    seconds: float
    requests: int
    refused: int
    tokens: int
    of_all: float
    later: float
    of_open: float
    missing: int

    def line(self, scenario: str, contender: str) -> str:
        share = 100 * self.refused / self.requests
        return (
            f"{scenario:<10}{contender:<13}{self.seconds:>7.0f}{self.requests:>10,}{self.refused:>7,}{share:>8.2f}%"
            f"{self.tokens:>10,}{self.of_all:>9.1%}{self.later:>8.1%}{self.of_open:>9.1%}"
            f"{self.missing:>10,}"
        )


HEADER = "scenario  contender          s  requests    429    share    tokens   of all   later  of open   missing"


def texts_of(seed: int, tokens: int) -> list[str]:
    """Distinct texts of varied length that together have about `tokens` tokens, TEXTS of them."""
    source = random.Random(seed)
    words = [
        "quiet",
        "red",
        "steel",
        "travel",
        "mug",
        "lamp",
        "4K",
        "wireless",
        "oak",
        "pro",
        "mini",
        "set",
        "of",
        "two",
    ]
    average = tokens / TEXTS / TOKENS_PER_BYTE
    texts = []
    for number in range(TEXTS):
        text, length = f"{seed}-{number}", source.uniform(0.6, 1.4) * average
        while len(text) < length - 3:
            text += " " + source.choice(words)
        texts.append(text)
    return texts


def ours(lots: list[list[str]], base_url: str, scenario: Scenario, folder: Path) -> int:
    """Two runs through the pipeline's own tasks; returns how many vectors are stored."""
    with postgres.server() as server, postgres.fresh_database(server) as url:
        settings = Settings(database_url=url, openai_api_key="none")
        shards = []
        for number in range(RUNS):
            texts = list(itertools.chain.from_iterable(lots[number * SHARDS : (number + 1) * SHARDS]))
            shards += _planned(f"catalog_{number}", texts, base_url, scenario, folder, settings)
        with ProcessPoolExecutor(len(shards), mp_context=multiprocessing.get_context("spawn")) as pool:
            running = [pool.submit(tasks.embed, run_id, shard, settings) for run_id, shard in shards]
            for future in running:
                future.result()
        with db.connect(url) as conn, db.transaction(conn) as cur:
            cur.execute("SELECT count(*) FROM vectorshelf.vectors")
            return cur.fetchone()[0]


def _planned(name: str, texts: list[str], base_url: str, scenario: Scenario, folder: Path, settings: Settings):
    path = folder / f"{name}.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("id", "name"), *enumerate(texts)])
    catalog = Catalog.model_validate(
        {
            "name": name,
            "source": {"path": str(path)},
            "columns": {"category": None},
            "table": name,
            "embedding": {
                "base_url": base_url,
                "requests_per_minute": REQUESTS * scenario.configured,
                "tokens_per_minute": TOKENS * scenario.configured,
            },
        }
    )
    run_id = tasks.prepare(RunRequest(catalog=catalog, as_of=AS_OF), settings)
    tasks.extract(run_id, settings)
    return [(run_id, shard["shard"]) for shard in tasks.plan(run_id, settings)["shards"]]


def peer(name: str, python: Path) -> Embed:
    """Eight processes of another client; returns how many texts came back."""

    def embed(lots: list[list[str]], base_url: str, scenario: Scenario, folder: Path) -> int:
        def one(number: int) -> int:
            path = folder / f"{number}.json"
            path.write_text(json.dumps(lots[number]))
            command = [python, Path(__file__).with_name("rate_peers.py"), name, path, base_url]
            answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            if answer["errors"]:
                print(f"  {name}, process {number}: {', '.join(answer['errors'])}", file=sys.stderr)
            return answer["embedded"]

        with ThreadPoolExecutor(len(lots)) as pool:
            return sum(pool.map(one, range(len(lots))))

    return embed


def measure(scenario: Scenario, embed: Embed) -> Result:
    """One run of a contender against a server of its own."""
    texts = [texts_of(seed, scenario.tokens // RUNS) for seed in range(1, RUNS + 1)]
    size = TEXTS // SHARDS
    lots = [run[start : start + size] for run in texts for start in range(0, TEXTS, size)]
    limits = {"requests_per_minute": REQUESTS, "tokens_per_minute": TOKENS}
    told = {"latency": 0.2, "tokens_per_byte": TOKENS_PER_BYTE, "rate_headers": scenario.headers}
    changed: list[float] = []
    ended = threading.Event()
    with tempfile.TemporaryDirectory() as folder, standin.running() as server:
        server.tell(**told, **limits)

        def halve() -> None:
            while not server.figures()["tokens"] > 10_000 and not ended.wait(0.2):
                pass
            if not ended.wait(scenario.halved_after):
                server.tell(**told, **{name: limit / 2 for name, limit in limits.items()})
                changed.append(server.figures()["seconds"])

        if scenario.halved_after is not None:
            threading.Thread(target=halve, daemon=True).start()
        try:
            embedded = embed(lots, server.base_url, scenario, Path(folder))
        finally:
            ended.set()
        return _result(server.figures(), changed[0] if changed else None, RUNS * TEXTS - embedded)


def _result(seen: dict, halved_at: float | None, missing: int) -> Result:
    timeline = {int(second): tokens for second, tokens in seen["tokens_per_second"].items() if tokens > 1_000}
    first, last = min(timeline), max(timeline) + 1

    def allowed(since: float) -> float:
        halved = max(0.0, last - max(since, halved_at)) if halved_at is not None else 0.0
        return TOKENS * (last - since - halved / 2) / 60

    used = sum(timeline.values())
    later = sum(tokens for second, tokens in timeline.items() if second >= first + 60)
    closed = 0.0 if halved_at is None else TOKENS / 2 * _closed_seconds(timeline, halved_at) / 60
    return Result(
        last - first,
        seen["requests"],
        seen["status"].get("429", 0),
        used,
        used / allowed(first),
        later / allowed(first + 60),
        used / (allowed(first) - closed),
        missing,
    )


def _closed_seconds(timeline: dict[int, int], halved_at: float) -> int:
    """How long nobody could send: the minute before the change holds more than the new limit."""
    for wait in range(60):
        if (
            sum(tokens for second, tokens in timeline.items() if halved_at + wait - 60 <= second < halved_at)
            <= TOKENS / 2
        ):
            return wait
    return 60


def peers_python() -> Path:
    """An environment of their own for the peers, made once below .vectorshelf."""
    folder = Path(".vectorshelf/bench/clients")
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
        (folder / "ready").touch()
    return python.absolute()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=["steady", "halved", "mistaken"])
    names = ("vectorshelf", "openai", "langchain")
    parser.add_argument("--contenders", nargs="+", choices=names, default=list(names))
    parser.add_argument("--peers-python", type=Path, help="an interpreter that has the peers; default: made once")
    options = parser.parse_args()
    contenders: dict[str, Embed] = {}
    for name in options.contenders:
        contenders[name] = ours if name == "vectorshelf" else peer(name, options.peers_python or peers_python())
    print(HEADER, flush=True)
    for scenario, (name, embed) in itertools.product(options.scenarios, contenders.items()):
        if name != "vectorshelf" and SCENARIOS[scenario].configured != 1:
            continue  # they know no limit, so they cannot be wrong about it
        print(measure(SCENARIOS[scenario], embed).line(scenario, name), flush=True)
        time.sleep(1)


if __name__ == "__main__":
    main()
