import pytest
from pydantic import SecretStr

from vectorshelf.errors import ConfigurationError
from vectorshelf.store import db, dsn


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://shelf:secret@db.example:5432/shop",
        "postgres://shelf:tr%40%2Fub4dor@db.example/shop?sslmode=require",
        "postgresql://shelf:secret@one,two:5433/shop",
        "postgresql://shelf:secret@[::1]:5432/shop",
        "postgresql://postgres@/vectorshelf?host=/some/folder",
        "host=/some/folder dbname=vectorshelf user=postgres",
    ],
)
def test_addresses_of_postgres_pass(url):
    dsn.check(SecretStr(url))


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("postgresql+psycopg2://shelf:hunter2@db/shop", "remove the \\+"),
        ("mysql://shelf:hunter2@db/shop", "not one of Postgres"),
        ("shelf:hunter2@db/shop", "cannot be read"),
        ("hunter2", "cannot be read"),
        ("postgresql://shelf:hun%ter2@db/shop", "cannot be read: .*%25 for %"),
        ("postgresql://shelf:hunter2@db/shop?nonsense=hunter2", "cannot be read"),
        ("postgresql://shelf:oh@hunter2@db/shop", "%40 for @"),
        ("postgresql://shelf:oh/hunter2@db/shop", "%2F for /"),
        ("postgresql://shelf:12/hunter2@db/shop", "%2F for /"),
        ("postgresql://shelf:hunter2@db:port/shop", "write postgresql://user:password@host:5432/database"),
    ],
)
def test_an_address_libpq_would_misread_is_refused_without_quoting_it(url, remedy):
    with pytest.raises(ConfigurationError, match=remedy) as refused, db.connect(SecretStr(url)):
        pass
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
