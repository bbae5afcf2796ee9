"""Databases of one server and who is connected to it. For the embedded Postgres, where we are superuser."""

import psycopg2
from psycopg2 import errorcodes, sql

from vectorshelf.errors import VectorshelfError
from vectorshelf.store.db import Connection, autocommit

_MADE_MEANWHILE = {errorcodes.DUPLICATE_DATABASE, errorcodes.UNIQUE_VIOLATION}


def create_if_absent(conn: Connection, name: str) -> bool:
    """Create a database unless it is there; True when this call made it. Safe when two processes try at once."""
    try:
        with autocommit(conn) as cur:
            cur.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cur.fetchone():
                return False
            cur.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            return True
    except VectorshelfError as error:
        cause = error.__cause__
        if isinstance(cause, psycopg2.Error) and cause.pgcode in _MADE_MEANWHILE:
            return False
        raise


def other_clients(conn: Connection) -> int:
    """How many client connections the server has besides this one."""
    with autocommit(conn) as cur:
        cur.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        row = cur.fetchone()
        return int(row[0]) if row else 0
