"""A catalog whose texts go through the stand-in's Batch API, and runs of it that do not wait between looks."""

from pathlib import Path

from pydantic import SecretStr

from tests.integration.paid import paid_shop
from tests.integration.shop import Shop
from tests.standin import StandIn
from vectorshelf.pipeline import batching, tasks
from vectorshelf.pipeline.batching import Standing


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
