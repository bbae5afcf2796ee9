"""Read what indexes a serving table has, and what the log knows of the one that serves."""

from dataclasses import dataclass

from psycopg2 import sql

from vectorshelf.store.db import Connection, Cursor, query, transaction
from vectorshelf.store.index_decision import Built, Existing, Measured, State
from vectorshelf.store.index_names import IndexNames
from vectorshelf.store.table import ServingTable


@dataclass(frozen=True)
class Indexes:
    """Every index on the table, by name. `foreign` are vector indexes that are not ours."""

    ours: dict[str, Existing]
    foreign: tuple[str, ...]
    has_category: bool


def read_indexes(cur: Cursor, table: ServingTable) -> Indexes:
    """What `pg_index` says now."""
    names = IndexNames.of(table)
    mine = {names.vector, names.building, names.retired, names.category}
    cur.execute(query("index_state"), {"table": table.identifier.as_string(cur)})
    ours: dict[str, Existing] = {}
    foreign: list[str] = []
    has_category = False
    for name, oid, kind, operator_class, lists, valid, column, partial in cur.fetchall():
        if name in mine:
            ours[name] = Existing(oid, kind, operator_class, lists, valid)
        elif kind in {"ivfflat", "hnsw"}:
            foreign.append(name)
        has_category = has_category or (column == "category" and kind == "btree" and valid and not partial)
    return Indexes(ours, tuple(foreign), has_category)


def read_state(conn: Connection, table: ServingTable, catalog: str) -> State:
    """Everything `decide` rests on. Rows are counted only when the change counter moved since the last measurement."""
    with transaction(conn) as cur:
        existing = read_indexes(cur, table).ours.get(IndexNames.of(table).vector)
        cur.execute(query("index_history"), {"catalog": catalog, "index": existing.oid if existing else None})
        row = cur.fetchone()
        assert row is not None  # noqa: S101 - the query starts from one row
        changed, built_changed, built_probes, probes, recall, target, measured_changed, measured_rows = row
        measured = None if probes is None else Measured(probes, recall, target, measured_changed)
        built = None if built_changed is None else Built(built_changed, built_probes)
        quiet = measured is not None and measured.changed == changed
        rows = measured_rows if quiet else count_vectors(cur, table)
        return State(rows, changed, existing, built, measured)


def count_vectors(cur: Cursor, table: ServingTable) -> int:
    """Rows that have a vector: what an index can hold."""
    cur.execute(sql.SQL("SELECT count(*) FROM {} WHERE embedding IS NOT NULL").format(table.identifier))
    (count,) = cur.fetchone() or (0,)
    return int(count)
