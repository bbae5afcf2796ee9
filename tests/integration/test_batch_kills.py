"""Workers and pollers of the Batch API are killed at random moments: every text is stored once, no job is made twice.

`python -m benchmarks.batch` is the length whose figures the project states.
"""

import os

from tests.integration.batched import batch_shop, embed_and_load, killed_through, planned
from tests.integration.paid import asked, digest, products, sent_again

KILLS = int(os.environ.get("VECTORSHELF_KILLS", "6"))
TEXTS = 3000
JOB = 1000


def test_jobs_whose_workers_and_pollers_are_killed_bring_every_text_once(tmp_path, database_url, standin):
    shop = batch_shop(tmp_path, database_url, standin, max_cost_usd_per_month=1e9)
    standin.tell(
        batches={
            "delay": 1.0,
            "failed_lines": 0.02,
            "expire_jobs": [1],
            "creates": ["after_reset", "ok", "before_500", "after_500"],
        }
    )
    shop.write(1, products(TEXTS))
    run_id = planned(shop)

    done = killed_through(shop, run_id, workers=KILLS, pollers=2, longest=0.3, max_inputs=JOB)

    seen = standin.batches()
    assert done.kills >= 3  # a quick machine may be through before the last ones' moments
    assert seen["twice"] == 0
    assert seen["inputs"] == TEXTS, "each text stood in one job"
    assert 3 <= seen["jobs"] <= 3 + KILLS
    assert shop.query("SELECT count(*) FROM vectorshelf.vectors") == [(seen["texts"],)], (
        "all that the jobs did is stored"
    )
    embed_and_load(shop, run_id)
    assert shop.query("SELECT count(*) FROM vectorshelf.vectors") == [(TEXTS,)]
    assert digest(shop)[0] == TEXTS
    assert len(asked(standin)) == TEXTS
    assert sent_again(standin) == 0
    assert shop.query("SELECT count(*) FROM vectorshelf.batch_texts") == [(0,)]
    # A promise whose line was never written lasts a minute, and counts for nothing afterwards.
    unsettled = "held_until > now() + interval '2 minutes' OR held_until IS NOT NULL AND cost_usd > 0"
    assert shop.query(f"SELECT count(*) FROM vectorshelf.requests WHERE {unsettled}") == [(0,)]
