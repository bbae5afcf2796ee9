"""Texts that the model refuses: found one by one, put aside with their products, and tried again when somebody says so.

VECTORSHELF_PRODUCTS=20000 is the length whose figures the project states.
"""

import math

import pytest

from tests.integration.paid import PRODUCTS, asked, paid_shop, products
from vectorshelf import pipeline
from vectorshelf.errors import BrakeError, ConfigurationError

POISON = "forbidden"
REASON = "it contains what this model does not take"


def poisoned(count: int, every: int) -> list:
    """Every so many products, starting with a middling one, is poison; two of them share one text."""
    rows = products(count)
    bad = list(range(every // 2, count, every))
    for n in bad:
        rows[n] = (str(n), f"{POISON} thing {n} " + "x" * 3000, "shelf", "1.00")
    rows[bad[1]] = (str(bad[1]), *rows[bad[0]][1:])
    return rows


@pytest.fixture
def shop(tmp_path, database_url, standin):
    standin.tell(rejected=POISON)
    return paid_shop(tmp_path, database_url, standin, embedding={"max_texts_per_request": 200})


def test_one_percent_of_poison_goes_to_quarantine_and_the_rest_loads(shop, standin):
    rows = poisoned(PRODUCTS, 100)
    bad = [row for row in rows if POISON in row[1]]
    texts = {f"{name} {category}" for _, name, category, _ in bad}
    figures = shop.run(1, rows)

    assert (figures["status"], figures["quarantined"], figures["new"]) == ("success", len(bad), PRODUCTS - len(bad))
    assert set(shop.names()) == {row[1] for row in rows} - {row[1] for row in bad}
    aside = pipeline.quarantine_list(shop.catalog, shop.settings)
    assert {item["raw"] for item in aside} == {text[:2000] for text in texts}
    assert all(REASON in item["reason"] for item in aside)
    first, second = bad[0][0], bad[1][0]
    assert {item["id"] for item in aside} == {f"{first}, {second}", *(row[0] for row in bad[2:])}
    assert {item["line"] for item in aside} == {int(row[0]) + 2 for row in bad} - {int(second) + 2}

    seen = standin.figures()
    full = figures["estimate"]["requests"]
    assert figures["isolating"] == seen["requests"] - 1 - full > 0  # without the self-test, and those that are always
    assert figures["isolating"] <= 1.5 * len(texts) * math.log2(200)
    assert not [text for text in asked(standin) if POISON in text]
    print(f"\n{PRODUCTS:,} products, {len(bad)} poisoned: {full} requests became {full + figures['isolating']}")

    # The next night pays nothing for what is known to be refused, and still says that it is missing.
    standin.reset()
    standin.tell(rejected=POISON)
    quiet = shop.run(2, rows)
    assert (quiet["embedded"], quiet["quarantined"], quiet["isolating"]) == (0, len(bad), 0)
    assert standin.figures()["requests"] == 1

    # The cause is gone: requeued, exactly those are embedded.
    standin.reset()
    assert pipeline.quarantine_requeue(shop.catalog, shop.settings) == len(texts)
    mended = shop.run(3, rows)
    assert (mended["embedded"], mended["new"], mended["quarantined"]) == (len(texts), len(bad), 0)
    assert set(asked(standin)) == texts
    assert len(shop.names()) == PRODUCTS


def test_more_poison_than_the_catalog_allows_fails_the_run_and_says_so(shop):
    shop.run(1, products(300))
    with pytest.raises(BrakeError, match="80 of 360 rows could not be used") as raised:
        shop.run(2, [*products(280), *[(f"p{n}", f"{POISON} {n}", "x", "1") for n in range(80)]])
    assert "max_quarantine_fraction" in str(raised.value)
    assert len(shop.names()) == 300
    aside = pipeline.quarantine_list(shop.catalog, shop.settings)
    assert {item["id"] for item in aside} == {f"p{n}" for n in range(80)}
    assert shop.query("SELECT count(*) FROM vectorshelf.runs WHERE status = 'failed'") == [(1,)]


def test_unusable_rows_and_refused_texts_count_together(tmp_path, database_url, standin):
    standin.tell(rejected=POISON)
    shop = paid_shop(tmp_path, database_url, standin, max_quarantine_fraction=0.1)
    nameless = [(f"n{n}", "", "x", "1") for n in range(8)]
    refused = [(f"p{n}", f"{POISON} {n}", "x", "1") for n in range(8)]
    with pytest.raises(BrakeError, match="16 of 106 rows could not be used"):
        shop.run(1, [*products(90), *nameless, *refused])


def test_a_text_over_the_models_limit_is_cut_and_noted_on_the_run(tmp_path, database_url, standin):
    long = ("9", "word " * 20_000, "shelf", "1.00")
    shop = paid_shop(tmp_path, database_url, standin)
    figures = shop.run(1, [*products(9), long])
    assert (figures["new"], figures["truncated"], figures["quarantined"]) == (10, 1, 0)
    assert max(len(text) for text in asked(standin)) <= 8192 * 4

    strict = paid_shop(tmp_path, database_url, standin, embedding={"too_long": "quarantine"})
    assert pipeline.quarantine_list(strict.catalog, strict.settings) == []
    other = ("8", "term " * 20_000, "shelf", "1.00")
    figures = strict.run(2, [*products(8), other, long])
    assert (figures["truncated"], figures["quarantined"], figures["new"]) == (0, 1, 0)
    [item] = pipeline.quarantine_list(strict.catalog, strict.settings)
    assert (item["id"], item["raw"]) == ("8", f"{other[1]} shelf".replace("  ", " ")[:2000])
    assert "longer than 8,192 tokens" in item["reason"]


def test_what_one_model_refuses_another_is_asked_for(tmp_path, database_url, standin):
    rows = [*products(9), ("9", f"{POISON} thing", "shelf", "1.00")]
    standin.tell(rejected=POISON)
    small = paid_shop(tmp_path, database_url, standin)
    assert small.run(1, rows)["quarantined"] == 1
    standin.tell()
    large = paid_shop(tmp_path, database_url, standin, embedding={"model": "text-embedding-3-large"})
    figures = large.run(2, rows)
    assert (figures["embedded"], figures["quarantined"]) == (10, 0)
    assert len(large.names()) == 10
    assert pipeline.quarantine_list(large.catalog, large.settings) == []


def test_an_endpoint_whose_account_ends_in_mid_run_puts_no_text_aside(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin)
    standin.tell(faults=[{"kind": "status", "status": 400, "after": 4}])
    with pytest.raises(ConfigurationError, match="rejects every text, even a harmless one"):
        shop.run(1, products(300))
    assert pipeline.quarantine_list(shop.catalog, shop.settings) == []
    standin.tell()
    assert shop.run(1)["new"] == 300


@pytest.mark.parametrize("declared", [8192, 512])
def test_a_model_that_reads_less_is_given_less(tmp_path, database_url, standin, declared):
    long = ("9", "word " * 1_000, "shelf", "1.00")
    standin.tell(max_tokens_per_text=512)
    shop = paid_shop(tmp_path, database_url, standin, embedding={"max_tokens_per_text": declared})
    figures = shop.run(1, [*products(9), long])
    assert (figures["new"], figures["truncated"], figures["quarantined"]) == (10, 1, 0)
    assert 0.8 * 512 * 4 < max(len(text) for text in asked(standin)) <= 512 * 4
    if declared == 512:  # known beforehand, it costs no request
        assert figures["isolating"] == 0
