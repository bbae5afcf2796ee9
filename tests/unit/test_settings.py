"""The environment and `.env` become one frozen object that never shows a secret."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.conftest import REPOSITORY
from vectorshelf.settings import Settings

URL = "postgresql://me:hunter2@db.internal:5432/shop"


def read(environ: dict[str, str], dotenv: Path = Path("no such file")) -> Settings:
    return Settings.from_environment(dotenv, environ)


def test_an_empty_environment_means_embedded_and_local():
    found = read({})
    assert (found.database_url, found.openai_api_key, found.openai_base_url) == (None, None, None)
    assert (found.catalogs, found.home) == (Path("include/catalogs"), Path(".vectorshelf"))
    assert found.connections == {}
    assert found == Settings()


def test_every_variable_arrives():
    found = read(
        {
            "DATABASE_URL": URL,
            "OPENAI_API_KEY": "sk-1",
            "OPENAI_BASE_URL": "http://host/v1",
            "VECTORSHELF_CATALOGS": "/etc/catalogs",
            "VECTORSHELF_HOME": "/var/lib/shelf",
            "AIRFLOW_CONN_SHOP_DB": "postgres://reader@host/shop",
        }
    )
    assert found.database_url is not None
    assert found.database_url.get_secret_value() == URL
    assert found.openai_api_key is not None
    assert found.openai_api_key.get_secret_value() == "sk-1"
    assert found.openai_base_url == "http://host/v1"
    assert (found.catalogs, found.home) == (Path("/etc/catalogs"), Path("/var/lib/shelf"))
    assert {key: url.get_secret_value() for key, url in found.connections.items()} == {
        "shop_db": "postgres://reader@host/shop"
    }


def test_the_environment_wins_over_the_file(tmp_path):
    dotenv = tmp_path / ".env"
    dotenv.write_text("VECTORSHELF_HOME=/from/file\nOPENAI_BASE_URL='http://file/v1' # quoted\n", "utf-8")
    found = read({"VECTORSHELF_HOME": "/from/environment"}, dotenv)
    assert found.home == Path("/from/environment")
    assert found.openai_base_url == "http://file/v1"


def test_an_empty_value_counts_as_unset():
    assert (
        read(dict.fromkeys(["DATABASE_URL", "OPENAI_API_KEY", "VECTORSHELF_HOME", "AIRFLOW_CONN_X"], "")) == Settings()
    )


def test_an_empty_variable_hides_the_files_value(tmp_path):
    """So that `OPENAI_API_KEY= vectorshelf …` runs without the key in `.env`."""
    dotenv = tmp_path / ".env"
    dotenv.write_text("OPENAI_API_KEY=sk-1\n", "utf-8")
    assert read({"OPENAI_API_KEY": ""}, dotenv).openai_api_key is None
    assert read({}, dotenv).openai_api_key is not None


def test_without_arguments_the_process_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VECTORSHELF_HOME", "/from/process")
    (tmp_path / ".env").write_text("VECTORSHELF_CATALOGS=/from/file\n", "utf-8")
    found = Settings.from_environment()
    assert (found.home, found.catalogs) == (Path("/from/process"), Path("/from/file"))


def test_only_connections_become_connections():
    found = read({"AIRFLOW_CONN_SHOP": URL, "AIRFLOW_HOME": "/a", "SHOP_CONN": URL})
    assert set(found.connections) == {"shop"}


def test_no_secret_shows_in_any_rendering():
    found = read({"DATABASE_URL": URL, "OPENAI_API_KEY": "hunter2", "AIRFLOW_CONN_SHOP": URL})
    assert "hunter2" not in f"{found} {found!r} {found.model_dump()} {found.model_dump_json()}"


def test_settings_never_change():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().home = Path("elsewhere")


EXAMPLE = REPOSITORY / ".env.example"
NAMED = set(re.findall(r"^#? ?([A-Z_]+)=", EXAMPLE.read_text("utf-8"), re.MULTILINE))


def test_the_example_file_names_every_variable_and_changes_nothing():
    source = (REPOSITORY / "include" / "vectorshelf" / "settings.py").read_text("utf-8")
    read_by_settings = set(re.findall(r'found\.get\("([A-Z_]+)"\)', source))
    assert len(read_by_settings) == 5
    assert read_by_settings <= NAMED
    assert any(name.startswith("AIRFLOW_CONN_") for name in NAMED)
    assert read({}, EXAMPLE) == Settings()


def test_the_example_file_names_every_variable_that_compose_asks_for():
    compose = (REPOSITORY / "docker-compose.yml").read_text("utf-8")
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+):[?-]", compose))
    assert "AIRFLOW_FERNET_KEY" in asked
    assert asked <= NAMED


def test_the_example_file_holds_no_values():
    values = re.findall(r"^[A-Z_]+=(.*)$", EXAMPLE.read_text("utf-8"), re.MULTILINE)
    assert set(values) == {""}
