"""Server settings for the length of a block. Never leaves a session changed, whatever the block does."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg2

from vectorshelf.store.db import Connection, autocommit

PATIENT = {"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0"}
"""For statements that take as long as they take: a role's own timeouts must not cut a build short."""


@contextmanager
def session_settings(conn: Connection, settings: Mapping[str, str]) -> Iterator[None]:
    """SET each setting for the session, and back to what it was at the end. Not inside a transaction."""
    before: dict[str, str] = {}
    with autocommit(conn) as cur:
        for name, value in settings.items():
            cur.execute("SELECT current_setting(%s), set_config(%s, %s, false)", (name, name, value))
            before[name] = (cur.fetchone() or ("",))[0]
    try:
        yield
    finally:
        _restore(conn, before)


def notice_lost_clients(conn: Connection) -> None:
    """Have the server end this session's statement when this process dies, where the server's system can tell.

    Without it, a build whose client was killed goes on to its end and holds its lock. A process that is stopped in the
    middle of a transaction loses it after a while, and its locks with it.
    """
    with autocommit(conn) as cur:
        cur.execute("SET idle_in_transaction_session_timeout = '5min'")
        for setting in ("idle = 30", "interval = 10", "count = 3"):  # between statements: a host that lost its power
            cur.execute(f"SET tcp_keepalives_{setting}")
        try:
            cur.execute("SET client_connection_check_interval = '2s'")
        except psycopg2.errors.InvalidParameterValue:  # Windows: the server cannot look
            return


def _restore(conn: Connection, before: Mapping[str, str]) -> None:
    if conn.closed:
        return
    try:
        with autocommit(conn) as cur:
            for name, value in before.items():
                cur.execute("SELECT set_config(%s, %s, false)", (name, value))
    except Exception:  # noqa: BLE001 - the session is gone and its settings with it; the block's own error says why
        conn.close()
