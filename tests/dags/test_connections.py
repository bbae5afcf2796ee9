"""Airflow Connections as Settings: what wins, what is refused, what no log shows."""

import json
import logging

import psycopg2
import pytest
from psycopg2.extensions import parse_dsn

from vectorshelf.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("airflow")

NAMES = ("DATABASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "VECTORSHELF_HOME", "VECTORSHELF_CATALOGS")


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def settings(source=None):
    import vectorshelf_connections

    return vectorshelf_connections.settings(source)


def connection(**parts):
    from airflow.sdk import Connection

    return Connection(conn_id="catalog_db", **{"conn_type": "postgres", **parts})


def libpq(**parts):
    from vectorshelf_connections import postgres_url

    return parse_dsn(postgres_url(connection(**parts)).get_secret_value())


def test_without_connections_the_environment_counts(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@h/d")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    found = settings()
    assert found.database_url.get_secret_value() == "postgresql://u@h/d"
    assert found.openai_api_key.get_secret_value() == "sk-environment"


def test_connections_win_over_the_environment(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@h/d")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    monkeypatch.setenv("AIRFLOW_CONN_CATALOG_DB", "postgres://me:secret@db.example:6543/shop?sslmode=require")
    monkeypatch.setenv("AIRFLOW_CONN_OPENAI_DEFAULT", '{"conn_type": "openai", "password": "sk-connection"}')
    found = settings()
    assert parse_dsn(found.database_url.get_secret_value()) == {
        "user": "me",
        "password": "secret",
        "host": "db.example",
        "port": "6543",
        "dbname": "shop",
        "sslmode": "require",
    }
    assert found.openai_api_key.get_secret_value() == "sk-connection"
    assert found.openai_base_url is None


def test_an_openai_connection_without_a_key_leaves_the_environments(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    monkeypatch.setenv("AIRFLOW_CONN_OPENAI_DEFAULT", '{"conn_type": "openai", "host": "http://127.0.0.1:9/v1"}')
    found = settings()
    assert found.openai_api_key.get_secret_value() == "sk-environment"
    assert found.openai_base_url == "http://127.0.0.1:9/v1"


def test_every_part_of_a_connection_arrives_whatever_it_contains():
    odd = "p@ss:w/o?r#d %41"
    found = libpq(host="db", login="us er@x", password=odd, schema="my/db", port=5433)
    assert found == {"host": "db", "user": "us er@x", "password": odd, "dbname": "my/db", "port": "5433"}


@pytest.mark.parametrize("host", ["::1", "[::1]", "/var/run/postgresql", "a.example,b.example"])
def test_hosts_of_every_kind_arrive(host):
    assert libpq(host=host, schema="d")["host"] == host.strip("[]")


def test_only_what_libpq_knows_is_taken_from_the_extra():
    extra = {"sslmode": "verify-full", "iam": True, "cursor": "dictcursor", "options": ""}
    found = libpq(host="h", schema="d", extra=json.dumps(extra))
    assert found == {"host": "h", "dbname": "d", "sslmode": "verify-full"}


def test_a_connection_opens_with_psycopg2(catalog_database, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_CATALOG_DB", catalog_database.get_secret_value())
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@nowhere.invalid/none")
    with psycopg2.connect(settings().database_url.get_secret_value()) as conn:
        assert conn.info.dbname.startswith("catalog_")


def test_a_connection_of_another_type_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_CATALOG_DB", "mysql://u:hidden@h/d")
    with pytest.raises(ConfigurationError, match="catalog_db is of type mysql: make it a Postgres") as caught:
        settings()
    assert "hidden" not in str(caught.value)


def test_a_sql_source_brings_its_own_connection(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", "postgres://reader:x@shop/orders")
    found = settings("Shop_DB")
    assert parse_dsn(found.connections["shop_db"].get_secret_value())["dbname"] == "orders"


def test_a_sql_source_without_its_connection_is_refused():
    with pytest.raises(ConfigurationError, match="no connection shop_db"):
        settings("shop_db")


def test_no_secret_reaches_a_log(monkeypatch, caplog):
    from airflow.sdk.log import redact

    monkeypatch.setenv("DATABASE_URL", "postgresql://me:environment%2Dpassword@h/d")
    monkeypatch.setenv("AIRFLOW_CONN_OPENAI_DEFAULT", '{"conn_type": "openai", "password": "sk-very-secret-key"}')
    with caplog.at_level(logging.DEBUG):
        found = settings()
    assert "environment-password" not in repr(found)
    assert "sk-very-secret-key" not in repr(found)
    assert "sk-very-secret-key" not in caplog.text
    secrets = (found.database_url, found.openai_api_key)
    said = redact(f"environment-password {' '.join(secret.get_secret_value() for secret in secrets)}")
    assert "environment-password" not in said
    assert "environment%2Dpassword" not in said
    assert "sk-very-secret-key" not in said


def test_relative_folders_are_the_projects_wherever_airflow_was_started(monkeypatch, tmp_path):
    from local_airflow import PROJECT

    monkeypatch.chdir(tmp_path)
    found = settings()
    assert found.catalogs == PROJECT / "include/catalogs"
    assert found.home == PROJECT / ".vectorshelf"


def test_sources_open_from_disk_and_from_object_storage(tmp_path):
    file = tmp_path / "products.csv"
    file.write_bytes(b"id\n1\n")
    opener = settings().opener
    for path in (str(file), f"file://{file}"):
        with opener(path) as source:
            assert source.read() == b"id\n1\n"
    import fsspec

    fsspec.filesystem("memory").pipe("/shelf/products.csv", b"id\n2\n")
    with opener("memory://shelf/products.csv") as source:
        assert source.read() == b"id\n2\n"


def test_a_storage_nothing_here_opens_says_what_to_install():
    with pytest.raises(ConfigurationError, match="nothing here opens nosuch://"):
        settings().opener("nosuch://bucket/products.csv")
