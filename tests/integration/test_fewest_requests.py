"""Icecat's texts in as few requests as the endpoint's own limits leave, through the pipeline and real HTTP."""

import math

import pytest

from tests.integration.shop import Shop
from vectorshelf.embed.packing import MAX_TEXTS, MAX_TOKENS
from vectorshelf.pipeline import tasks


@pytest.fixture
def make_shop(tmp_path, database_url, standin):
    def make(**embedding: object) -> Shop:
        return Shop(
            tmp_path,
            database_url,
            columns={"id": "id", "name": "title", "category": "supplier"},
            text="{title} {short_description}",
            embedding={"base_url": standin.base_url, **embedding},
        )

    return make


def planned(shop: Shop, icecat) -> tuple[str, dict]:
    run_id = tasks.prepare(shop.request(1, source=str(icecat / "products.csv.gz")), shop.settings)
    tasks.extract(run_id, shop.settings)
    return run_id, tasks.plan(run_id, shop.settings)


def fewest(texts: int, tokens: int) -> int:
    return max(math.ceil(texts / MAX_TEXTS), math.ceil(tokens / MAX_TOKENS))


def test_icecat_is_planned_and_embedded_in_the_fewest_requests(make_shop, icecat, standin):
    shop = make_shop(tokens_per_minute=100_000_000)
    run_id, plan = planned(shop, icecat)
    assert all(shard["texts"] % MAX_TEXTS == 0 for shard in plan["shards"][:-1])
    before = standin.figures()
    for shard in plan["shards"]:
        tasks.embed(run_id, shard["shard"], shop.settings)
    after = standin.figures()
    texts, tokens, sent = (after[name] - before[name] for name in ("texts", "tokens", "requests"))
    assert texts == plan["pending"]
    assert sent <= 1.05 * fewest(texts, tokens)
    assert plan["requests"] == sent


def test_the_default_limits_of_a_catalog_leave_icecat_the_fewest_requests_too(make_shop, icecat):
    _, plan = planned(make_shop(), icecat)
    assert plan["requests"] <= 1.05 * fewest(plan["pending"], plan["tokens"])
