"""A shard's process is killed at random moments and started again: every text is stored, next to none is paid twice.

VECTORSHELF_KILLS=30 VECTORSHELF_PRODUCTS=20000 is the length whose figures the project states.
"""

import multiprocessing
import os
import random

from tests.integration.paid import PRODUCTS, asked, digest, paid_shop, products, sent_again
from vectorshelf.pipeline import tasks
from vectorshelf.settings import Settings

KILLS = int(os.environ.get("VECTORSHELF_KILLS", "5"))
IN_FLIGHT = 4
LONGEST = 0.6  # seconds a shard's process lives before it is killed; unhurt it would need some more


def test_a_shard_killed_at_random_moments_ends_complete_and_pays_twice_for_nothing_but_what_was_in_flight(
    tmp_path, database_url, standin
):
    count = max(PRODUCTS, 800 * KILLS)
    # With a budget, every request is on record before it is sent: that is how we know what was in flight.
    shop = paid_shop(
        tmp_path, database_url, standin, embedding={"max_in_flight": IN_FLIGHT}, max_cost_usd_per_month=1e9
    )
    standin.tell(latency=0.05)
    shop.write(1, products(count))
    run_id = tasks.prepare(shop.request(1, key="killed"), shop.settings)
    tasks.extract(run_id, shop.settings)
    shards = [shard["shard"] for shard in tasks.plan(run_id, shop.settings)["shards"]]

    lost = kill_and_retry(shop, run_id, shards)

    assert len(lost) == KILLS
    assert shop.query("SELECT count(*) FROM vectorshelf.vectors") == [(count,)]
    assert len(asked(standin)) == count
    again = sent_again(standin)
    print(f"\n{KILLS} kills, {count:,} texts: {sum(lost):,} in flight at the kills, {again:,} sent again")
    assert again <= sum(lost)
    assert max(lost) <= IN_FLIGHT * shop.catalog.embedding.max_texts_per_request

    tasks.load(run_id, shop.settings)
    killed = digest(shop)
    other = paid_shop(tmp_path, database_url, standin)
    other.query("TRUNCATE products, vectorshelf.vectors; SELECT 1")
    other.run(1)
    assert digest(other) == killed
    assert killed[0] == count


def kill_and_retry(shop, run_id: str, shards: list[int]) -> list[int]:
    """Embed all shards, killing KILLS times on the way; returns the texts in flight at each kill."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["vectorshelf.pipeline", "vectorshelf.embed.openai_endpoint"])
    moments = random.Random(20261123)
    lost: list[int] = []
    left = list(shards)
    while left:
        process = processes.Process(target=embed, args=(run_id, left[0], shop.settings))
        process.start()
        process.join(moments.uniform(0, LONGEST) if len(lost) < KILLS else None)
        if process.is_alive():
            process.kill()
            process.join()
            lost.append(in_flight(shop, run_id) - sum(lost))
            continue
        assert process.exitcode == 0
        left.pop(0)
    return lost


def embed(run_id: str, shard: int, settings: Settings) -> None:
    """What a worker's task does."""
    tasks.embed(run_id, shard, settings)


def in_flight(shop, run_id: str) -> int:
    """Texts of the requests that were on record and never answered, of all kills so far."""
    [(texts,)] = shop.query(
        f"SELECT coalesce(sum(texts), 0) FROM vectorshelf.requests WHERE run_id = '{run_id}' AND held_until IS NOT NULL"
    )
    return int(texts)
