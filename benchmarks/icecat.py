"""19,406 real products, stage by stage. `python -m benchmarks.icecat [--products FILE]`

Once with the local model (256 dimensions), once with the real openai client over HTTP against the stand-in server
(1,536 dimensions, base64). Each stage runs in a process of its own, on a fresh embedded Postgres. The stand-in's own
work is in the embed stage's seconds: it shares the machine.
"""

import argparse
from pathlib import Path

from tests import postgres
from tests.conftest import ICECAT
from tests.standin.client import running

from benchmarks.stages import STAGES, measure
from vectorshelf.catalog.model import Catalog


def icecat(products: Path, name: str, embedding: dict[str, object]) -> Catalog:
    return Catalog.model_validate(
        {
            "name": name,
            "source": {"path": str(products)},
            "columns": {"id": "id", "name": "title", "category": "supplier"},
            "text": "{title} {short_description}",
            "embedding": embedding,
            "table": name,
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", type=Path, default=ICECAT / "products.csv.gz")
    products = parser.parse_args().products
    with running() as standin, postgres.server() as server:
        endpoint = {"base_url": standin.base_url, "tokens_per_minute": 100_000_000}
        for name, embedding in (("local", {"provider": "local"}), ("openai", endpoint)):
            with postgres.fresh_database(server) as url:
                stages, report = measure(icecat(products, f"icecat_{name}", embedding), url)
            print(
                f"\n{name}: {report['new']:,} products, {report['embedded']:,} texts in {report['requests']} requests, "
                f"{report['tokens']:,} tokens, ${report['cost_usd']:.4f}; lists {report['index']['lists']}, "
                f"probes {report['index']['probes']}, recall {report['index']['recall']:.3f}"
            )
            print(f"{'stage':<9}{'seconds':>9}{'rows/s':>11}{'peak MiB':>10}")
            for stage in STAGES:
                found = stages[stage]
                print(f"{stage:<9}{found.seconds:>9.2f}{report['new'] / found.seconds:>11,.0f}{found.peak:>10.1f}")


if __name__ == "__main__":
    main()
