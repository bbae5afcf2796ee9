"""The one place where Airflow Connections become vectorshelf's `Settings`.

`catalog_db` (Postgres) and `openai_default` come first, then the environment and `.env`, field by field. A SQL source
names its own connection. Refuses connections that are not what they are used for. Takes the parts of a Connection and
never asks its hook: `PostgresHook.get_conn()` of provider 7 is psycopg 3, which `execute_values` cannot use.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import quote, unquote, urlencode, urlsplit

from pydantic import SecretStr

from vectorshelf.errors import ConfigurationError
from vectorshelf.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Connection

CATALOG_DB = "catalog_db"
OPENAI = "openai_default"
PROJECT = Path(__file__).resolve().parents[1]

_POSTGRES_TYPES = {"postgres", "postgresql"}
# What libpq reads from a URL and an administrator sets in a connection's extra.
_LIBPQ_OPTIONS = {
    "channel_binding", "connect_timeout", "gssencmode", "host", "krbsrvname", "options", "passfile", "require_auth",
    "service", "sslcert", "sslcrl", "sslkey", "sslmode", "sslpassword", "sslrootcert", "target_session_attrs",
}  # fmt: skip


def from_environment() -> Settings:
    """Settings without any Connection, with relative folders read from the project's own: safe at parse time."""
    found = Settings.from_environment(PROJECT / ".env")
    return found.model_copy(update={"catalogs": PROJECT / found.catalogs, "home": PROJECT / found.home})


def settings(source_connection: str | None = None) -> Settings:
    """Settings of a task: Connections over the environment. `source_connection` is a SQL source's, if it has one.

    Every secret in them is masked in this task's log. Raises ConfigurationError when a connection has the wrong type,
    or the source's does not exist.
    """
    found = from_environment()
    update: dict[str, Any] = {"opener": open_source}
    if database := _connection(CATALOG_DB):
        update["database_url"] = postgres_url(database)
    if endpoint := _connection(OPENAI):
        update |= _endpoint(endpoint)
    if source_connection:
        update["connections"] = found.connections | _source(source_connection, found)
    complete = found.model_copy(update=update)
    _mask(complete)
    return complete


def postgres_url(connection: "Connection") -> SecretStr:
    """The Connection as a libpq URL, every part quoted."""
    if connection.conn_type not in _POSTGRES_TYPES:
        raise ConfigurationError(
            f"connection {connection.conn_id} is of type {connection.conn_type}: make it a Postgres connection"
        )
    login = quote(connection.login or "", safe="")
    password = f":{quote(connection.password, safe='')}" if connection.password else ""
    at = "@" if login or password else ""
    host = quote((connection.host or "").strip("[]"), safe="")
    port = f":{connection.port}" if connection.port else ""
    database = quote(connection.schema or "", safe="")
    extra = connection.extra_dejson
    options = {key: extra[key] for key in extra if key in _LIBPQ_OPTIONS and extra[key] not in (None, "")}
    query = f"?{urlencode(options, quote_via=quote)}" if options else ""
    return SecretStr(f"postgresql://{login}{password}{at}{host}{port}/{database}{query}")


def open_source(path: str) -> BinaryIO:
    """Open a source for reading bytes.

    Through Airflow's object storage where a provider has the scheme (`s3://aws_default@bucket/key` names its
    connection), else through fsspec. Raises ConfigurationError when neither knows the scheme.
    """
    scheme, separator, _ = path.partition("://")
    if not separator or scheme == "file":
        return Path(path.removeprefix("file://")).open("rb")
    from airflow.sdk.io.fs import has_fs

    if has_fs(scheme):
        from airflow.sdk import ObjectStoragePath

        return cast("BinaryIO", ObjectStoragePath(path).open("rb"))
    import fsspec

    try:
        return cast("BinaryIO", fsspec.open(path, "rb").open())
    except (ImportError, ValueError) as error:
        raise ConfigurationError(
            f"nothing here opens {scheme}:// ({error}): install that storage's Airflow provider or fsspec package"
        ) from error


def _connection(conn_id: str) -> "Connection | None":
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return cast("Connection", Connection.get(conn_id))
    except AirflowNotFoundException:
        return None


def _endpoint(connection: "Connection") -> dict[str, Any]:
    """The key is the password; the base URL is the host, as in the connection form of Airflow's OpenAI provider."""
    base_url = connection.host or connection.extra_dejson.get("openai_client_kwargs", {}).get("base_url")
    return {
        **({"openai_api_key": SecretStr(connection.password)} if connection.password else {}),
        **({"openai_base_url": base_url} if base_url else {}),
    }


def _source(conn_id: str, found: Settings) -> dict[str, SecretStr]:
    if connection := _connection(conn_id):
        return {conn_id.lower(): postgres_url(connection)}
    if conn_id.lower() in found.connections:
        return {}
    raise ConfigurationError(
        f"there is no connection {conn_id} (source.connection): create it under Admin, Connections"
    )


def _mask(found: Settings) -> None:
    """Airflow masks the password of a Connection it hands out; URLs and keys from elsewhere only when told."""
    from airflow.sdk.log import mask_secret

    urls = [found.database_url, *found.connections.values()]
    for secret in [*urls, found.openai_api_key]:
        if secret is not None:
            mask_secret(secret.get_secret_value())
    for url in urls:
        if url is not None and (password := urlsplit(url.get_secret_value()).password):
            mask_secret(unquote(password))
