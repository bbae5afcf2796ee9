"""`standin`: the stand-in of this test process, as new. A plugin of tests/conftest.py."""

from collections.abc import Iterator

import pytest

from tests.standin.client import StandIn, running


@pytest.fixture(scope="session")
def _standin_process() -> Iterator[StandIn]:
    with running() as standin:
        yield standin


@pytest.fixture
def standin(_standin_process: StandIn) -> StandIn:
    _standin_process.reset()
    return _standin_process
