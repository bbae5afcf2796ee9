"""Whatever the endpoint does wrong, the table is the one that a faultless run makes, to the last bit.

VECTORSHELF_PRODUCTS=20000 makes the runs as long as the project's figures say.
"""

import pytest

from tests import postgres
from tests.integration.paid import PRODUCTS, asked, digest, paid_shop, products, sent_again
from vectorshelf.errors import ConfigurationError

TIMEOUT = 0.5
SHORT = PRODUCTS if PRODUCTS > 2000 else 300

FAULTS = {
    "429": {"kind": "refuse"},
    "429 with Retry-After": {"kind": "refuse", "retry_after": 0.2},
    "500": {"kind": "status", "status": 500},
    "502": {"kind": "status", "status": 502},
    "503 with Retry-After": {"kind": "status", "status": 503, "retry_after": 0.1},
    "reset before": {"kind": "reset_before"},
    "reset after": {"kind": "reset_after"},
    "slow": {"kind": "slow", "seconds": 0.1},
    "too slow": {"kind": "slow", "seconds": 2 * TIMEOUT},
    "stalled": {"kind": "stalled", "seconds": 2 * TIMEOUT},
    "truncated": {"kind": "truncated"},
    "shuffled": {"kind": "shuffled"},
    "missing": {"kind": "missing"},
    "extra": {"kind": "extra"},
    "wrong dimension": {"kind": "wrong_dimension"},
    "nan": {"kind": "nan"},
    "zero": {"kind": "zero"},
}
QUIRKS = {
    "base64 refused": {"base64": "refused"},
    "base64 ignored": {"base64": "ignored"},
    "no usage": {"usage": False},
    "no rate headers": {"rate_headers": False},
    "bucket": {"enforce": "bucket", "requests_per_minute": 100_000},
}
LASTING = ["quota", "invalid_key", "not_found", "forbidden"]


@pytest.fixture(scope="module")
def expected(postgres_server, _standin_process, tmp_path_factory):
    """The table after a run of `count` products without any fault."""
    found = {}

    def table(count):
        if count not in found:
            _standin_process.reset()
            with postgres.fresh_database(postgres_server) as url:
                shop = paid_shop(tmp_path_factory.mktemp("reference"), url, _standin_process)
                shop.run(1, products(count))
                found[count] = digest(shop)
        return found[count]

    return table


@pytest.fixture
def shop(tmp_path, database_url, standin):
    return paid_shop(tmp_path, database_url, standin, embedding={"timeout_seconds": TIMEOUT})


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_every_fifth_request_changes_nothing(name, expected, shop, standin):
    reference = expected(SHORT)
    standin.reset()
    standin.tell(faults=[{**FAULTS[name], "probability": 0.2}], seed=7)
    figures = shop.run(1, products(SHORT))
    assert digest(shop) == reference
    assert (figures["status"], figures["quarantined"]) == ("success", 0)
    assert sum(standin.figures()["faults"].values()) > 0


@pytest.mark.parametrize("name", QUIRKS)
def test_a_quirk_of_a_compatible_server_changes_nothing(name, expected, shop, standin):
    reference = expected(SHORT)
    standin.reset()
    standin.tell(**QUIRKS[name])
    shop.run(1, products(SHORT))
    assert digest(shop) == reference


def test_all_faults_mixed_at_a_fifth_of_the_requests_change_nothing(expected, shop, standin):
    reference = expected(PRODUCTS)
    standin.reset()
    # Each fault is drawn only if none before it was: this makes a fifth in all, evenly.
    share = 0.2 / len(FAULTS)
    mixed = [{**fault, "probability": share / (1 - number * share)} for number, fault in enumerate(FAULTS.values())]
    standin.tell(faults=mixed, seed=11)
    figures = shop.run(1, products(PRODUCTS))
    seen = standin.figures()
    print(f"\n{PRODUCTS:,} products, {seen['requests']:,} requests, faults {seen['faults']}, {figures['seconds']}")
    assert digest(shop) == reference
    assert (figures["status"], figures["quarantined"]) == ("success", 0)
    assert 0.1 < sum(seen["faults"].values()) / seen["requests"] < 0.3


@pytest.mark.parametrize("kind", LASTING)
def test_what_only_a_person_can_mend_stops_the_run_and_the_next_one_finishes_it(
    kind, expected, tmp_path, database_url, standin
):
    shop = paid_shop(tmp_path, database_url, standin)  # an answer that is late on a busy machine is asked for once
    reference = expected(SHORT)
    standin.reset()
    standin.tell(faults=[{"kind": kind, "after": 4}])
    with pytest.raises(ConfigurationError):
        shop.run(1, products(SHORT))
    stored = shop.query("SELECT count(*) FROM vectorshelf.vectors")[0][0]
    assert stored == len(asked(standin)) > 0
    standin.tell()
    assert shop.run(1)["embedded"] == SHORT - stored
    assert digest(shop) == reference
    assert sent_again(standin) == 0
