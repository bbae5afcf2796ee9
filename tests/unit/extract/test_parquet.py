"""parquet: typed columns, bounded memory, damage."""

import gzip
import io
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.extract.feeds import AS_OF, Feed, catalog
from vectorshelf.errors import SourceError
from vectorshelf.extract import Product, Reject, read_products


def table(rows: int = 1, **columns: Any) -> pa.Table:
    base = {
        "sku": [str(n) for n in range(1, rows + 1)],
        "title": [f"Lamp {n}" for n in range(1, rows + 1)],
        "department": ["Home"] * rows,
    }
    return pa.table({**base, **columns})


def data(rows: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink, **options)
    return sink.getvalue()


def attributes(feed: Feed, **columns: Any) -> dict[str, Any]:
    (product,) = feed.products(data(table(**columns)), "feed.parquet")
    return json.loads(product.attributes)


def test_rows_are_numbered_and_read_in_order_across_batches_and_row_groups(feed: Feed):
    products = feed.products(data(table(2500), row_group_size=700), "feed.parquet")
    assert [p.line for p in products] == list(range(1, 2501))
    assert [p.id for p in products] == [str(n) for n in range(1, 2501)]
    assert products[1234].text == "Lamp 1235 Home"


def test_values_keep_their_types(feed: Feed):
    assert attributes(
        feed,
        price=pa.array([Decimal("12.50")]),
        stock=[3],
        new=[True],
        weight=[1.5],
        launched=[date(2026, 11, 20)],
        at=pa.array([datetime(2026, 11, 20, 2, tzinfo=UTC)]),
        opens=[time(8, 30)],
        tags=[["a", None]],
        size=[{"w": 1, "h": {"cm": 2}}],
    ) == {
        "price": 12.5,
        "stock": 3,
        "new": True,
        "weight": 1.5,
        "launched": "2026-11-20",
        "at": "2026-11-20T02:00:00+00:00",
        "opens": "08:30:00",
        "tags": ["a", None],
        "size": {"w": 1, "h": {"cm": 2}},
    }


def test_decimals_keep_every_digit(feed: Feed):
    (product,) = feed.products(data(table(price=[Decimal("12345678901234567890.10")])), "feed.parquet")
    assert product.attributes == '{"price":12345678901234567890.10}'


def test_maps_bytes_durations_and_dictionaries_become_json(feed: Feed):
    values = attributes(
        feed,
        specs=pa.array([[("colour", "red"), ("size", "big")]], pa.map_(pa.string(), pa.string())),
        word=[b"plain"],
        binary=[b"\xff\x00"],
        wait=pa.array([timedelta(hours=2)], pa.duration("s")),
        brand=pa.array(["Acme"]).dictionary_encode(),
    )
    assert values == {
        "specs": {"colour": "red", "size": "big"},
        "word": "plain",
        "binary": "/wA=",
        "wait": "2:00:00",
        "brand": "Acme",
    }


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (pa.timestamp("ns"), "1970-01-01T00:00:00.000001"),
        (pa.timestamp("ns", "UTC"), "1970-01-01T00:00:00.000001+00:00"),
        (pa.time64("ns"), "00:00:00.000001"),
        (pa.duration("ns"), "0:00:00.000001"),
    ],
)
def test_nanoseconds_are_cut_to_microseconds(feed: Feed, type_: pa.DataType, expected: str):
    assert attributes(feed, at=pa.array([1999], pa.int64()).cast(type_)) == {"at": expected}


def test_null_and_not_a_number_are_left_out(feed: Feed):
    assert attributes(feed, a=pa.array([None], pa.int64()), b=[float("nan")], c=[""], d=[[]], e=[0]) == {"e": 0}


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (7, "7"),
        (7.0, "7"),
        (Decimal("7"), "7"),
        (Decimal("7.00"), "7"),
        (b"a1", "a1"),
        (date(2026, 1, 2), "2026-01-02"),
    ],
)
def test_ids_of_many_kinds_are_text(feed: Feed, given: object, key: str):
    assert feed.products(data(table(sku=[given])), "feed.parquet")[0].id == key


def test_unusable_rows_are_rejects_with_their_number_and_content(feed: Feed):
    rows = table(4, sku=pa.array([1.0, 1.5, None, 4.0]), title=["a", "b", "c", ""])
    ids, rejects = feed.ids_and_rejects(data(rows), "feed.parquet")
    assert ids == ["1"]
    assert [(r.line, r.id, r.reason) for r in rejects] == [
        (2, None, "the id is a fraction: it must be text or a whole number"),
        (3, None, "the id is empty"),
        (4, "4", "the name is empty"),
    ]
    assert json.loads(rejects[2].raw) == {"sku": 4.0, "title": "", "department": "Home"}


def test_a_value_that_python_cannot_hold_costs_its_row_only(feed: Feed):
    year_20000 = pa.array([0, 569_000_000_000_000_000, 0], pa.timestamp("us"))
    ids, (reject,) = feed.ids_and_rejects(data(table(3, at=year_20000)), "feed.parquet")
    assert ids == ["1", "3"]
    assert (reject.line, "cannot be read" in reject.reason) == (2, True)


def test_text_that_is_not_utf8_costs_its_row_only(feed: Feed):
    bad = pa.array([b"a", b"\xff", b"c"], pa.binary()).view(pa.string())
    ids, (reject,) = feed.ids_and_rejects(data(table(3, note=bad)), "feed.parquet")
    assert (ids, reject.line) == (["1", "3"], 2)


def test_nul_characters_are_rejects(feed: Feed):
    ids, rejects = feed.ids_and_rejects(data(table(2, title=["a\0", "b"], note=["", "\0"])), "feed.parquet")
    assert ids == []
    assert all("NUL" in reject.reason for reject in rejects)


def test_gzip_and_remote_files_go_through_a_temporary_file(feed: Feed):
    whole = data(table(3))
    assert len(feed.products(gzip.compress(whole), "feed.parquet.gz")) == 3
    rows = list(read_products(catalog("s3://b/f.parquet"), as_of=AS_OF, opener=lambda _: io.BytesIO(whole)))
    assert [row.id for row in rows] == ["1", "2", "3"]


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
def test_a_file_cut_short_says_so(feed: Feed, keep: float):
    whole = data(table(1000))
    with pytest.raises(SourceError, match=r"feed\.parquet is no whole parquet file.*transfer it again"):
        feed.rows(whole[: int(len(whole) * keep)], "feed.parquet")


def test_a_damaged_page_says_so(feed: Feed):
    damaged = bytearray(data(table(5000), compression="zstd", use_dictionary=False))
    damaged[100:4000] = bytes(3900)
    with pytest.raises(SourceError, match="no whole parquet file"):
        feed.rows(bytes(damaged), "feed.parquet")


def test_a_file_that_is_no_parquet_says_so(feed: Feed):
    with pytest.raises(SourceError, match="no whole parquet file"):
        feed.rows(b"sku,title,department\n", "feed.parquet")


def test_absent_and_repeated_columns_are_refused(feed: Feed):
    with pytest.raises(SourceError, match=r"has no column 'sku' \(columns\.id\); it has: SKU.*is 'SKU' the 'sku'\?"):
        feed.rows(data(table().rename_columns(["SKU", "title", "department"])), "feed.parquet")
    with pytest.raises(SourceError, match=r"has 2 columns called 'sku'"):
        feed.rows(data(table(x=["a"]).rename_columns(["sku", "title", "department", "sku"])), "feed.parquet")


def test_repeated_columns_that_nobody_maps_get_a_number(feed: Feed):
    rows = table(x=["a"], y=["b"]).rename_columns(["sku", "title", "department", "tag", "tag"])
    (product,) = feed.products(data(rows), "feed.parquet")
    assert json.loads(product.attributes) == {"tag": "a", "tag_2": "b"}


def test_a_file_without_rows_is_empty(feed: Feed):
    with pytest.raises(SourceError, match="is empty: it has no rows"):
        feed.rows(data(table(1).slice(0, 0)), "feed.parquet")


def test_deletions_are_marked_by_a_true_value(feed: Feed):
    columns = {"id": "sku", "name": "title", "category": "department", "deleted": "gone"}
    rows = table(3, title=[None, "b", "c"], gone=pa.array([True, False, None]))
    products = feed.products(data(rows), "feed.parquet", mode="delta", columns=columns)
    assert [p.deleted for p in products] == [True, False, False]


def test_one_huge_row_group_needs_no_more_memory_than_its_pages(tmp_path: Path):
    def written(rows: int) -> Path:
        path = tmp_path / f"{rows}.parquet"
        notes = [f"{number:0>200}" for number in range(rows)]
        pq.write_table(table(rows, note=notes), path, use_dictionary=False, row_group_size=rows)
        return path

    def peak(path: Path) -> int:
        before, highest = pa.total_allocated_bytes(), 0
        for number, _ in enumerate(read_products(catalog(path), as_of=AS_OF)):
            if number % 1000 == 0:
                highest = max(highest, pa.total_allocated_bytes() - before)
        return highest

    small, large = peak(written(20_000)), peak(written(200_000))
    assert 0 < large <= 1.3 * small


def test_rejects_are_told_from_products_by_type(feed: Feed):
    rows = feed.rows(data(table(2, title=["a", ""])), "feed.parquet")
    assert [type(row) for row in rows] == [Product, Reject]
