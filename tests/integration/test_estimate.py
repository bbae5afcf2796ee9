"""Plan before spending: what a dry run says is what the run then takes."""

import json

import pytest

from tests.integration.paid import asked, charged, paid_shop, products
from vectorshelf.errors import ConfigurationError


@pytest.mark.parametrize(
    ("dimensions", "kind", "storage"),
    [
        (64, "ivfflat", "vector"),
        (256, "hnsw", "vector"),
        (1536, "ivfflat", "vector"),
        (512, "none", "vector"),
        (3072, "ivfflat", "halfvec"),
        (256, "hnsw", "halfvec"),
    ],
)
def test_the_disk_that_is_expected_is_the_disk_that_is_taken(
    tmp_path, database_url, standin, dimensions, kind, storage
):
    shop = paid_shop(
        tmp_path,
        database_url,
        standin,
        embedding={"model": "text-embedding-3-large", "dimensions": dimensions, "max_texts_per_request": 500},
        index={"type": kind, "storage": storage},
    )
    expected = shop.run(1, products(1500), dry_run=True)["estimate"]
    shop.run(1)
    [(table, index)] = shop.query(
        "SELECT pg_total_relation_size('products') - coalesce(sum(pg_relation_size(indexrelid)), 0),"
        " coalesce(sum(pg_relation_size(indexrelid)), 0) FROM pg_index JOIN pg_class c ON c.oid = indexrelid"
        " JOIN pg_am a ON a.oid = c.relam WHERE indrelid = 'products'::regclass AND amname IN ('ivfflat', 'hnsw')"
    )
    assert expected["table_bytes"] == pytest.approx(float(table), rel=0.25)
    assert expected["index_bytes"] == pytest.approx(float(index), rel=0.15)


def test_a_dry_run_tells_tokens_dollars_and_requests_and_asks_the_endpoint_nothing(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin)
    planned = shop.run(1, products(1000), dry_run=True)
    assert standin.figures()["requests"] == 0
    json.dumps(planned)
    estimate = planned["estimate"]
    shop.run(1)
    assert len(asked(standin)) == 1000
    assert estimate["tokens"] == pytest.approx(standin.figures()["tokens"], rel=0.1)
    assert estimate["cost_usd"] == pytest.approx(charged(standin), rel=0.1)
    assert estimate["requests"] == standin.figures()["requests"] - 1 == 40


def test_minutes_are_those_of_the_limit_that_the_endpoint_told(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin, embedding={"tokens_per_minute": 1_000_000})
    before = shop.run(1, products(1000), dry_run=True)["estimate"]
    assert before["minutes"] == pytest.approx(before["tokens"] / 1_000_000, abs=0.01)
    standin.tell(tokens_per_minute=100_000)
    shop.run(1, products(10))
    after = shop.run(2, products(1000), dry_run=True)["estimate"]
    assert after["minutes"] == pytest.approx(after["tokens"] / 100_000, abs=0.01)
    assert after["minutes"] > 0.05


def test_a_dry_run_over_its_budget_is_a_plan_that_says_so(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin, max_cost_usd=0.5)
    planned = shop.run(1, products(100), dry_run=True)
    assert planned["status"] == "planned"
    assert "the budget is $0.5000 for this run" in planned["over_budget"]
    assert planned["cost_usd"] > 0.5


def test_inner_product_is_refused_for_vectors_that_are_not_of_unit_length(tmp_path, database_url, standin):
    standin.tell(norm=3.2)
    shop = paid_shop(tmp_path, database_url, standin, index={"type": "none", "metric": "ip"})
    with pytest.raises(ConfigurationError, match=r"have length 3\.2.*set index\.metric to cosine"):
        shop.run(1, products(3))
    assert len(asked(standin)) == 0
    assert paid_shop(tmp_path, database_url, standin).run(1)["new"] == 3
