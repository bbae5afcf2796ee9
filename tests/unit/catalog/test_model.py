"""The design's catalog file is understood as it stands, and what is left out gets sensible values."""

import pytest
import yaml
from pydantic import ValidationError

from tests.unit.catalog.examples import GOOD
from vectorshelf.catalog.model import Catalog
from vectorshelf.catalog.sections import Columns, Embedding, Source

DESIGN = """\
name: electronics
source:
  path: data/{as_of:%Y-%m-%d}.csv.gz
columns: {id: sku, name: title, category: department}
text: "{name} {category}"
mode: snapshot
embedding:
  provider: openai
  model: text-embedding-3-small
  dimensions: 1536
  requests_per_minute: 3000
  tokens_per_minute: 1000000
table: products
index: {type: ivfflat, metric: cosine, recall_target: 0.95}
load: {method: auto}
max_cost_usd: 5.00
schedule: "0 2 * * *"
"""
QUERY = {"connection": "shop_db", "query": "SELECT * FROM p WHERE at >= %(start)s AND at < %(end)s AND x LIKE 'a%%'"}


def catalog(**keys: object) -> Catalog:
    return Catalog.model_validate({**yaml.safe_load(GOOD), **keys})


def test_the_designs_example_is_understood():
    found = Catalog.model_validate(yaml.safe_load(DESIGN))
    assert found.source.kind == "csv"
    assert found.columns.fields == {"id": "sku", "name": "title", "category": "department"}
    assert found.embedding == Embedding()
    assert (found.index.type, found.index.recall_target, found.load.method) == ("ivfflat", 0.95, "auto")
    assert (found.max_cost_usd, found.schedule, found.tz.key) == (5.0, "0 2 * * *", "UTC")


@pytest.mark.parametrize(
    "found",
    [
        Catalog.model_validate(yaml.safe_load(DESIGN)),
        catalog(),
        catalog(embedding={"provider": "local"}, columns={"category": None}),
        catalog(source=QUERY, mode="delta", columns={"deleted": "gone"}),
    ],
)
def test_a_catalog_survives_the_way_through_the_ledger(found):
    assert Catalog.model_validate_json(found.model_dump_json()) == found


def test_a_catalog_never_changes():
    with pytest.raises(ValidationError, match="frozen"):
        catalog().name = "other"


def test_the_local_model_brings_its_own_name_and_dimensions():
    local = Embedding(provider="local")
    assert (local.model, local.dimensions) == ("wordllama-l2-supercat", 256)
    assert Embedding(provider="local", dimensions=64).dimensions == 64


def test_a_table_without_a_schema_is_in_public():
    assert catalog(table="products").table_parts == ("public", "products")
    assert catalog(table="shop.products").table_parts == ("shop", "products")


def test_without_a_category_column_the_default_text_is_the_name_alone():
    assert catalog(columns={"category": None}).text == "{name}"
    assert catalog(columns={"category": None}, text="{name} {brand}").text == "{name} {brand}"
    assert catalog().text == "{name} {category}"


def test_the_texts_fields_are_the_mapped_columns():
    template = catalog(columns={"name": "title"}, text="{name} {brand}").text_template
    assert template.columns == ("title", "brand")
    assert "category" not in Columns(category=None).fields


@pytest.mark.parametrize("mode", ["snapshot", "delta"])
def test_a_query_of_everything_can_be_a_snapshot(mode):
    everything = {"connection": "shop_db", "query": "SELECT * FROM products"}
    assert catalog(source=everything, mode=mode).source.kind is None


def test_a_declared_format_beats_the_files_name():
    assert Source(path="x.csv", format="tsv").kind == "tsv"
    assert Source(path="export.php", format="jsonl").kind == "jsonl"


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "cp1252", "latin-1", "utf-16", "shift_jis"])
def test_every_text_encoding_python_knows_can_be_declared(encoding):
    assert Source(path="x.csv", encoding=encoding).encoding == encoding


def test_a_validation_error_of_the_model_itself_shows_no_values():
    with pytest.raises(ValidationError) as caught:
        catalog(openai_api_key="hunter2")
    assert "hunter2" not in str(caught.value)


def test_history_is_off_unless_a_truth_value_turns_it_on():
    assert not catalog().history
    assert catalog(history=True).history
    assert Catalog.model_validate(yaml.safe_load(GOOD + "\nhistory: yes\n")).history
    kept = catalog(history=True)
    assert Catalog.model_validate_json(kept.model_dump_json()) == kept  # as a run's request keeps it


@pytest.mark.parametrize("index", [{"storage": "halfvec"}, {"type": "hnsw", "storage": "halfvec"}, {"type": "none"}])
def test_more_than_2000_dimensions_need_an_index_of_half_numbers_or_none(index):
    assert catalog(embedding={"dimensions": 3072}, index=index).embedding.dimensions == 3072


def test_a_snapshot_has_no_use_for_the_dates_of_rows():
    with pytest.raises(ValidationError, match="a snapshot counts as a whole"):
        Catalog.model_validate(
            {"name": "shop", "source": {"path": "x.csv"}, "table": "t", "columns": {"updated_at": "changed"}}
        )
