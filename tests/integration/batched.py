"""A catalog whose texts go through the stand-in's Batch API, and runs of it that do not wait between looks."""

import asyncio
import multiprocessing
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.integration.paid import paid_shop
from tests.integration.shop import Shop
from tests.standin import StandIn
from vectorshelf.embed.batch_endpoint import until_one_ends
from vectorshelf.pipeline import batching, tasks
from vectorshelf.pipeline.batching import Standing
from vectorshelf.settings import Settings
from vectorshelf.store.ledger import peak_rss_mb


def batch_shop(folder: Path, url: SecretStr, standin: StandIn, **catalog: object) -> Shop:
    """Lines of 25 texts."""
    section = {"batch": "always", **dict(catalog.pop("embedding", {}))}
    return paid_shop(folder, url, standin, embedding=section, **catalog)


def planned(shop: Shop, day: int = 1, **options: object) -> str:
    """A run up to its plan."""
    run_id = tasks.prepare(shop.request(day, **options), shop.settings)
    tasks.extract(run_id, shop.settings)
    tasks.plan(run_id, shop.settings)
    return run_id


def see_through(shop: Shop, run_id: str, *, max_inputs: int = 1000, settle: float = 0.0) -> Standing:
    """Look until nothing is open. The stand-in's jobs end when they are looked at."""
    for _ in range(200):
        standing = batching.advance(run_id, shop.settings, settle=settle, max_inputs=max_inputs)
        if not standing.open:
            return standing
    raise AssertionError(f"still open: {standing}")


def embed_and_load(shop: Shop, run_id: str) -> None:
    """What the run does with what batches did not bring."""
    shards = shop.query(f"SELECT DISTINCT shard FROM vectorshelf.pending_{run_no(shop, run_id)} ORDER BY shard")
    for (shard,) in shards:
        tasks.embed(run_id, shard, shop.settings)
    tasks.load(run_id, shop.settings)


def run_no(shop: Shop, run_id: str) -> int:
    [(number,)] = shop.query(f"SELECT run_no FROM vectorshelf.runs WHERE run_id = '{run_id}'")
    return number


@dataclass
class Killed:
    """What a run of workers and pollers went through. `peak_mb` is the highest resident memory of a worker."""

    workers: int = 0
    pollers: int = 0
    rounds: int = 0
    peak_mb: float = 0.0

    @property
    def kills(self) -> int:
        """Of both together."""
        return self.workers + self.pollers


def killed_through(
    shop: Shop, run_id: str, *, workers: int, pollers: int, longest: float, max_inputs: int, seed: int = 20261124
) -> Killed:
    """See the run's batches through with a process for every look and one for every wait, as Airflow has them.

    The first `workers` looks and `pollers` waits are killed (-9) at random moments, of up to `longest` seconds
    (a second, for waits); one that ends by itself before its moment does not count: a later one is killed instead, and
    sooner, by as long as that one took.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["vectorshelf.pipeline", "vectorshelf.embed.batch_endpoint"])
    moments, done = random.Random(seed), Killed()
    answers = processes.SimpleQueue()
    soon = longest

    def lived(target: Callable[..., None], arguments: tuple, most: float | None) -> float | None:
        process = processes.Process(target=target, args=arguments)
        process.start()
        began = time.monotonic()
        process.join(300 if most is None else moments.uniform(0, most))
        if process.is_alive():
            process.kill()
            process.join()
            assert most is not None, "it hangs"
            return None
        assert process.exitcode == 0
        return time.monotonic() - began

    while True:
        done.rounds += 1
        arguments = (run_id, shop.settings, max_inputs, answers)
        seconds = lived(_look, arguments, soon if done.workers < workers else None)
        if seconds is None:
            done.workers += 1
            answers = processes.SimpleQueue()  # the dead may have held its lock
            continue
        standing, peak = answers.get()
        soon = min(soon, seconds)
        done.peak_mb = max(done.peak_mb, peak)
        if not standing.open:
            return done
        while lived(_poll, (standing,), 1.0 if done.pollers < pollers else None) is None:
            done.pollers += 1


def _look(run_id: str, settings: Settings, max_inputs: int, answers: Any) -> None:
    standing = batching.advance(run_id, settings, settle=1.0, max_inputs=max_inputs)
    answers.put((standing, peak_rss_mb()))


def _poll(standing: Standing) -> None:
    asyncio.run(until_one_ends(standing.endpoint, None, standing.watched, 30.0, first_wait=0.2))
