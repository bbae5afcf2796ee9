"""Is this a Postgres address at all? Asked before libpq is, whose complaints quote the address, password included."""

import psycopg2
from psycopg2.extensions import parse_dsn
from pydantic import SecretStr

from vectorshelf.errors import ConfigurationError

_FORM = "write postgresql://user:password@host:5432/database"
_ENCODE = "with %40 for @, %2F for /, %3A for : and %25 for % inside the user name and the password"


def check(url: SecretStr) -> None:
    """Raise ConfigurationError, quoting nothing of it, for an address that libpq refuses or would misread.

    An unencoded @ or / in a password moves its end into the host or the database name.
    """
    text = url.get_secret_value()
    if text.startswith(("postgresql+", "postgres+")):
        raise ConfigurationError(f"the database URL is in SQLAlchemy's form: remove the + and what follows it, {_FORM}")
    if "://" in text and not text.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError(f"the database URL is not one of Postgres: {_FORM}")
    try:
        parts = parse_dsn(text)
    except (psycopg2.Error, ValueError):
        raise ConfigurationError(f"the database URL cannot be read: {_FORM}, {_ENCODE}") from None
    ports = parts.get("port", "").split(",")
    misread = "@" in parts.get("host", "") or ("://" in text and "@" in parts.get("dbname", ""))
    if misread or not all(port.isdecimal() or not port for port in ports):
        raise ConfigurationError(f"the database URL is misread: {_FORM}, {_ENCODE}")
