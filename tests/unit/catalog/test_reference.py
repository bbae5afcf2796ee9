"""docs/catalog-reference.md names every key of the model and nothing else, and its examples are catalogs."""

import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY
from vectorshelf.catalog import keys, reference
from vectorshelf.catalog.findings import CatalogFileError
from vectorshelf.catalog.loading import load_catalog
from vectorshelf.catalog.model import Catalog

PAGE = REPOSITORY / "docs" / "catalog-reference.md"
ROWS = [line.split(" | ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]


def test_the_page_is_what_the_model_makes_it():
    page = PAGE.read_text("utf-8")
    assert reference.refreshed(page) == page, "run: python -m vectorshelf.catalog.reference docs/catalog-reference.md"


def test_the_page_names_every_key_and_nothing_else():
    schema = Catalog.model_json_schema()
    expected = set()
    for key, value in schema["properties"].items():
        section = schema["$defs"].get(value.get("$ref", "").rpartition("/")[2])
        expected |= {f"{key}.{inner}" for inner in section["properties"]} if section else {key}
    assert len(expected) > 30
    assert sorted(row[0].strip("| `") for row in ROWS) == sorted(expected)


def test_every_key_has_a_type_a_default_a_meaning_and_an_example():
    for row in ROWS:
        assert len(row) == 5
        assert all(cell.strip(" |`") for cell in row), row


@pytest.mark.parametrize("key", [key for key, _ in keys.leaves()])
def test_every_example_is_accepted_and_differs_from_the_default(tmp_path, key):
    section, _, word = key.rpartition(".")
    data = {"name": "shop", "source": {"path": "x-{as_of}.csv"}, "table": "t"}
    if key in {"source.connection", "source.query"}:
        data |= {"source": {"connection": "a", "query": "SELECT 1"}}
    if key in {"source.query", "columns.deleted", "columns.updated_at"}:
        data |= {"mode": "delta"}
    value = yaml.safe_load(keys.example(key))[word]
    if section:
        data[section] = {**data.get(section, {}), word: value}
    else:
        data[word] = value
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump(data), "utf-8")
    found = load_catalog(path)
    part = getattr(found, section) if section else found
    field = type(part).model_fields[word]
    assert field.is_required() or getattr(part, word) != field.default


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
def test_the_pages_catalog_files_can_be_used(tmp_path, example):
    path = tmp_path / "example.yaml"
    path.write_text(example, "utf-8")
    assert load_catalog(path).name


def test_the_pages_error_messages_are_the_real_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = re.search(r"```\n(electronics\.yaml.*?)\n```", PAGE.read_text("utf-8"), re.DOTALL)
    example = re.search(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert shown is not None
    assert example is not None
    spoilt = (
        example[1].replace("dimensions: 1536", "dimensions: many").replace("load: {method: auto}", "recall_target: 0.9")
    )
    Path("electronics.yaml").write_text(spoilt, "utf-8")
    with pytest.raises(CatalogFileError) as caught:
        load_catalog(Path("electronics.yaml"))
    assert str(caught.value) == shown[1]


@pytest.mark.parametrize("page", ["", reference.BEGIN, f"{reference.END}{reference.BEGIN}"])
def test_a_page_without_both_markers_is_refused(page):
    with pytest.raises(ValueError, match="needs the lines"):
        reference.refreshed(page)


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        "5",
        "a: b",
        "{name}",
        "* * * * *",
        "@daily",
        "null",
        "2026-01-01",
        "x",
        "#",
        "text-embedding-3-small",
        'a"b',
        "1e5",
        "",
        5,
        0.5,
        None,
    ],
)
def test_a_value_is_written_so_that_yaml_reads_the_same_one(value):
    assert yaml.safe_load(f"key: {keys.yaml_text(value)}")["key"] == value
