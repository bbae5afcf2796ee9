"""Create the user's serving table, or take over one that is there. Never drops or retypes a column."""

from psycopg2 import errors, sql

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.db import Cursor, query
from vectorshelf.store.table import ServingTable

_SHORTLY = "SET LOCAL lock_timeout = '5s'"
_SEED = {"id": "text", "name": "text", "category": "text"}
_ADDED = {
    "attributes": "jsonb",
    "text_hash": "bytea",
    "model": "text",
    "as_of": "timestamp with time zone",
    "updated_at": "timestamp with time zone",
}

COLUMNS = (*_SEED, *_ADDED, "embedding")
"""The columns that runs write. Any other is the user's own."""


def is_there(cur: Cursor, table: ServingTable) -> bool:
    """Whether there is a table of this name, whatever it holds."""
    cur.execute("SELECT to_regclass(%s) IS NOT NULL", (table.identifier.as_string(cur),))
    (exists,) = cur.fetchone() or (False,)
    return bool(exists)


def check_table(cur: Cursor, table: ServingTable) -> None:
    """Raise ConfigurationError when a table of that name has other columns, dimensions, or owner. Changes nothing."""
    if is_there(cur, table):
        _check_owner(cur, table)
        _check_columns(_columns(cur, table), table)
        _check_required(cur, table)
        _check_key(cur, table)


def ensure_table(cur: Cursor, catalog: str, table: ServingTable) -> None:
    """Tie the catalog to `table` and make it fit for loading: seed columns, `embedding vector(D)`, the bookkeeping.

    A catalog that moved to another table finds there the fence of what that table holds. Raises ConfigurationError
    as `check_table` does, and when the table belongs to another catalog.
    """
    moved = _register(cur, catalog, table)
    check_table(cur, table)
    if not is_there(cur, table):
        # This session may remember that there was none, from before it waited for the catalog's row: see once more.
        _run(cur, "serving_table", table)
        check_table(cur, table)
    elif not {"embedding", *_ADDED} <= _columns(cur, table).keys():
        cur.execute(_SHORTLY)  # ALTER waits for whoever reads, and whoever reads next would wait behind it
        _run(cur, "take_over_table", table)
    if moved:
        bare = table.name if table.schema == "public" else table.label  # as the catalog file may have named it
        values = {"catalog": catalog, "table": table.label, "bare_table": bare}
        cur.execute(sql.SQL(query("take_over_fence")).format(table=table.identifier), values)


def or_nothing(cur: Cursor, table: ServingTable) -> ServingTable:
    """The table, or while there is none an empty one: for dry runs."""
    return table if is_there(cur, table) else nothing(cur, table)


def nothing(cur: Cursor, table: ServingTable) -> ServingTable:
    """An empty table like this one, which lasts as long as this transaction."""
    empty = ServingTable("pg_temp", "nothing_served", table.dimensions, table.metric)
    statement = sql.SQL(query("serving_table").replace("CREATE TABLE", "CREATE TEMPORARY TABLE") + " ON COMMIT DROP")
    bare = sql.Identifier(empty.name)
    cur.execute(statement.format(table=bare, dimensions=sql.Literal(table.dimensions)))
    return empty


def _run(cur: Cursor, name: str, table: ServingTable) -> None:
    statement = sql.SQL(query(name))
    cur.execute(statement.format(table=table.identifier, dimensions=sql.Literal(table.dimensions)))


def _register(cur: Cursor, catalog: str, table: ServingTable) -> bool:
    """True when the catalog had another table before. Holds the catalog's row to the end of the transaction."""
    try:
        cur.execute(query("register_catalog"), {"catalog": catalog, "table": table.label})
    except errors.UniqueViolation as error:
        raise ConfigurationError(
            f"table {table.label} already belongs to another catalog: give catalog {catalog} a `table` of its own"
        ) from error
    row = cur.fetchone()
    return bool(row and row[0])


def _check_owner(cur: Cursor, table: ServingTable) -> None:
    cur.execute(
        "SELECT relkind IN ('r', 'p'), pg_has_role(relowner, 'USAGE'), current_user"
        " FROM pg_class WHERE oid = %s::regclass",
        (table.identifier.as_string(cur),),
    )
    is_table, owned, role = cur.fetchone() or (False, False, "")
    if not is_table:
        raise ConfigurationError(f"{table.label} is not a table: name another one in `table`")
    if not owned:
        raise ConfigurationError(
            f"table {table.label} belongs to another role, and only its owner may index it: "
            f'run `ALTER TABLE {table.label} OWNER TO "{role}";`, or name another table'
        )


def _columns(cur: Cursor, table: ServingTable) -> dict[str, str]:
    cur.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        (table.identifier.as_string(cur),),
    )
    return dict(cur.fetchall())


def _check_columns(found: dict[str, str], table: ServingTable) -> None:
    wrong = [
        f"{name} is {found.get(name, 'missing')}, must be {kind}"
        for name, kind in _SEED.items()
        if found.get(name) != kind
    ]
    wrong += [
        f"{name} is {found[name]}, must be {kind}" for name, kind in _ADDED.items() if found.get(name, kind) != kind
    ]
    if wrong:
        raise ConfigurationError(
            f"table {table.label} exists with other columns ({'; '.join(wrong)}): choose another table in `table`"
        )
    wanted = f"vector({table.dimensions})"
    if found.get("embedding", wanted) != wanted:
        raise ConfigurationError(
            f"table {table.label} holds {found['embedding']}, the catalog says {table.dimensions} dimensions: "
            "set embedding.dimensions to the table's or choose another table"
        )


def _check_required(cur: Cursor, table: ServingTable) -> None:
    cur.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attnotnull AND NOT atthasdef AND attidentity = '' AND attname <> ALL (%s)",
        (table.identifier.as_string(cur), list(COLUMNS)),
    )
    required = [name for (name,) in cur.fetchall()]
    if required:
        raise ConfigurationError(
            f"table {table.label} requires values for columns that no run fills ({', '.join(required)}): "
            "give them a default, or choose another table in `table`"
        )


def _check_key(cur: Cursor, table: ServingTable) -> None:
    cur.execute(query("unique_on_id"), {"table": table.identifier.as_string(cur)})
    if cur.fetchone() is None:
        raise ConfigurationError(
            f"table {table.label} has no primary key or unique constraint on id alone: "
            f"run `ALTER TABLE {table.label} ADD PRIMARY KEY (id);`"
        )
