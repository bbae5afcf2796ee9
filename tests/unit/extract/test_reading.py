"""From a catalog to its rows: which file, which format, how many, and SQL rows."""

import csv
import gzip
import json
import random
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import fsspec
import pytest

from tests.unit.extract.feeds import AS_OF, GOOD, HEADER, Feed, catalog
from vectorshelf.catalog.model import Catalog
from vectorshelf.errors import ConfigurationError, SourceError, SourceMissingError
from vectorshelf.extract import Product, Reject, read_products

TABS = HEADER.replace(",", "\t") + "1\tLamp, red\tHome\t9\n"
JSON = '{"sku": 1, "title": "Lamp, red", "department": "Home"}\n'


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.tsv", TABS), ("a.tab", TABS), ("A.TSV.GZ", TABS), ("a.jsonl", JSON), ("a.ndjson", JSON)],
)
def test_the_name_tells_the_format(feed: Feed, name: str, data: str):
    content = gzip.compress(data.encode()) if name.lower().endswith(".gz") else data
    assert feed.products(content, name)[0].name == "Lamp, red"


def test_a_declared_format_wins_over_the_name(feed: Feed):
    assert feed.products(JSON, "feed.csv", source={"format": "jsonl"})[0].id == "1"


def test_a_source_given_by_hand_replaces_the_path_and_brings_its_own_format(feed: Feed):
    other = feed.write(JSON, "other {1}.jsonl")
    reads = catalog("/nowhere.csv", source={"format": "csv"})
    assert [row.id for row in read_products(reads, as_of=AS_OF, source=str(other))] == ["1"]


def test_a_source_given_by_hand_without_a_telling_name_has_the_declared_format(feed: Feed):
    other = feed.write(JSON, "other")
    rows = read_products(catalog("/nowhere.jsonl", source={"format": "jsonl"}), as_of=AS_OF, source=str(other))
    assert [row.id for row in rows] == ["1"]
    with pytest.raises(ConfigurationError, match=r"does not tell its format: set source\.format"):
        list(read_products(catalog("/nowhere.jsonl"), as_of=AS_OF, source=str(other)))


def test_the_path_is_of_the_date_in_the_catalogs_own_zone(feed: Feed, tmp_path: Path):
    feed.write(HEADER + GOOD, "2026-11-21.csv")
    berlin = catalog(tmp_path / "{as_of:%Y-%m-%d}.csv", timezone="Asia/Tokyo")
    late = datetime(2026, 11, 20, 23, tzinfo=UTC)
    assert len(list(read_products(berlin, as_of=late))) == 1
    again = read_products(berlin, as_of=late, source=str(tmp_path / "{as_of:%Y-%m-%d}.csv"))
    assert len(list(again)) == 1


def test_doubled_braces_in_the_catalogs_path_are_one(feed: Feed, tmp_path: Path):
    feed.write(HEADER + GOOD, "{feed}.csv")
    assert len(list(read_products(catalog(tmp_path / "{{feed}}.csv"), as_of=AS_OF))) == 1


def test_a_source_with_another_placeholder_is_a_configuration_error(feed: Feed):
    with pytest.raises(ConfigurationError, match="%A in"):
        list(read_products(catalog("/nowhere.csv"), as_of=AS_OF, source="/data/{as_of:%A}.csv"))


def test_a_missing_date_fails_unless_the_previous_file_is_wanted(feed: Feed, tmp_path: Path, caplog):
    for day, key in (("2026-11-17", "17"), ("2026-11-18", "18"), ("2026-11-22", "22")):
        feed.write(HEADER + GOOD.replace("1", key, 1), f"{day}.csv")
    path = tmp_path / "{as_of:%Y-%m-%d}.csv"
    with pytest.raises(SourceMissingError, match=r"2026-11-20\.csv is not there"):
        list(read_products(catalog(path), as_of=AS_OF))
    previous = catalog(path, source={"missing": "previous"})
    assert [row.id for row in read_products(previous, as_of=AS_OF)] == ["18"]
    assert "reading" in caplog.text
    assert "2026-11-18.csv instead" in caplog.text
    with pytest.raises(SourceMissingError, match=r"2026-11-17\.csv is not there"):
        list(read_products(previous, as_of=AS_OF, source=str(tmp_path / "none" / "2026-11-17.csv")))
    with pytest.raises(SourceMissingError):
        list(read_products(previous, as_of=AS_OF - timedelta(days=9)))


def test_the_previous_file_is_found_in_a_bucket_too():
    bucket = fsspec.filesystem("memory")
    bucket.pipe("/previous/2026-11-18/feed.csv", (HEADER + GOOD).encode())
    path = "memory://previous/{as_of:%Y-%m-%d}/feed.csv"
    previous = catalog(path, source={"missing": "previous"})
    assert [row.id for row in read_products(previous, as_of=AS_OF)] == ["1"]


def test_the_limit_counts_products_and_reads_no_further(feed: Feed):
    bad, rest = ",no id,x,1\n", "2,Desk,Home,5\n" + '3,"never closed'
    path = feed.write(HEADER + bad + GOOD + bad + rest)
    rows = list(read_products(catalog(path), as_of=AS_OF, limit=2))
    assert [type(row) for row in rows] == [Reject, Product, Reject, Product]


def sql_catalog(**more: object) -> Catalog:
    return Catalog.model_validate(
        {
            "name": "shop",
            "source": {"connection": "shop_db", "query": "SELECT * FROM products"},
            "columns": {"id": "sku", "name": "title", "category": None},
            "table": "products",
            **more,
        }
    )


def test_rows_of_a_query_are_products_with_their_number():
    rows = [
        {
            "sku": 7,
            "title": "Lamp",
            "price": Decimal("9.50"),
            "at": datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1))),
        },
        {"sku": UUID(int=1), "title": None, "price": None, "at": None},
    ]
    lamp, reject = read_products(sql_catalog(), as_of=AS_OF, rows_of_query=lambda: iter(rows))
    assert (lamp.line, lamp.id, lamp.category) == (1, "7", "")
    assert lamp.attributes == '{"price":9.50,"at":"2026-01-02T00:00:00+01:00"}'
    assert (reject.line, reject.id, reject.reason) == (2, str(UUID(int=1)), "the name is empty")


def test_a_query_without_the_mapped_columns_is_refused():
    with pytest.raises(
        SourceError, match=r"the query on shop_db has no column 'title' \(columns.name\); it has: sku, name"
    ):
        list(read_products(sql_catalog(), as_of=AS_OF, rows_of_query=lambda: iter([{"sku": 1, "name": "x"}])))


def test_a_query_without_rows_is_a_quiet_night_for_a_delta_and_refused_for_a_snapshot():
    assert list(read_products(sql_catalog(mode="delta"), as_of=AS_OF, rows_of_query=lambda: iter([]))) == []
    with pytest.raises(SourceError, match="the query on shop_db is empty"):
        list(read_products(sql_catalog(), as_of=AS_OF, rows_of_query=lambda: iter([])))


def test_a_query_nobody_can_run_is_a_configuration_error():
    with pytest.raises(ConfigurationError, match="shop_db"):
        list(read_products(sql_catalog(), as_of=AS_OF))


def test_a_file_may_stand_in_for_a_query(feed: Feed):
    path = feed.write(HEADER + GOOD)
    assert len(list(read_products(sql_catalog(), as_of=AS_OF, source=str(path)))) == 1


def generated(folder: Path, rows: int, suffix: str) -> Path:
    random_numbers = random.Random(rows)
    path = folder / f"{rows}{suffix}"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        if suffix == ".csv":
            writer.writerow(["sku", "title", "department", "note"])
        for number in range(rows):
            values = [f"sku-{number}", f"Lamp {number}", "Home", "x" * random_numbers.randrange(100, 300)]
            if suffix == ".csv":
                writer.writerow(values)
            else:
                file.write(json.dumps(dict(zip(["sku", "title", "department", "note"], values, strict=True))) + "\n")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_peak_memory_does_not_grow_with_the_file(tmp_path: Path, suffix: str):
    def peak(rows: int) -> int:
        path = generated(tmp_path, rows, suffix)
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_products(catalog(path), as_of=AS_OF)) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # imports and caches
    assert peak(200_000) <= 1.3 * peak(20_000)


def test_icecat_is_read_whole(icecat: Path):
    source = Catalog.model_validate(
        {
            "name": "icecat",
            "source": {"path": str(icecat / "products.csv.gz")},
            "columns": {"id": "id", "name": "title", "category": "supplier"},
            "text": "{title} {short_description}",
            "table": "icecat",
        }
    )
    rows = list(read_products(source, as_of=AS_OF))
    assert len(rows) == len({row.id for row in rows}) == 19_406
    assert all(isinstance(row, Product) for row in rows)
