"""Nineteen thousand real products through the whole pipeline: every row, every distinct text once, nothing twice."""

import csv
import gzip
from pathlib import Path

import pytest

from tests.integration.shop import Shop
from vectorshelf import pipeline

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
