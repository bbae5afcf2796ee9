"""What every test shares: where things are, and CI's rule that a skipped test is a failed one."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code: no property is judged by the clock.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

pytest_plugins = ["tests.standin.fixtures"]

REPOSITORY = Path(__file__).resolve().parents[1]
ICECAT = REPOSITORY.parent / "shared" / "catalogs" / "icecat"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """With VECTORSHELF_REQUIRE_ALL=1 (CI) a test that would be skipped fails, with the reason it gave."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("VECTORSHELF_REQUIRE_ALL") == "1" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and here every test is required: {report.longrepr}"


@pytest.fixture(scope="session")
def icecat() -> Path:
    """The folder of the Icecat products and judgements, beside the checkout."""
    if not (ICECAT / "products.csv.gz").exists():
        pytest.skip("the Icecat catalog is not here: put it at ../shared/catalogs/icecat to run this test")
    return ICECAT
