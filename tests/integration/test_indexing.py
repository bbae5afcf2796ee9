"""Recall measured with search texts: whose, paid how, and what upkeep between runs does."""

import pytest

from tests.integration.shop import Row, Shop
from vectorshelf import pipeline
from vectorshelf.errors import ConfigurationError
from vectorshelf.pipeline.indexing import typed_queries

MANY: list[Row] = [(str(n), f"product {n} of kind {n % 50}", f"shelf {n % 7}", "1.00") for n in range(2_500)]
LOG = "SELECT curve->>'source', (curve->>'queries')::integer FROM vectorshelf.index_log ORDER BY build_id"
SHARD_OF_NOBODY = (
    "SELECT count(*), sum(texts), sum(tokens), max(cost_usd) > 0 FROM vectorshelf.requests WHERE shard = -1"
)


def queries_file(folder, *lines: str) -> str:
    path = folder / "queries.txt"
    path.write_text("\n".join(lines), "utf-8")
    return str(path)


def test_the_catalogs_own_queries_measure_recall(tmp_path, database_url):
    path = queries_file(tmp_path, "kind 7", "", "  shelf 3  ", "kind 7", "produit nº 9")
    shop = Shop(tmp_path, database_url, index={"queries": path})
    assert shop.run(1, MANY)["index"]["recall"] >= 0.95
    assert shop.query(LOG) == [("given", 100)]  # three are too few to prove anything: words of products join them


def test_without_them_words_of_the_products_do(tmp_path, database_url):
    shop = Shop(tmp_path, database_url)
    shop.run(1, MANY)
    assert shop.query(LOG) == [("given", 200)]


def test_a_table_with_one_list_asks_the_model_for_nothing(tmp_path, database_url):
    shop = Shop(tmp_path, database_url)
    shop.run(1, MANY[:50])
    assert shop.query(LOG) == [("rows", 50)]


def test_a_file_that_is_not_there_stops_the_run_before_an_index_is_built(tmp_path, database_url):
    shop = Shop(tmp_path, database_url, index={"queries": str(tmp_path / "gone.txt")})
    with pytest.raises(ConfigurationError, match=r"index.queries: .*gone.txt cannot be read"):
        shop.run(1, MANY[:50])
    assert shop.query("SELECT to_regclass('products_vector_idx')") == [(None,)]


def test_a_file_of_blank_lines_is_said_to_hold_no_text(tmp_path):
    queries_file(tmp_path, "", "  ")
    with pytest.raises(ConfigurationError, match="holds no text"):
        typed_queries(tmp_path / "queries.txt", 10)


def test_of_many_queries_an_even_spread_is_taken(tmp_path):
    queries_file(tmp_path, *(f"text {n}" for n in range(1_000)))
    taken = typed_queries(tmp_path / "queries.txt", 10)
    assert taken == [f"text {n}" for n in range(0, 1_000, 100)]


def test_an_index_the_server_lacks_the_memory_for_is_refused_before_anything_is_embedded_or_loaded(
    tmp_path, database_url
):
    shop = Shop(tmp_path, database_url, index={"lists": 32_768})
    with pytest.raises(ConfigurationError, match=r"32768 lists over 256 dimensions takes .* MB to build"):
        shop.run(1, MANY)
    assert shop.query("SELECT (SELECT count(*) FROM products), (SELECT count(*) FROM vectorshelf.vectors)") == [(0, 0)]
    fitting = Shop(tmp_path, database_url, index={"lists": 3})
    assert fitting.run(1)["index"]["action"] == "built"


@pytest.fixture
def paid(tmp_path, database_url, standin) -> Shop:
    embedding = {"base_url": standin.base_url, "dimensions": 64, "tokens_per_minute": 100_000_000}
    return Shop(tmp_path, database_url, embedding=embedding)


def test_what_the_queries_cost_is_in_the_ledger_and_not_among_the_embedded_products(paid):
    figures = paid.run(1, MANY)
    assert figures["embedded"] == 2_500
    [(requests, texts, tokens, costly)] = paid.query(SHARD_OF_NOBODY)
    assert (requests, texts, costly) == (2, 200, True)  # the self-test and the queries
    assert tokens > 200


def test_upkeep_measures_a_table_that_did_not_change_and_keeps_its_index(tmp_path, database_url):
    shop = Shop(tmp_path, database_url)
    first = shop.run(1, MANY)
    kept = pipeline.maintain(shop.catalog, shop.settings)
    assert (kept["catalog"], kept["action"], kept["lists"]) == ("shop", "kept", first["index"]["lists"])
    assert kept["recall"] >= 0.95
    assert shop.query(LOG) == [("given", 200)] * 2


def test_upkeep_rebuilds_an_index_whose_lists_fit_no_longer(tmp_path, database_url):
    shop = Shop(tmp_path, database_url, index={"lists": 20})
    shop.run(1, MANY)
    grown = Shop(tmp_path, database_url)
    rebuilt = pipeline.maintain(grown.catalog, grown.settings)
    assert (rebuilt["action"], rebuilt["lists"]) == ("rebuilt", 2)


def test_upkeep_of_a_catalog_that_was_never_loaded_does_nothing(tmp_path, database_url):
    shop = Shop(tmp_path, database_url)
    assert pipeline.maintain(shop.catalog, shop.settings)["action"] == "none"
    assert shop.query("SELECT count(*) FROM vectorshelf.index_log") == [(0,)]


def test_upkeep_is_told_as_it_goes(tmp_path, database_url):
    shop = Shop(tmp_path, database_url)
    shop.run(1, MANY)
    told = Told()
    pipeline.maintain(shop.catalog, shop.settings, told)
    assert any("recall@10" in line for line in told.lines)
    assert told.lines[-1].startswith("kept:")


class Told:
    """Keeps every line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def start(self, stage, total, unit):
        """Nothing to keep."""

    def advance(self, stage, amount, tokens=0):
        """Nothing to keep."""

    def note(self, stage, line):
        """Keep it."""
        self.lines.append(line)

    def finish(self, stage, summary):
        """Keep it."""
        self.lines.append(summary)
