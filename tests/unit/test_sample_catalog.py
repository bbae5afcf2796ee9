"""The sample catalog keeps its promises: a lively week, the tutorial's four, a few honest defects, sensible search.

The files are read here by the standard library alone, so that a fault of the extract room cannot hide one of the data.
"""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import wordllama
import yaml

from tests.conftest import REPOSITORY
from vectorshelf.catalog.model import Catalog
from vectorshelf.catalog.text import TextTemplate

CATALOGS = REPOSITORY / "include" / "catalogs"
HEADER = ["sku", "title", "department", "brand", "price", "description", "color", "in_stock"]
TUTORIAL = {"iPhone 15", "MacBook Air M3", "Sony WH-1000XM5", "Dell XPS 13"}
FIRST_RESULTS = {
    "portable coding machine": "Laptops",
    "light laptop for programmers": "Laptops",
    "noise cancelling headphones for a flight": "Headphones",
    "pocket camera for travel": "Cameras",
    "something to read books on at the beach": "E-Readers",
    "fast storage for backups": "Storage",
    "big screen for movie night": "TVs",
    "wifi for a large house": "Networking",
    "charge my phone while hiking": "Power Banks",
    "robot that cleans pet hair from carpets": "Robot Vacuums",
    "quiet keyboard for the office": "Keyboards",
    "track my heart rate while running": "Smartwatches",
    "print family photos at home": "Printers",
    "waterproof speaker for the pool": "Speakers",
    "graphics card for 4K gaming": "Graphics Cards",
    "game console to play with the kids": "Gaming",
    "see who is at the front door": "Smart Home",
    "microphone for recording a podcast": "Webcams and Microphones",
}

Row = dict[str, str]


class Snapshot(NamedTuple):
    """One day's file: usable products by sku, and every row that is not one."""

    day: date
    products: dict[str, Row]
    bad: list[list[str]]


def read(path: Path) -> Snapshot:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == HEADER
    snapshot = Snapshot(date.fromisoformat(path.stem), {}, [])
    for row in rows:
        if len(row) != len(HEADER) or not row[0].strip() or not row[1].strip() or row[0] in snapshot.products:
            snapshot.bad.append(row)
        else:
            snapshot.products[row[0]] = dict(zip(HEADER, row, strict=True))
    return snapshot


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.model_validate(yaml.safe_load((CATALOGS / "electronics.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def template(catalog: Catalog) -> TextTemplate:
    columns = catalog.columns
    return TextTemplate(catalog.text, {"id": columns.id, "name": columns.name, "category": columns.category or ""})


@pytest.fixture(scope="module")
def week() -> list[Snapshot]:
    return [read(path) for path in sorted((CATALOGS / "electronics").glob("*.csv"))]


@pytest.fixture(scope="module")
def last(week: list[Snapshot]) -> list[Row]:
    return list(week[-1].products.values())


def test_the_file_names_follow_the_path_of_the_yaml_day_after_day(catalog: Catalog, week: list[Snapshot]) -> None:
    assert len(week) >= 5
    assert all(later.day - earlier.day == timedelta(days=1) for earlier, later in pairwise(week))
    assert all((CATALOGS / (catalog.source.path or "").format(as_of=each.day)).is_file() for each in week)


def test_the_last_day_has_several_hundred_products_in_many_departments(week: list[Snapshot], last: list[Row]) -> None:
    assert len(last) == max(len(each.products) for each in week)
    assert 500 <= len(last) <= 700
    sizes = [sum(row["department"] == each for row in last) for each in {row["department"] for row in last}]
    assert len(sizes) >= 15
    assert min(sizes) >= 5


def test_the_four_products_of_the_tutorial_are_there_every_day(week: list[Snapshot]) -> None:
    for snapshot in week:
        titles = [row["title"] for row in snapshot.products.values()]
        assert {title: titles.count(title) for title in TUTORIAL} == dict.fromkeys(TUTORIAL, 1)


def test_every_product_has_a_plausible_price_and_says_if_it_is_in_stock(week: list[Snapshot]) -> None:
    for row in rows_of(week):
        assert 5 <= float(row["price"]) <= 5000, row
        assert row["in_stock"] in {"yes", "no"}, row
        assert all(row.values()), row


def test_every_night_brings_new_changed_repriced_and_removed_products(
    week: list[Snapshot], template: TextTemplate
) -> None:
    for before, after in pairwise(week):
        old, new = before.products, after.products
        stayed = old.keys() & new.keys()
        rewritten = {sku for sku in stayed if template.render(old[sku]) != template.render(new[sku])}
        repriced = {sku for sku in stayed - rewritten if old[sku]["price"] != new[sku]["price"]}
        figures = {
            "new": len(new.keys() - old.keys()),
            "changed": len(rewritten),
            "repriced": len(repriced),
            "removed": len(old.keys() - new.keys()),
        }
        assert min(figures.values()) >= 3, (after.day, figures)


def test_titles_are_changed_as_well_as_descriptions(week: list[Snapshot]) -> None:
    changed = {"title": 0, "description": 0}
    for before, after in pairwise(week):
        for sku in before.products.keys() & after.products.keys():
            for column in changed:
                changed[column] += before.products[sku][column] != after.products[sku][column]
    assert min(changed.values()) >= 5


def test_some_products_leave_and_come_back_with_the_same_text(week: list[Snapshot], template: TextTemplate) -> None:
    texts: dict[str, str] = {}
    returned = []
    for before, after in pairwise(week):
        texts |= {sku: template.render(row) for sku, row in before.products.items()}
        back = (after.products.keys() - before.products.keys()) & texts.keys()
        returned += [texts[sku] == template.render(after.products[sku]) for sku in back]
    assert returned == [True, True, True]


def test_no_night_and_not_the_whole_week_deletes_enough_to_meet_the_brake(
    week: list[Snapshot], catalog: Catalog
) -> None:
    for before, after in [*pairwise(week), (week[0], week[-1])]:
        removed = before.products.keys() - after.products.keys()
        assert len(removed) < catalog.max_delete_fraction * len(before.products) / 2


def test_the_last_day_has_one_row_of_each_of_three_defects(week: list[Snapshot]) -> None:
    assert sorted(map(defect, week[-1].bad)) == ["duplicate", "nameless", "ragged"]


def test_the_fourth_day_shows_every_defect_and_the_first_none(week: list[Snapshot]) -> None:
    assert week[0].bad == []
    assert {defect(row) for row in week[3].bad} == {"duplicate", "nameless", "ragged", "without id"}


def test_html_and_line_breaks_in_a_description_leave_clean_text(last: list[Row], template: TextTemplate) -> None:
    untidy = [row for row in last if "<" in row["description"] or "\n" in row["description"]]
    assert len(untidy) == 4
    rendered = {template.render(row) for row in untidy}
    assert not [text for text in rendered if "<" in text or "\n" in text or "&amp;" in text or "&nbsp;" in text]
    assert (
        "Glintworks Pocket Prime. Cameras. Travel compact with a bright 28 mm lens and a large sensor "
        "for evening streets. Battery & charger included"
    ) in rendered


def test_products_that_differ_only_in_colour_share_a_text(last: list[Row], template: TextTemplate) -> None:
    assert len({template.render(row) for row in last}) == len(last) - 2


class Search:
    """Exact cosine search with the local model itself: no database, no index, nothing of the embed room."""

    def __init__(self, rows: list[Row], texts: list[str]) -> None:
        # The wheel's own folder: elsewhere the library would look for its tokenizer on the network.
        folder = Path(wordllama.__file__).parent
        self.model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
        self.rows = rows
        self.vectors = self.model.embed(texts, norm=True)

    def best_first(self, query: str) -> list[tuple[float, Row]]:
        scores = self.vectors @ self.model.embed([query], norm=True)[0]
        return [(float(scores[at]), self.rows[at]) for at in np.argsort(-scores)]


@pytest.fixture(scope="module")
def search(last: list[Row], template: TextTemplate) -> Search:
    return Search(last, [template.render(row) for row in last])


def test_portable_coding_machine_finds_five_laptops_first_by_a_clear_margin(search: Search) -> None:
    results = search.best_first("portable coding machine")
    assert [row["department"] for _, row in results[:5]] == ["Laptops"] * 5
    best_other = next(score for score, row in results if row["department"] != "Laptops")
    assert results[0][0] > best_other + 0.1
    assert TUTORIAL & {row["title"] for _, row in results[:5]} == {"MacBook Air M3", "Dell XPS 13"}


def test_on_every_day_of_the_week_that_search_has_a_laptop_first(week: list[Snapshot], template: TextTemplate) -> None:
    for snapshot in week:
        rows = list(snapshot.products.values())
        results = Search(rows, [template.render(row) for row in rows]).best_first("portable coding machine")
        best_other = next(score for score, row in results if row["department"] != "Laptops")
        assert results[0][0] > best_other + 0.05, snapshot.day


@pytest.mark.parametrize(("query", "department"), FIRST_RESULTS.items(), ids=list(FIRST_RESULTS))
def test_a_natural_question_has_the_right_department_first(search: Search, query: str, department: str) -> None:
    assert search.best_first(query)[0][1]["department"] == department


def test_the_tutorial_products_are_found_by_their_own_names(search: Search) -> None:
    assert {title: search.best_first(title)[0][1]["title"] for title in TUTORIAL} == {each: each for each in TUTORIAL}


def rows_of(week: list[Snapshot]) -> Iterator[Row]:
    return (row for snapshot in week for row in snapshot.products.values())


def defect(row: list[str]) -> str:
    """Why a bad row is one."""
    if len(row) != len(HEADER):
        return "ragged"
    if not row[0].strip():
        return "without id"
    return "nameless" if not row[1].strip() else "duplicate"
