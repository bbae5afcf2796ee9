"""Nineteen thousand real products through the whole pipeline: every row, every distinct text once, nothing twice."""

import csv
import gzip
from hashlib import sha256
from pathlib import Path

import pytest

from tests.integration.shop import Shop
from vectorshelf import pipeline
from vectorshelf.embed.selftest import TEXTS as SELF_TEST

PRODUCTS = 19_406


@pytest.fixture
def shop(tmp_path, database_url) -> Shop:
    return Shop(
        tmp_path,
        database_url,
        columns={"id": "id", "name": "title", "category": "supplier"},
        text="{title} {short_description}",
        source={"path": str(tmp_path / "{as_of:%Y-%m-%d}.csv.gz")},
    )


@pytest.fixture
def paid_shop(tmp_path, database_url, standin) -> Shop:
    """The same catalog, embedded at 1,536 dimensions by the real openai client over HTTP."""
    return Shop(
        tmp_path,
        database_url,
        columns={"id": "id", "name": "title", "category": "supplier"},
        text="{title} {short_description}",
        embedding={"base_url": standin.base_url, "tokens_per_minute": 100_000_000},
    )


def test_icecat_through_the_openai_client_pays_for_each_distinct_text_once(paid_shop, icecat, standin):
    source = str(icecat / "products.csv.gz")
    first = paid_shop.run(1, source=source)
    assert (first["extracted"], first["new"], first["embedded"]) == (PRODUCTS, PRODUCTS, distinct_texts(paid_shop))
    stored = {bytes(digest) for (digest,) in paid_shop.query("SELECT sha256 FROM vectorshelf.vectors")}
    asked = {text: times for text, times in standin.texts().items() if sha256(text.encode()).digest() in stored}
    assert (len(asked), set(asked.values())) == (first["embedded"], {1})
    assert len(standin.texts()) - len(asked) <= len(SELF_TEST) + 200  # search texts, to measure recall with
    assert paid_shop.query("SELECT count(*), min(vector_dims(embedding)) FROM products") == [(PRODUCTS, 1536)]
    assert paid_shop.query("SELECT count(*) FROM vectorshelf.vectors") == [(distinct_texts(paid_shop),)]
    assert paid_shop.run(1, source=source)["embedded"] == 0


def distinct_texts(shop: Shop) -> int:
    [(count,)] = shop.query("SELECT count(DISTINCT text_hash) FROM products")
    return count


def change_prices_and_titles(source: Path, target: Path) -> tuple[int, int]:
    """Every 100th product gets a new title, every 50th a new price; returns (titles, other prices) changed."""
    titles = prices = 0
    with gzip.open(source, "rt", newline="") as before, gzip.open(target, "wt", newline="") as after:
        reader = csv.DictReader(before)
        writer = csv.DictWriter(after, reader.fieldnames or [])
        writer.writeheader()
        for number, row in enumerate(reader):
            if number % 100 == 0:
                row["title"] += f" (revision {number})"
                titles += 1
            elif number % 50 == 0:
                row["price"] = "1"
                prices += 1
            writer.writerow(row)
    return titles, prices


def test_icecat_loads_whole_and_the_next_snapshot_pays_only_for_changes(shop, icecat, tmp_path):
    first = shop.run(1, source=str(icecat / "products.csv.gz"))
    assert (first["extracted"], first["new"], first["quarantined"]) == (PRODUCTS, PRODUCTS, 0)
    assert shop.query("SELECT count(*) FROM products") == [(PRODUCTS,)]
    assert shop.query("SELECT count(*) FROM vectorshelf.vectors") == [(distinct_texts(shop),)]
    assert first["index"]["recall"] >= 0.95

    second = shop.run(1, source=str(icecat / "products.csv.gz"))
    assert (second["embedded"], second["unchanged"]) == (0, PRODUCTS)

    titles, prices = change_prices_and_titles(icecat / "products.csv.gz", tmp_path / "next.csv.gz")
    third = shop.run(2, source=str(tmp_path / "next.csv.gz"))
    assert (third["changed"], third["embedded"], third["attributes_changed"]) == (titles, titles, prices)

    found = pipeline.search(shop.catalog, "wireless mouse", shop.settings, k=5)["results"]
    assert any("mouse" in hit["name"].lower() for hit in found)
