"""A catalog's daily snapshots with about 1% churn, a backfill of them, and what the table must be in the end."""

import csv
import gzip
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from vectorshelf import pipeline
from vectorshelf.catalog import TextTemplate
from vectorshelf.catalog.loading import find_catalog
from vectorshelf.pipeline import RunRequest
from vectorshelf.settings import Settings

TEXT = "{title} {description}"
COLUMNS = ("sku", "title", "maker", "description", "price")
Product = tuple[str, str, str, str, str]

CHECKSUM = """
SELECT count(*), md5(string_agg(md5(row(id, name, category, attributes, embedding, text_hash, model)::text), ''
                                ORDER BY id COLLATE "C"))
FROM daily_products
"""
"""Everything a reader sees. Not `as_of` and `updated_at`: they say which run wrote a row, and that is the order's."""


def generated(count: int) -> list[Product]:
    """Products that nobody sells, each with a text of its own."""
    kinds = ("lamp", "desk", "chair", "kettle", "router", "screen", "phone", "camera")
    return [
        (
            f"p{n}",
            f"{kinds[n % len(kinds)]} {n}",
            f"maker {n % 23}",
            f"model {n * 7919 % 9973} in colour {n % 11}",
            "10.00",
        )
        for n in range(count)
    ]


def icecat(path: Path, count: int) -> list[Product]:
    """The first `count` real products."""
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [
            (row["id"], row["title"], row["supplier"], row["short_description"], "10.00")
            for row, _ in zip(rows, range(count), strict=False)
        ]


def snapshots(products: Sequence[Product], days: int, seed: int = 7) -> Iterator[list[Product]]:
    """Each day's catalog: of a hundred products about one is edited, repriced, gone, back or new."""
    rng, shelf, gone = random.Random(seed), {product[0]: product for product in products}, dict[str, Product]()
    share = max(1, len(products) // 400)
    for day in range(days):
        yield list(shelf.values())
        for id_ in rng.sample(sorted(shelf), 2 * share):
            sku, title, maker, text, price = shelf[id_]
            edited = (sku, f"{title}, edition {day + 2}", maker, text, price)
            shelf[id_] = edited if rng.random() < 0.5 else (sku, title, maker, text, f"{rng.randint(1, 999)}.00")
        for id_ in rng.sample(sorted(gone), min(len(gone), share // 2 or day % 2)):
            shelf[id_] = gone.pop(id_)
        for id_ in rng.sample(sorted(shelf), share):
            gone[id_] = shelf.pop(id_)
        for number in range(share):
            id_ = f"new-{day}-{number}"
            shelf[id_] = (id_, f"novelty {number} of day {day}", "maker 1", f"batch {day * 31 + number}", "5.00")


def write(folder: Path, last: date, days: Sequence[list[Product]]) -> list[date]:
    """The snapshots as files, the newest dated `last`. Returns their dates, in order."""
    dates = [last - timedelta(days=len(days) - 1 - number) for number in range(len(days))]
    (folder / "daily").mkdir(parents=True, exist_ok=True)
    for day, products in zip(dates, days, strict=True):
        with gzip.open(folder / "daily" / f"{day}.csv.gz", "wt", newline="", encoding="utf-8", compresslevel=1) as file:
            csv.writer(file).writerows([COLUMNS, *products])
    return dates


def catalog(folder: Path, base_url: str, dimensions: int = 64) -> Path:
    """The catalog file: every night at two, UTC."""
    content = {
        "name": "daily",
        "source": {"path": "daily/{as_of:%Y-%m-%d}.csv.gz"},
        "columns": {"id": "sku", "name": "title", "category": "maker"},
        "text": TEXT,
        "embedding": {"base_url": base_url, "dimensions": dimensions, "tokens_per_minute": 100_000_000},
        "table": "daily_products",
        "schedule": "0 2 * * *",
    }
    path = folder / "daily.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def last_tick(now: datetime | None = None) -> datetime:
    """The night that is over: its run fires when the DAG is unpaused."""
    moment = now or datetime.now(UTC)
    tick = moment.replace(hour=2, minute=0, second=0, microsecond=0)
    return tick if tick <= moment else tick - timedelta(days=1)


def backfill(dates: Sequence[date], at_once: int = 4) -> list[str]:
    """Airflow's command for the files of these dates, backwards. Its dates are where intervals begin: a day earlier."""
    day = timedelta(days=1)
    return [
        *("backfill", "create", "--dag-id", "embed_daily", "--run-backwards"),
        *("--from-date", f"{dates[0] - day}T00:00:00+00:00", "--to-date", f"{dates[-1] - day}T23:59:59+00:00"),
        *("--max-active-runs", str(at_once)),
    ]


def distinct_texts(days: Sequence[list[Product]]) -> set[str]:
    """What must be embedded, once each."""
    template = TextTemplate(TEXT)
    return {
        template.render({"title": title, "description": description})
        for products in days
        for _, title, _, description, _ in products
    }


def paid_twice(asked: dict[str, int], texts: set[str]) -> int:
    """How many of the texts the endpoint was sent more than once."""
    return sum(times > 1 for text, times in asked.items() if text in texts)


def in_date_order(folder: Path, dates: Sequence[date], settings: Settings) -> list[dict[str, Any]]:
    """Run each date once, the oldest first, in this process. Returns the runs' figures."""
    found = find_catalog(str(folder / "daily.yaml"), folder)
    ticks = [datetime(day.year, day.month, day.day, 2, tzinfo=UTC) for day in dates]
    return [pipeline.run(RunRequest(catalog=found, as_of=tick), settings) for tick in ticks]
