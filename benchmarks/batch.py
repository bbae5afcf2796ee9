"""Batches under fire. `python -m benchmarks.batch [--texts 120000] [--dimensions 1536] [--workers 7] [--pollers 3]`

A catalog of 120,000 products goes through the Batch API of the stand-in (jobs of 50,000 inputs, of two minutes): 2%
of the lines fail, the second job expires half done, and the first "create" loses its answer. Each look at the jobs
and each wait is a process of its own, as a worker's and the triggerer's are; the first seven looks and three waits are
killed (-9) at random moments. Ordinary requests bring what the jobs did not; then the run is loaded.

Printed: jobs made, jobs made twice, texts stored, texts asked for twice, what was paid against ordinary requests, the
highest memory of a process that looked, and seconds.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests import postgres
from tests.integration.batched import batch_shop, embed_and_load, killed_through, planned
from tests.integration.paid import USD_PER_MILLION, asked, charged, digest, products, sent_again
from tests.standin import running

from vectorshelf.embed.batch_lines import MAX_INPUTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=120_000)
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--workers", type=int, default=7)
    parser.add_argument("--pollers", type=int, default=3)
    parser.add_argument("--longest", type=float, default=20.0, help="seconds that a process to be killed may live")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres.server() as server,
        postgres.fresh_database(server) as url,
        running() as standin,
    ):
        embedding = {"dimensions": options.dimensions, "max_texts_per_request": 2048, "timeout_seconds": 60}
        shop = batch_shop(Path(folder), url, standin, embedding=embedding, max_cost_usd_per_month=1e9)
        standin.tell(batches={"delay": 120.0, "failed_lines": 0.02, "expire_jobs": [1], "creates": ["after_reset"]})
        shop.write(1, products(options.texts))
        run_id = planned(shop)
        print(f"planned {options.texts:,} texts", file=sys.stderr, flush=True)
        started = time.monotonic()
        done = killed_through(
            shop,
            run_id,
            workers=options.workers,
            pollers=options.pollers,
            longest=options.longest,
            max_inputs=MAX_INPUTS,
        )
        seconds = time.monotonic() - started
        seen = standin.batches()
        [(batched,)] = shop.query("SELECT count(*) FROM vectorshelf.vectors")
        print(f"batches brought {batched:,} in {seconds:,.0f} s", file=sys.stderr, flush=True)
        embed_and_load(shop, run_id)
        [(stored,)] = shop.query("SELECT count(*) FROM vectorshelf.vectors")
        [(spent,)] = shop.query("SELECT sum(cost_usd)::float8 FROM vectorshelf.requests WHERE shard >= 0")
        ordinary = charged(standin) + seen["tokens"] * USD_PER_MILLION / 1_000_000
        rows = {
            "texts": f"{options.texts:,} at {options.dimensions:,} dimensions",
            "jobs made, made twice": f"{seen['jobs']}, {seen['twice']}",
            "states": ", ".join(f"{count} {state}" for state, count in sorted(seen["states"].items())),
            "killed": f"{done.workers} workers, {done.pollers} pollers, in {done.rounds} looks",
            "texts the jobs did, stored of them": f"{seen['texts']:,}, {batched:,}",
            "texts from batches, from ordinary requests": f"{batched:,}, {stored - batched:,}",
            "texts stored, in the table": f"{stored:,}, {digest(shop)[0]:,}",
            "texts asked for": f"{len(asked(standin)):,}; twice: {sent_again(standin):,}",
            "paid": f"{spent / ordinary:.1%} of ordinary requests' price",
            "highest memory of a look": f"{done.peak_mb:,.0f} MiB",
            "seconds until the last job was collected": f"{seconds:,.0f}",
        }
    print("| batches | |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    once = stored == options.texts and seen["texts"] == batched and rows["texts asked for"].endswith("twice: 0")
    sys.exit(None if once and not seen["twice"] else "not as it must be")


if __name__ == "__main__":
    main()
