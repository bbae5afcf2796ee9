"""Every mistake in a catalog file is one sentence with file, line, key and remedy; never a traceback or a secret."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.catalog.examples import GOOD, written
from vectorshelf.catalog import document
from vectorshelf.catalog.findings import CatalogFileError, Finding
from vectorshelf.catalog.loading import load_catalog

NOT_YAML = [  # (the file, line, key, remedy)
    ("source:\n\tpath: x.csv", 2, None, "use spaces instead of the tab"),
    ("name:\tshop", 1, None, "use spaces instead of the tab"),
    ("name: shop\nschedule: * 2 * * *", 2, "schedule", "put the value in double quotes"),
    ("name: shop\nschedule: */5 * * * *", 2, "schedule", "put the value in double quotes"),
    ("schedule: @daily", 1, "schedule", "put the value in double quotes"),
    ("text: %name%", 1, "text", "put the value in double quotes"),
    ("text: `name`", 1, "text", "put the value in double quotes"),
    ("name: shop\ntext: {name} {category}", 2, "text", "put the value in double quotes"),
    ("text: {{name}}", 1, "text", "put the value in double quotes"),
    ("source:\n  path: {as_of:%Y}.csv", 2, "source.path", "put the value in double quotes"),
    ("text: [name] x", 1, "text", "put the value in double quotes"),
    ("text: Name: {name}", 1, "text", "put the value in double quotes"),
    ("source:\n  query: SELECT a: b", 2, "source.query", "put the value in double quotes"),
    ("name: &shop shop\ntable: *shop", 1, "name", "put the value in double quotes"),
    ("name: !shop x", 1, "name", "put the value in double quotes"),
    ("name: !!python/name:os.getcwd", 1, "name", "put the value in double quotes"),
    ("schedule: 2026-13-45", 1, "schedule", "put the value in double quotes"),
    ('name: shop\ntext: "{name}\ntable: t', 2, "text", "the closing quote is missing"),
    ("name: shop\ncolumns: {id: sku, name: title\ntable: t", 2, "columns", "is not closed properly"),
    ("name:shop\ntable: t", 1, None, "a space must follow the colon"),
    ("name: shop\ntable\nmode: delta", 2, None, "a colon and a space must follow the key"),
    ("source:\n    path: x.csv\n  format: csv", 3, "source.format", "the indentation fits no line above"),
    ("name: shop\n- table: t", 2, None, "the indentation fits no line above"),
    ("name: - shop", 1, "name", "sequence entries are not allowed"),
    ("name: shop\n---\nname: b", 2, None, "one catalog per file"),
    ("name: sh\x07op", 1, None, "control character"),
    ("name: shop\ntable: a\ntable: b", 3, "table", "given twice, first on line 2"),
    ("index:\n  type: hnsw\n  type: none", 3, "index.type", "given twice, first on line 2"),
    ("name: shop\nindex:", 2, "index", "is empty"),
    ("max_cost_usd:   # ask Ann", 1, "max_cost_usd", "is empty"),
    ("- name: shop", 1, None, "write one key: value per line"),
    ("shop", 1, None, "write one key: value per line"),
    ("", None, None, "the file is empty"),
    ("# soon\n", None, None, "the file is empty"),
    ("a: " + "[" * 5000, None, None, "nested too deeply"),
    ("#" * 1_000_001, None, None, "1,000,001 bytes"),
    (b"name: shop\ntext: \xe9{name}", 2, None, "byte 0xe9 is not UTF-8"),
    ("name: shop".encode("utf-16"), 1, None, "save the file as UTF-8"),
]

NOT_A_CATALOG = [  # (a line to add to a good file, key, remedy)
    ("embedding: {dimensions: many}", "embedding.dimensions", "'many' is not a whole number"),
    ("embedding: {dimensions: 1.5}", "embedding.dimensions", "such as dimensions: 512"),
    ("embedding: {dimensions: 3072}", "embedding.dimensions", "3072 is over 2000"),
    ("embedding: {dimensions: 4001}\nindex: {storage: halfvec}", "embedding.dimensions", "4001 is over 4000"),
    ("index: {storage: bit}", "index.storage", "vector"),
    ("embedding: {dimensions: 0}", "embedding.dimensions", "0 is under 1"),
    ("embedding: {dimensions: yes}", "embedding.dimensions", "true or false"),
    ("embedding: {timeout_seconds: 0}", "embedding.timeout_seconds", "0 is not over 0"),
    ("embedding: {max_in_flight: 1000}", "embedding.max_in_flight", "1000 is over 256"),
    ("embedding: {model: ''}", "embedding.model", "is empty"),
    ("embedding: {base_url: api.internal}", "embedding.base_url", "such as https://host/v1"),
    ("embedding: {provider: local, base_url: 'http://x/v1'}", "embedding.base_url", "remove base_url"),
    ("embedding: {provider: opnai}", "embedding.provider", "did you mean openai?"),
    ("embedings: {provider: local}", "embedings", "did you mean embedding?"),
    ("embedding: {dimension: 256}", "embedding.dimension", "did you mean dimensions?"),
    ("dimensions: 256", "dimensions", "did you mean embedding.dimensions?"),
    ("vat: 19", "vat", "a catalog file takes name, source,"),
    ("load: {zzz: 1}", "load.zzz", "load takes method"),
    ("columns: {id:sku}", "columns.id:sku", "a space must follow the colon"),
    ("on: monday", "on", "unknown key"),
    ("index: hnsw", "index", "indented below it, such as index: {type: hnsw}"),
    ("index: [hnsw]", "index", "indented below it"),
    ("index: null", "index", "is empty: write index: {type: hnsw}"),
    ("index: {type: ivflat}", "index.type", "did you mean ivfflat? choose ivfflat or hnsw or none"),
    ("index: {recall_target: 95}", "index.recall_target", "95 is over 1"),
    ("mode: full", "mode", "choose snapshot or delta"),
    ("text: {name}", "text", 'in double quotes such as text: "{name}'),
    ("text: electronics", "text", 'write "{name}"'),
    ("text: '{name'", "text", "has no partner"),
    ("text: '{price:.2f}'", "text", "write {price}"),
    ("schedule: 0 2 * *", "schedule", "cron has 5 fields, this has 4"),
    ("schedule: 5", "schedule", "5 is not text"),
    ("schedule: '0 25 * * *'", "schedule", "out of range"),
    ("schedule: '0 0 30 2 *'", "schedule", "ever comes"),
    ("timezone: Berlin", "timezone", "such as Europe/Berlin"),
    ("timezone: ../../etc/passwd", "timezone", "such as Europe/Berlin"),
    ("timezone: Europe", "timezone", "such as Europe/Berlin"),
    ("max_cost_usd: five", "max_cost_usd", "'five' is not a number"),
    ("max_cost_usd: -1", "max_cost_usd", "-1 is under 0"),
    ("max_cost_usd: .nan", "max_cost_usd", "not a finite number"),
    ("max_delete_fraction: 20", "max_delete_fraction", "20 is over 1"),
    ("columns: {id: 5}", "columns.id", "5 is not text"),
    ("columns: {id: ''}", "columns.id", "is empty"),
    ("columns: {category: no}", "columns.category", 'quote it ("no")'),
    ("history: maybe", "history", "neither true nor false"),
    ("history: 'yes'", "history", "without quotes"),
    ("history: 1", "history", "neither true nor false"),
    ("history:", "history", "is empty: write a value, or remove the line"),
    ("history: true\nmode: delta", "history", "a delta says what changed"),
    ("columns: {deleted: gone}", "columns.deleted", "or set mode: delta"),
]

NOT_A_SOURCE = [  # (the source, key, remedy)
    ("{}", "source.path", "give path, or connection and query"),
    ("x.csv", "source", "indented below it"),
    ("{path: x.csv, connection: shop, query: SELECT 1}", "source.path", "not both"),
    ("{connection: shop}", "source.query", "belong together"),
    ("{query: SELECT 1}", "source.connection", "belong together"),
    ("{path: '{date}.csv'}", "source.path", "as {as_of:%Y-%m-%d}"),
    ("{path: '{as_of:%B}.csv'}", "source.path", "%B in {as_of:%B} is not taken"),
    ("{path: ''}", "source.path", "is empty"),
    ("{path: ~/x.csv}", "source.path", "write the path out"),
    ("{path: x.dat}", "source.format", "add csv, tsv, jsonl or parquet"),
    ("{path: x.csv, format: CSV}", "source.format", "did you mean csv?"),
    ("{path: x.csv, encoding: utf-99}", "source.encoding", "cp1252"),
    ("{path: x.csv, encoding: base64}", "source.encoding", "cp1252"),
    ("{path: x.csv, delimiter: '\\t'}", "source.delimiter", r'a tab is "\t" in double quotes'),
    ("{path: x.csv, delimiter: '\"'}", "source.delimiter", "cannot separate"),
    ("{path: x.csv, missing: previous}", "source.path", "add {as_of:%Y-%m-%d}"),
    ("{path: 'https://h/{as_of}.csv', missing: previous}", "source.missing", "use fail"),
    ("{connection: shop, query: SELECT 1, delimiter: ;}", "source.delimiter", "the source is a query: remove it"),
    ("{connection: shop, query: SELECT %(now)s}", "source.query", "%(start)s, %(end)s and %(as_of)s"),
    ("{connection: shop, query: \"SELECT '5%'\"}", "source.query", "write %%"),
    ("{connection: shop, query: 'SELECT %(start)s'}", "mode", "set delta"),
]

NO_NAMES = [("name", bad) for bad in ("Shop", "my-shop", "9to5", "été", "x" * 41, "shop.eu")] + [
    ("table", bad)
    for bad in ("Products", "'\"products\"'", "a.b.c", "my products", "x" * 49, "pg_catalog.x", "vectorshelf.runs")
]


def finding_of(path: Path) -> Finding:
    with pytest.raises(CatalogFileError) as caught:
        load_catalog(path)
    (finding,) = caught.value.findings
    assert finding.file == path
    assert str(caught.value) == str(finding)
    assert str(finding).startswith(f"{path}:{finding.line}: " if finding.line else f"{path}: ")
    return finding


@pytest.mark.parametrize(("content", "line", "key", "remedy"), NOT_YAML)
def test_what_is_not_yaml_is_named_by_line_key_and_remedy(tmp_path, content, line, key, remedy):
    finding = finding_of(written(tmp_path, content))
    assert (finding.line, finding.key) == (line, key)
    assert remedy in finding.message


@pytest.mark.parametrize(("added", "key", "remedy"), NOT_A_CATALOG)
def test_a_value_that_does_not_fit_is_named_by_line_key_and_remedy(tmp_path, added, key, remedy):
    finding = finding_of(written(tmp_path, f"{GOOD}{added}\n"))
    assert (finding.line, finding.key) == (4, key)
    assert remedy in finding.message


@pytest.mark.parametrize(("source", "key", "remedy"), NOT_A_SOURCE)
def test_a_source_that_cannot_be_read_is_named_by_key_and_remedy(tmp_path, source, key, remedy):
    finding = finding_of(written(tmp_path, f"name: shop\ntable: products\nsource: {source}\n"))
    assert finding.key == key
    assert finding.line == (3 if key.startswith("source") else None)
    assert remedy in finding.message


@pytest.mark.parametrize(("key", "value"), NO_NAMES)
def test_a_name_postgres_or_airflow_would_stumble_over_is_refused(tmp_path, key, value):
    lines = {"name": "shop", "source": "{path: x.csv}", "table": "products", key: value}
    finding = finding_of(written(tmp_path, "".join(f"{k}: {v}\n" for k, v in lines.items())))
    assert finding.key == key
    assert finding.line == list(lines).index(key) + 1


@pytest.mark.parametrize("key", ["name", "source", "table"])
def test_a_missing_required_key_is_named_with_an_example(tmp_path, key):
    content = "".join(line for line in GOOD.splitlines(keepends=True) if not line.startswith(key))
    finding = finding_of(written(tmp_path, content))
    assert (finding.key, finding.line) == (key, None)
    assert f"is missing: add {key}: " in finding.message


def test_all_faults_of_a_file_are_told_at_once_in_the_order_of_its_lines(tmp_path):
    path = written(tmp_path, "name: Shop\nsource: {path: x.csv, forma: csv}\ntable: T\nindex: {type: tree}\n")
    with pytest.raises(CatalogFileError) as caught:
        load_catalog(path)
    assert [finding.key for finding in caught.value.findings] == ["name", "source.forma", "table", "index.type"]
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize(
    "added",
    [
        "openai_api_key: hunter2",
        "embedding: {api_key: hunter2}",
        "embedding: {base_url: 'https://me:hunter2@host/v1'}",
        "embedding: {base_url: ['https://me:hunter2@host/v1']}",
        "embedding: {model: {key: hunter2}}",
        "embedding: {dimensions: 'postgresql://me:hunter2@host'}",
        "source: {path: 's3://me:hunter2@bucket/x.csv'}",
        "source: {connection: 'postgresql://me:hunter2@host/db', query: SELECT 1}",
        "source: {connection: shop, query: 'SELECT 1', password: hunter2}",
        "hunter: {hunter: hunter2}",
        "timezone: &hunter hunter2",
        "text: {hunter2",
    ],
)
def test_no_message_repeats_what_may_be_a_secret(tmp_path, added):
    key = added.partition(":")[0]
    content = "".join(line for line in GOOD.splitlines(keepends=True) if not line.startswith(key))
    with pytest.raises(CatalogFileError) as caught:
        load_catalog(written(tmp_path, f"{content}{added}\n"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("word", ["api_key", "openai_api_key", "password", "aws_secret"])
def test_a_secret_in_the_file_is_sent_to_where_secrets_live(tmp_path, word):
    finding = finding_of(written(tmp_path, f"{GOOD}{word}: x\n"))
    assert "OPENAI_API_KEY" in finding.message


def test_a_tag_never_makes_python_run_anything(tmp_path):
    content = GOOD.replace("name: shop", f"name: !!python/object/apply:os.mkdir [{tmp_path}/made]")
    assert finding_of(written(tmp_path, content)).message.startswith("a list is not text")
    assert not (tmp_path / "made").exists()


@given(st.text("abc:{}[]*&!#|>'\"%@`-,? \n\t01", max_size=60) | st.binary(max_size=40))
def test_no_bytes_make_the_reader_fail_in_any_other_way(content):
    try:
        read = document.read(content.encode() if isinstance(content, str) else content)
    except document.DocumentError as refused:
        reasons = [finding.message for finding in refused.findings]
        assert reasons
        assert all(reasons)
    else:
        assert set(read.data) <= set(read.lines)


@given(
    st.dictionaries(
        st.sampled_from(["name", "source", "columns", "text", "mode", "embedding", "index", "schedule", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.sampled_from(["path", "id", "type", "x"]), inner, max_size=2)
            ),
            max_leaves=4,
        ),
    )
)
def test_no_yaml_makes_the_loader_fail_in_any_other_way(tmp_path_factory, data):
    path = written(tmp_path_factory.getbasetemp(), yaml.safe_dump(data), "any.yaml")
    with pytest.raises(CatalogFileError, match=r"any\.yaml"):  # the table is never there
        load_catalog(path)
