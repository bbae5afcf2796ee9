"""Stream a query from another Postgres, whose tables are somebody else's: a server-side cursor, read-only.

Values are bound, never pasted. One batch of rows is held; the server produces the next when it is asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from psycopg2 import errors
from pydantic import SecretStr

from vectorshelf.errors import ConfigurationError
from vectorshelf.store import db


def stream_query(
    url: SecretStr, query: str, start: datetime, end: datetime, batch: int = 2000
) -> Iterator[dict[str, object]]:
    """The query's rows by column name, all from one snapshot of the source.

    `query` may use %(start)s and %(end)s, the bounds of the data interval, and %(as_of)s, which is its end.
    Raises ConfigurationError for a query that writes, is refused or repeats a column, TransientError when the server
    goes away.
    """
    with db.connect(url, application_name="vectorshelf source") as conn:
        conn.set_session(isolation_level="REPEATABLE READ", readonly=True)
        conn.set_client_encoding("UTF8")
        with _only_reading(), conn, conn.cursor("vectorshelf_source") as cur:
            _open(conn, cur, query, {"start": start, "end": end, "as_of": end})
            rows = _fetch(cur, batch)
            names = _names(cur)
            while rows:
                for row in rows:
                    yield dict(zip(names, row, strict=True))
                rows = _fetch(cur, batch)


@contextmanager
def _only_reading() -> Iterator[None]:
    with db.wrapped_errors():
        try:
            yield
        except errors.ReadOnlySqlTransaction as error:  # elsewhere the sign of a standby; here the query's own doing
            raise ConfigurationError(
                f"source.query may only read, and it writes: {error.diag.message_primary}"
            ) from error


def _open(conn: db.Connection, cur: db.Cursor, query: str, values: dict[str, datetime]) -> None:
    with conn.cursor() as setting:  # every row will be read, so plan for all of them and not for the first
        setting.execute("SET LOCAL cursor_tuple_fraction = 1")
    try:
        cur.execute(query, values)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ConfigurationError(
            "source.query has a parameter that is none: use %(start)s, %(end)s and %(as_of)s, and write %% for a "
            f"percent sign ({error})"
        ) from error


def _fetch(cur: db.Cursor, batch: int) -> list[tuple[Any, ...]]:
    try:
        return cur.fetchmany(batch)
    except ValueError as error:  # a date before year 1, text in a database without an encoding
        raise ConfigurationError(
            f"source.query returns a value that Python cannot hold ({error}): cast the column in the query"
        ) from error


def _names(cur: db.Cursor) -> list[str]:
    names = [column.name for column in cur.description or ()]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigurationError(
            f"source.query returns several columns called {', '.join(repeated)}: give each a name of its own with AS"
        )
    return names
