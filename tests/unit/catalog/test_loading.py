"""Files become catalogs: one, a folder of them, one by name. A broken one never hides the others."""

import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.catalog.examples import GOOD, written
from vectorshelf.catalog.findings import CatalogFileError
from vectorshelf.catalog.loading import find_catalog, load_catalog, load_folder
from vectorshelf.catalog.paths import render_path
from vectorshelf.errors import ConfigurationError


def other(name: str, table: str) -> str:
    return f"name: {name}\nsource: {{path: x.csv}}\ntable: {table}\n"


def test_a_relative_source_path_starts_at_the_files_folder(tmp_path):
    catalog = load_catalog(written(tmp_path))
    assert catalog.source.path == f"{tmp_path}/data/products.csv"


def test_a_relative_source_path_does_not_depend_on_the_working_directory(tmp_path, monkeypatch):
    written(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert load_catalog(Path("shop.yaml")).source.path == f"{tmp_path}/data/products.csv"


def test_braces_in_the_folders_name_are_no_placeholders(tmp_path):
    folder = tmp_path / "{date}"
    folder.mkdir()
    catalog = load_catalog(written(folder))
    assert render_path(catalog.source.path, datetime.now(UTC), UTC) == f"{folder}/data/products.csv"


def test_a_bom_and_windows_line_ends_are_no_fault(tmp_path):
    assert load_catalog(written(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())).name == "shop"


@pytest.mark.parametrize("path", ["absent.yaml", "folder.yaml"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, path):
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(CatalogFileError, match=f"{path}: cannot be read .*: check the path"):
        load_catalog(tmp_path / path)


def test_a_broken_file_never_hides_the_others(tmp_path):
    good, broken = written(tmp_path), written(tmp_path, "name: [", "a_broken.yaml")
    loaded = load_folder(tmp_path)
    assert [catalog.name for catalog in loaded.catalogs.values()] == ["shop"]
    assert list(loaded.catalogs) == [good]
    assert list(loaded.errors) == [broken]


def test_only_yaml_files_count_and_hidden_ones_do_not(tmp_path):
    for name in ("b.yml", "notes.txt", ".a.yaml", "shop.yaml~", "shop.yaml.bak"):
        written(tmp_path, "name: [" if name != "b.yml" else GOOD, name)
    (tmp_path / "data.yaml").mkdir()
    loaded = load_folder(tmp_path)
    assert [path.name for path in loaded.catalogs] == ["b.yml"]
    assert loaded.errors == {}


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        (other("shop", "other"), ["name: shop.yaml already has the name shop: choose another"]),
        (other("other", "products"), ["table: shop.yaml already fills the table products: choose another"]),
        (
            other("other", "public.products"),
            ["table: shop.yaml already fills the table public.products: choose another"],
        ),
        (other("shop", "products"), ["name: shop.yaml already", "table: shop.yaml already"]),
    ],
)
def test_a_name_or_table_taken_by_an_earlier_file_is_the_later_files_error(tmp_path, content, messages):
    written(tmp_path)
    later = written(tmp_path, content, "web.yaml")
    loaded = load_folder(tmp_path)
    assert [path.name for path in loaded.catalogs] == ["shop.yaml"]
    lines = str(loaded.errors[later]).splitlines()
    assert len(lines) == len(messages)
    assert all(message in line for message, line in zip(messages, lines, strict=True))


def test_one_table_name_in_two_schemas_is_two_tables(tmp_path):
    written(tmp_path)
    written(tmp_path, other("web", "web.products"), "web.yaml")
    assert load_folder(tmp_path).errors == {}


def test_a_missing_folder_is_named_with_its_variable(tmp_path):
    with pytest.raises(ConfigurationError, match=r"no folder of catalog files at .*/none .*VECTORSHELF_CATALOGS"):
        load_folder(tmp_path / "none")


def test_a_catalog_is_found_by_name_or_by_file(tmp_path):
    path = written(tmp_path, GOOD, "export.yaml")
    assert find_catalog("shop", tmp_path).name == "shop"
    assert find_catalog(str(path), tmp_path / "elsewhere").name == "shop"


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("shopp", "did you mean shop?"),
        ("export", "export.yaml holds shop"),
        ("zzz", "has shop; broken.yaml cannot be used"),
    ],
)
def test_an_unknown_name_gets_the_names_there_are(tmp_path, asked, hint):
    written(tmp_path, GOOD, "export.yaml")
    written(tmp_path, "", "broken.yaml")
    with pytest.raises(ConfigurationError) as caught:
        find_catalog(asked, tmp_path)
    assert f"no catalog is called {asked}: " in str(caught.value)
    assert hint in str(caught.value)


@pytest.mark.parametrize("asked", ["web", "shop_b"])
def test_the_name_of_a_broken_catalog_or_of_its_file_shows_its_own_error(tmp_path, asked):
    written(tmp_path)
    written(tmp_path, f"{other('web', 'T')}", "shop_b.yaml")
    with pytest.raises(CatalogFileError, match=r"shop_b\.yaml:3: table: "):
        find_catalog(asked, tmp_path)


def test_a_catalog_with_a_taken_name_never_stands_in_for_the_first_one(tmp_path):
    written(tmp_path)
    written(tmp_path, other("shop", "others"), "a_second.yaml")
    assert find_catalog("shop", tmp_path).table == "others"
    assert [path.name for path in load_folder(tmp_path).errors] == ["shop.yaml"]


def test_the_error_survives_the_way_between_processes(tmp_path):
    with pytest.raises(CatalogFileError) as caught:
        load_catalog(written(tmp_path, "name: Shop\n"))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert copy.findings == caught.value.findings
