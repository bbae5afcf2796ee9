"""One table takes the place of another in one short transaction: names, indexes, search function, grants, fence.

Readers wait for that transaction, so it never waits long for them: it asks for the tables for a moment, gives up, and
asks again later. A reader's transaction that has touched the table keeps it to its end; the next one has the new one.
Killed anywhere, all of it happened or nothing.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from psycopg2 import errors, sql

from vectorshelf.errors import ConfigurationError, TransientError
from vectorshelf.store import standings, successor
from vectorshelf.store.db import Connection, Cursor, query, transaction
from vectorshelf.store.index_build import Log, sole_builder
from vectorshelf.store.index_names import IndexNames
from vectorshelf.store.index_state import read_indexes
from vectorshelf.store.search_function import create_search_function, drop_search_function, read_knobs, read_metric
from vectorshelf.store.spaces import Space
from vectorshelf.store.standings import Role, Standing
from vectorshelf.store.table import ServingTable, Standby

_PATIENCE = ("100ms", "100ms", "200ms", "500ms", "1500ms")
"""How long one attempt may wait for the tables, and readers behind it. The last is repeated: it is longer than
deadlock_timeout's default, after which Postgres takes a table away from an autovacuum."""

_ATTEMPTS = 30
_LONGEST_PAUSE = 10.0  # seconds between attempts


@dataclass(frozen=True)
class Exchange:
    """What serves since an exchange, and what stands by as `<table>__previous`. `done` False: `reason` says why not."""

    done: bool
    reason: str = ""
    serving: Standing | None = None
    previous: Standing | None = None


def take_place(
    conn: Connection,
    catalog: str,
    table: ServingTable,
    space: Space,
    log: Log,
    sleep: Callable[[float], None] = time.sleep,
) -> Exchange:
    """Let `<table>__next`, filled with vectors of `space`, take the table's place, unless that one is newer by now.

    `conn` must not be inside a transaction. Raises ConfigurationError when something would stay with the old table,
    TransientError when others kept one of the two busy.
    """
    return _patiently(conn, table, "next", lambda cur: _exchange(cur, catalog, table, "next", space), log, sleep)


def take_back(
    conn: Connection, catalog: str, table: ServingTable, log: Log, sleep: Callable[[float], None] = time.sleep
) -> Exchange:
    """Let `<table>__previous` and the table change places again. Raises as `take_place`, and when there is none."""
    return _patiently(conn, table, "previous", lambda cur: _exchange(cur, catalog, table, "previous", None), log, sleep)


def _patiently(
    conn: Connection,
    table: ServingTable,
    kind: Standby,
    attempt: Callable[[Cursor], Exchange],
    log: Log,
    sleep: Callable[[float], None],
) -> Exchange:
    """Both build locks first: whoever builds or measures an index of one of the tables knows it by its name."""
    with sole_builder(conn, table.standby(kind), log, sleep), sole_builder(conn, table, log, sleep):
        for turn in range(_ATTEMPTS):
            try:
                with transaction(conn) as cur:
                    patience = _PATIENCE[min(turn, len(_PATIENCE) - 1)]
                    cur.execute("SELECT set_config('lock_timeout', %s, true)", (patience,))
                    return attempt(cur)
            except TransientError as error:
                if not isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected):
                    raise
                if turn == 0:
                    log(f"{table.label} is in use by {_users(conn, table)}: waiting for a moment to swap the tables")
            sleep(min(0.2 * 2**turn, _LONGEST_PAUSE))
        raise TransientError(
            f"{table.label} was in use for minutes by {_users(conn, table)}, so that another table could not take its "
            "place: end that transaction, then run again; nothing is paid again"
        )


def _users(conn: Connection, table: ServingTable) -> str:
    with transaction(conn) as cur:
        cur.execute(query("table_users"), {"table": table.label})
        (users,) = cur.fetchone() or (None,)
        return users or "another transaction"


def _exchange(cur: Cursor, catalog: str, table: ServingTable, kind: Standby, space: Space | None) -> Exchange:
    standings.lock_all(cur, catalog)
    # A statement of its own: the one that waited for the rows still sees the tables as they were before.
    serving, coming = _parties(standings.read(cur, catalog), table, kind, space)
    hindrance = _hindrance(cur, catalog, serving, coming) if kind == "next" else None
    if hindrance:
        return Exchange(False, hindrance, serving)
    old, new = _as_it_is(cur, table, serving), _as_it_is(cur, table.standby(kind), coming)
    lock = sql.SQL("LOCK TABLE {}, {} IN ACCESS EXCLUSIVE MODE")
    cur.execute(lock.format(old.identifier, new.identifier))
    successor.check_unbound(cur, old)
    if not successor.alike(cur, old, new):
        raise ConfigurationError(
            f"{old.label} and {new.label} no longer have the same columns: change the one that stands by likewise, or "
            "run the catalog again from prepare on"
        )
    if kind == "next":
        successor.drop(cur, catalog, "previous")
    _copy_grants(cur, old, new)
    knobs = {one: read_knobs(cur, one) for one in (old, new)}
    kept = replace(old, name=table.standby("previous").name)
    _swap_names(cur, old, new, kept)
    drop_search_function(cur, new)
    create_search_function(cur, replace(new, name=table.name), knobs[new])
    create_search_function(cur, kept, knobs[old])
    _swap_fences(cur, catalog, kind, serving, coming, kept)
    _keep_log(cur, catalog, kind, table)
    return Exchange(True, "", coming, serving)


def _parties(
    found: Mapping[Role, Standing], table: ServingTable, kind: Standby, space: Space | None
) -> tuple[Standing, Standing]:
    """The table that serves and the one that comes. Raises when one of them is not there (any more)."""
    serving, coming = found.get("serving"), found.get(kind)
    if serving is None or serving.table != table.label or serving.dimensions is None:
        raise ConfigurationError(f"nothing of this catalog serves as {table.label}: run it once with `vectorshelf run`")
    there = coming is not None and coming.table == table.standby(kind).label and coming.dimensions is not None
    if coming is not None and there and space in (None, (coming.model, coming.dimensions)):
        return serving, coming
    if kind == "next":
        raise TransientError(f"{table.standby(kind).label} was put in place or dropped meanwhile: run again")
    raise ConfigurationError(
        f"there is no {table.standby(kind).label} to go back to: {table.label} has had no other model, or that table "
        f"was dropped. Name the old model in the catalog file and run it: nothing the store has is paid for again"
    )


def _hindrance(cur: Cursor, catalog: str, serving: Standing, coming: Standing) -> str | None:
    """Why a table that was filled does not take its place yet."""
    cur.execute(
        "SELECT EXISTS (SELECT FROM vectorshelf.index_log WHERE catalog = %s)", (standings.shelf_of(catalog, "next"),)
    )
    (visited,) = cur.fetchone() or (False,)
    if coming.loaded_as_of is None or not visited:
        return f"{coming.table} is not filled and indexed yet: the run that does it puts it in place"
    if serving.changes_as_of is not None and coming.loaded_as_of < serving.changes_as_of:
        return (
            f"{serving.table} holds a delta of {serving.changes_as_of:%Y-%m-%d %H:%M %Z} by now, and {coming.table} "
            f"the snapshot of {coming.loaded_as_of:%Y-%m-%d %H:%M %Z}: a snapshot of a later date puts it in place"
        )
    if serving.loaded_as_of is not None and coming.loaded_as_of < serving.loaded_as_of:
        return (
            f"{serving.table} holds the catalog of {serving.loaded_as_of:%Y-%m-%d %H:%M %Z} by now, and "
            f"{coming.table} that of {coming.loaded_as_of:%Y-%m-%d %H:%M %Z}: a run of a later date puts it in place"
        )
    return None


def _as_it_is(cur: Cursor, table: ServingTable, standing: Standing) -> ServingTable:
    """The table with its own width, metric and kind of index, whatever the catalog's file says today."""
    named = replace(table, dimensions=standing.dimensions or table.dimensions)
    index = read_indexes(cur, named).ours.get(IndexNames.of(named).vector)
    halved = index.operator_class.startswith("halfvec") if index else table.storage == "halfvec"
    metric = read_metric(cur, named) or table.metric
    return replace(named, metric=metric, storage="halfvec" if halved else "vector")


def _swap_names(cur: Cursor, old: ServingTable, new: ServingTable, kept: ServingTable) -> None:
    """Tables and indexes, by way of names that nothing has: what stood by may have the name that the old one gets."""
    old_names, new_names = _indexes(cur, old), _indexes(cur, new)
    standing_by = _standby_names(old, new, old_names)
    coming = {standby: name for name, standby in standing_by.items()}
    leaving = _standby_names(old, kept, old_names)
    between = {name: _between(number) for number, name in enumerate([old.name, *old_names])}
    for name in old_names:
        _rename(cur, "INDEX", old.schema, name, between[name])
    _rename(cur, "TABLE", old.schema, old.name, between[old.name])
    for name in new_names:
        if name in coming:
            _rename(cur, "INDEX", old.schema, name, coming[name])
    _rename(cur, "TABLE", old.schema, new.name, old.name)
    for name in old_names:
        _rename(cur, "INDEX", old.schema, between[name], leaving[name])
    _rename(cur, "TABLE", old.schema, between[old.name], kept.name)


def _standby_names(table: ServingTable, standby: ServingTable, indexes: Iterable[str]) -> dict[str, str]:
    """What the table's indexes are called when it stands by: the vector index and the one on categories, and these."""
    suffix = standby.name.removeprefix(f"{table.name}__")
    own = {name: successor.index_name(name, suffix) for name in indexes}
    return own | dict(zip(IndexNames.of(table).all, IndexNames.of(standby).all, strict=True))


def _between(number: int) -> str:
    return f"vectorshelf_swap_{number}"


def _indexes(cur: Cursor, table: ServingTable) -> list[str]:
    cur.execute(query("index_state"), {"table": table.identifier.as_string(cur)})
    return sorted(name for name, *_ in cur.fetchall())


def _rename(cur: Cursor, kind: str, schema: str, name: str, wanted: str) -> None:
    parts = {"name": sql.Identifier(schema, name), "wanted": sql.Identifier(wanted)}
    cur.execute(sql.SQL(f"ALTER {kind} {{name}} RENAME TO {{wanted}}").format(**parts))


def _copy_grants(cur: Cursor, old: ServingTable, new: ServingTable) -> None:
    """Who may read the name today may read it afterwards, and nobody else."""
    cur.execute(query("grants"), {"table": new.identifier.as_string(cur)})
    revoke = sql.SQL("REVOKE ALL ON {} FROM {}")
    for grantee in {grantee for _, grantee, _, _ in cur.fetchall()}:
        cur.execute(revoke.format(new.identifier, _role(grantee)))
    cur.execute(query("grants"), {"table": old.identifier.as_string(cur)})
    for privilege, grantee, grantable, column in cur.fetchall():
        cur.execute(
            sql.SQL("GRANT {privilege}{column} ON {table} TO {role}{option}").format(
                privilege=sql.SQL(privilege),  # the server's own word
                column=sql.SQL("" if column is None else " ({})").format(sql.Identifier(column or "")),
                table=new.identifier,
                role=_role(grantee),
                option=sql.SQL(" WITH GRANT OPTION" if grantable else ""),
            )
        )


def _role(name: str | None) -> sql.Composable:
    return sql.SQL("PUBLIC") if name is None else sql.Identifier(name)


def _swap_fences(
    cur: Cursor, catalog: str, kind: Standby, serving: Standing, coming: Standing, kept: ServingTable
) -> None:
    cur.execute("DELETE FROM vectorshelf.catalogs WHERE catalog = %s", (standings.shelf_of(catalog, kind),))
    cur.execute(query("take_place"), {**asdict(coming), "catalog": catalog})
    values = {**asdict(serving), "shelf": standings.shelf_of(catalog, "previous"), "catalog": catalog}
    cur.execute(query("keep_previous"), {**values, "table": kept.label})


def _keep_log(cur: Cursor, catalog: str, kind: Standby, table: ServingTable) -> None:
    """The lines about the new table's index become the catalog's: they are about the one that serves."""
    if kind == "next":
        statement = "UPDATE vectorshelf.index_log SET catalog = %s WHERE catalog = %s"
        cur.execute(statement, (catalog, standings.shelf_of(catalog, "next")))
        return
    index = read_indexes(cur, table).ours.get(IndexNames.of(table).vector)
    if index is not None:
        cur.execute(query("repeat_index_line"), {"catalog": catalog, "index": index.oid})
