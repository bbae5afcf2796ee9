from pathlib import Path

import pytest

from tests.unit.extract.feeds import Feed


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    return Feed(tmp_path)
