"""Create the user's serving table, or take over one that is there. Never drops or retypes a column."""

from psycopg2 import errors, sql

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.db import Cursor, query
from vectorshelf.store.table import ServingTable

_SEED = {"id": "text", "name": "text", "category": "text"}
_ADDED = {
    "attributes": "jsonb",
    "text_hash": "bytea",
    "model": "text",
    "as_of": "timestamp with time zone",
    "updated_at": "timestamp with time zone",
}


def is_there(cur: Cursor, table: ServingTable) -> bool:
    """Whether there is a table of this name, whatever it holds."""
    cur.execute("SELECT to_regclass(%s) IS NOT NULL", (table.identifier.as_string(cur),))
    (exists,) = cur.fetchone() or (False,)
    return bool(exists)


def ensure_table(cur: Cursor, table: ServingTable) -> None:
    """Make `table` fit for loading: seed columns, `embedding vector(D)` and the bookkeeping columns.

    Raises ConfigurationError when a table of that name has other columns, dimensions, or owner.
    """
    exists = is_there(cur, table)
    if not exists:
        _run(cur, "serving_table", table)
        return
    _check_owner(cur, table)
    columns = _columns(cur, table)
    _check_columns(columns, table)
    _check_key(cur, table)
    if not {"embedding", *_ADDED} <= columns.keys():  # ALTER locks readers out, so only where it is needed
        _run(cur, "take_over_table", table)


def _run(cur: Cursor, name: str, table: ServingTable) -> None:
    statement = sql.SQL(query(name))
    cur.execute(statement.format(table=table.identifier, dimensions=sql.Literal(table.dimensions)))


def register(cur: Cursor, catalog: str, table: ServingTable) -> None:
    """Tie the catalog to its table. A catalog that moved to another table starts with a fresh fence there."""
    try:
        cur.execute(query("register_catalog"), {"catalog": catalog, "table": table.label})
    except errors.UniqueViolation as error:
        raise ConfigurationError(
            f"table {table.label} already belongs to another catalog: give catalog {catalog} a `table` of its own"
        ) from error


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


def _check_key(cur: Cursor, table: ServingTable) -> None:
    cur.execute(query("unique_on_id"), {"table": table.identifier.as_string(cur)})
    if cur.fetchone() is None:
        raise ConfigurationError(
            f"table {table.label} has no primary key or unique constraint on id alone: "
            f"run `ALTER TABLE {table.label} ADD PRIMARY KEY (id);`"
        )
