"""The table that a model change fills: the same as the one that serves, but for the width of its vectors.

What the new table could not take with it (views, foreign keys, values in columns of the user's own, ...) is a reason to
refuse, before anything is made or paid for. Grants are copied when the tables are swapped, in `succession`.
"""

from psycopg2 import errors, sql

from vectorshelf.errors import ConfigurationError
from vectorshelf.store import serving, standings
from vectorshelf.store.db import Cursor, query
from vectorshelf.store.index_names import IndexNames
from vectorshelf.store.search_function import drop_search_function
from vectorshelf.store.standings import Target
from vectorshelf.store.table import ServingTable, Standby, fitted

_SHORTLY = "SET LOCAL lock_timeout = '5s'"


def check(cur: Cursor, catalog: str, target: Target) -> None:
    """Raise ConfigurationError, with all that stands in the way of the change. Changes nothing."""
    table = target.replaces or target.table
    serving.check_table(cur, table)
    check_unbound(cur, table)
    cur.execute(query("own_columns"), {"table": table.identifier.as_string(cur), "ours": list(serving.COLUMNS)})
    own = [name for (name,) in cur.fetchall()]
    if own:
        raise ConfigurationError(
            f"another model needs a second table, and {table.label} has columns whose values no run could bring there "
            f"({', '.join(own)}): keep them in a table of their own with the id, or name another `table`"
        )
    found = standings.read(cur, catalog)
    for kind in ("next", "previous"):
        standby, known = table.standby(kind), found.get(kind)
        if serving.is_there(cur, standby) and (known is None or known.table != standby.label):
            raise ConfigurationError(
                f"a model change needs the name {standby.label}, and a table that is not ours has it: rename that one"
            )


def check_unbound(cur: Cursor, table: ServingTable) -> None:
    """Raise ConfigurationError when something is tied to the table itself, so that it would stay with the old one."""
    cur.execute(query("bound_to_table"), {"table": table.identifier.as_string(cur)})
    bound = [what for (what,) in cur.fetchall()]
    if bound:
        raise ConfigurationError(
            f"another model needs a second table that takes the name {table.label}, and these would stay with the old "
            f"one: {', '.join(bound)}. Drop them and create them again afterwards, or name another `table`"
        )


def make(cur: Cursor, catalog: str, target: Target, model: str) -> None:
    """Make the successor, empty, or find it as an earlier run left it. The caller holds the catalog's rows."""
    if target.replaces is None or (target.stands and alike(cur, target.replaces, target.table)):
        return
    cur.execute(_SHORTLY)
    drop(cur, catalog, "next")  # what a change to yet another model left, or one from before the table got a column
    _create(cur, target.replaces, target.table)
    values = {"shelf": standings.shelf_of(catalog, "next"), "table": target.table.label}
    try:
        cur.execute(query("enter_successor"), {**values, "catalog": catalog, "model": model})
    except errors.UniqueViolation as error:
        raise ConfigurationError(
            f"a model change needs the name {target.table.label}, and another catalog's table has it: rename that one"
        ) from error


def drop(cur: Cursor, catalog: str, kind: Standby) -> str | None:
    """Drop a table that stands by, its function and its row; returns its name, or None when there was none."""
    shelf = standings.shelf_of(catalog, kind)
    cur.execute("DELETE FROM vectorshelf.catalogs WHERE catalog = %s RETURNING table_name", (shelf,))
    (label,) = cur.fetchone() or (None,)
    if label is None:
        return None
    schema, _, name = label.partition(".")
    table = ServingTable(schema, name, 1)
    cur.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table.identifier))
    drop_search_function(cur, table)
    cur.execute("DELETE FROM vectorshelf.index_log WHERE catalog = %s", (shelf,))
    return str(label)


def forget(cur: Cursor, catalog: str) -> list[str]:
    """Drop every table of the catalog that stands by; returns their names."""
    cur.execute(_SHORTLY)
    standings.lock(cur, catalog)
    kinds: tuple[Standby, ...] = ("next", "previous")
    return [label for kind in kinds if (label := drop(cur, catalog, kind))]


def alike(cur: Cursor, table: ServingTable, other: ServingTable) -> bool:
    """Whether two tables have the same columns, whatever the width of their vectors."""
    shapes = []
    for one in (table, other):
        cur.execute(query("column_shapes"), {"table": one.identifier.as_string(cur)})
        shapes.append(cur.fetchall())
    return shapes[0] == shapes[1]


def index_name(name: str, suffix: str) -> str:
    """What the copy of a user's own index is called while its table stands by."""
    return fitted(f"{name}__{suffix}")


def _create(cur: Cursor, table: ServingTable, successor: ServingTable) -> None:
    parts = {"table": table.identifier, "successor": successor.identifier}
    cur.execute(sql.SQL(query("successor_table")).format(**parts, dimensions=sql.Literal(successor.dimensions)))
    _liken(cur, table, successor)
    cur.execute(query("other_indexes"), {"table": table.identifier.as_string(cur)})
    ours = IndexNames.of(table).category
    for name, unique, constraint, definition in cur.fetchall():
        if name != ours:  # that one is built when the rows are there
            _copy_index(cur, successor, index_name(name, "next"), unique, constraint, definition)


def _copy_index(
    cur: Cursor, successor: ServingTable, name: str, unique: bool, constraint: str | None, definition: str
) -> None:
    parts = {"table": successor.identifier, "name": sql.Identifier(name), "unique": sql.SQL("UNIQUE" if unique else "")}
    if constraint is not None:
        head = sql.SQL("ALTER TABLE {table} ADD CONSTRAINT {name} ").format(**parts)
        cur.execute(head.as_string(cur) + constraint)
        return
    head = sql.SQL("CREATE {unique} INDEX {name} ON {table} USING ").format(**parts)
    cur.execute(head.as_string(cur) + definition)


def _liken(cur: Cursor, table: ServingTable, successor: ServingTable) -> None:
    cur.execute(query("likeness"), {"table": table.identifier.as_string(cur)})
    owner, is_ours, tablespace, options, toast_options, comment, storage = cur.fetchone() or ()
    change = sql.SQL("ALTER TABLE {} ").format(successor.identifier)
    cur.execute(change + sql.SQL("ALTER COLUMN embedding SET STORAGE {}").format(sql.SQL(storage)))
    for prefix, found in (("", options), ("toast.", toast_options)):
        for option in found:
            name, _, value = option.partition("=")
            setting = sql.SQL("SET ({}{} = {})").format(sql.SQL(prefix), sql.Identifier(name), sql.Literal(value))
            cur.execute(change + setting)
    if comment is not None:
        cur.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(successor.identifier, sql.Literal(comment)))
    if tablespace is not None:
        cur.execute(change + sql.SQL("SET TABLESPACE {}").format(sql.Identifier(tablespace)))
    if not is_ours:
        cur.execute(change + sql.SQL("OWNER TO {}").format(sql.Identifier(owner)))
