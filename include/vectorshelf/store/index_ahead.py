"""Look ahead to the index before a load: nothing is paid for when the index that goes with it cannot be built."""

from dataclasses import replace

from vectorshelf.errors import ConfigurationError
from vectorshelf.store import index_room
from vectorshelf.store.db import Connection, autocommit
from vectorshelf.store.index_decision import IndexSpec, State, decide
from vectorshelf.store.index_memory import lists_for
from vectorshelf.store.index_state import read_state
from vectorshelf.store.table import ServingTable


def lacking_memory(
    conn: Connection, table: ServingTable, spec: IndexSpec, *, catalog: str, rows: int, changes: int, rebuild: bool
) -> str | None:
    """Why the build that follows a load of `changes` vectors, to `rows` rows, must fail. None: it fits, or none is due.

    A table whose index serves on is loaded all the same: prices must not grow stale for want of a better index; the
    index task says then that it cannot build one. Raises nothing: the caller has more to say before it stops.
    """
    if spec.type != "ivfflat":
        return None
    with autocommit(conn) as cur:
        cur.execute("SELECT to_regclass(%s) IS NOT NULL", (table.identifier.as_string(cur),))
        (there,) = cur.fetchone() or (False,)
        server = index_room.read_server(cur)
    now = read_state(conn, table, catalog) if there else State(0, 0)
    then = replace(now, rows=rows, changed=now.changed + changes)
    serves = now.existing is not None and now.existing.valid
    if serves or decide(spec, table, then, rebuild=rebuild).verdict != "build":
        return None
    try:
        index_room.settings_for_ivfflat(table, spec.lists or lists_for(rows), server)
    except ConfigurationError as error:
        return str(error)
    return None
