"""Connections, transactions, and the border where driver errors become ours.

Transactions are visible at the call site: `with transaction(conn) as cur:`; what cannot run in one says
`with autocommit(conn) as cur:`. Statements longer than a line live in `store/sql/*.sql`.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import resources
from weakref import WeakSet

import psycopg2
from psycopg2 import errorcodes
from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2's own spelling
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - psycopg2's own spelling
from pydantic import SecretStr

from vectorshelf.errors import ConfigurationError, TransientError, VectorshelfError
from vectorshelf.store import dsn

__all__ = ["Connection", "Cursor", "autocommit", "cancel_queries", "connect", "query", "transaction"]

# Classes of SQLSTATE that pass by themselves: connection, rollback, resources, operator intervention.
_TRANSIENT_CLASSES = {"08", "40", "53", "55", "57", "58"}
# What only a person can change: privileges, passwords, databases or columns that do not exist.
_CONFIGURATION_CLASSES = {"28", "3D", "3F", "42", "0A"}
_READ_ONLY_SERVER = errorcodes.READ_ONLY_SQL_TRANSACTION

_open: WeakSet[Connection] = WeakSet()


@contextmanager
def connect(url: SecretStr, application_name: str = "vectorshelf") -> Iterator[Connection]:
    """Open one connection and close it afterwards, whatever happens.

    TCP keepalives are on, so a server that vanished is noticed in about a minute instead of never.
    Raises TransientError when the server cannot be reached, ConfigurationError when it refuses us.
    """
    dsn.check(url)
    with wrapped_errors():
        conn = psycopg2.connect(
            url.get_secret_value(),
            application_name=application_name,
            connect_timeout=10,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
    _open.add(conn)
    try:
        yield conn
    finally:
        _open.discard(conn)
        conn.close()


def cancel_queries() -> None:
    """Ask the server to give up what this process's connections are waiting for. Called from another thread.

    A signal's Python handler cannot run while libpq waits, so Ctrl-C alone would wait for the query's own end.
    """
    for conn in list(_open):
        with suppress(psycopg2.Error):
            conn.cancel()


@contextmanager
def transaction(conn: Connection) -> Iterator[Cursor]:
    """A cursor inside one transaction: committed at the end of the block, rolled back if it raises."""
    with wrapped_errors():
        conn.autocommit = False
        with conn, conn.cursor() as cur:
            yield cur


@contextmanager
def autocommit(conn: Connection) -> Iterator[Cursor]:
    """A cursor outside any transaction, for VACUUM and CREATE INDEX CONCURRENTLY."""
    with wrapped_errors():
        conn.autocommit = True
        try:
            with conn.cursor() as cur:
                yield cur
        finally:
            if not conn.closed:
                conn.autocommit = False


@contextmanager
def wrapped_errors() -> Iterator[None]:
    """Turn psycopg2's errors into the reaction they ask for, with the cause kept."""
    try:
        yield
    except psycopg2.Error as error:
        raise _reaction(error) from error


def _reaction(error: psycopg2.Error) -> VectorshelfError:
    code = error.pgcode or ""
    message = _one_line(error)
    if code == _READ_ONLY_SERVER:
        return TransientError(f"the database is read-only (a standby, or failing over): {message}")
    if code[:2] in _CONFIGURATION_CLASSES or _refused_at_login(error, message):
        return ConfigurationError(f"the database refused: {message}")
    if code[:2] in _TRANSIENT_CLASSES or isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return TransientError(f"the database is not answering as it should: {message}")
    return VectorshelfError(f"the database failed: {message}")


def _refused_at_login(error: psycopg2.Error, message: str) -> bool:
    """A failed login carries no SQLSTATE in psycopg2, only libpq's words; so does a malformed URL."""
    if isinstance(error, psycopg2.ProgrammingError):
        return True
    if error.pgcode or not isinstance(error, psycopg2.OperationalError):
        return False
    words = ("authentication failed", "does not exist", "no password supplied", "no pg_hba.conf entry")
    return any(word in message for word in words)


def _one_line(error: psycopg2.Error) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@cache
def query(name: str) -> str:
    """The text of `store/sql/<name>.sql`."""
    return resources.files("vectorshelf.store").joinpath("sql", f"{name}.sql").read_text("utf-8")
