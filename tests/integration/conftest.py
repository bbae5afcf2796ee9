"""Fixtures on a real Postgres with pgvector."""

from collections.abc import Iterator

import psycopg2
import pytest
from pydantic import SecretStr

from tests import postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of this test process's own Postgres (18, or VECTORSHELF_TEST_POSTGRES)."""
    with postgres.server() as url:
        yield url


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[SecretStr]:
    """A fresh, migrated database for one test."""
    with postgres.fresh_database(postgres_server) as url:
        yield url


@pytest.fixture
def conn(database_url: SecretStr) -> Iterator[psycopg2.extensions.connection]:
    """A connection to the test's database."""
    connection = psycopg2.connect(database_url.get_secret_value())
    try:
        yield connection
    finally:
        connection.close()
