"""The SQL function that users call: `search_<table>(query vector, k integer, category text)`.

It carries its own settings, so that nobody who calls it needs to know of probes. It runs with the caller's rights:
SELECT on the table is enough. Results come strictly best first; `score` grows with similarity: the cosine for cosine,
the inner product for ip, and 1/(1+distance) for l2, which is 1 for the very same vector.
"""

from collections.abc import Mapping

from psycopg2 import sql

from vectorshelf.store.db import Cursor, query
from vectorshelf.store.table import OPERATORS, Metric, ServingTable

KNOBS = ("ivfflat.probes", "hnsw.ef_search")
"""The settings that decide recall; a rewritten function keeps the values it had."""

FEW = 5_000
"""A category of so many products is searched exactly, by reading it."""

WIDER = 3
"""How many times the probes a search in a larger category takes: see the figures in `docs/decisions/`."""

SCORES: dict[Metric, str] = {"cosine": "1 - n.distance", "ip": "-n.distance", "l2": "1 / (1 + n.distance)"}

_SETTINGS = {
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",  # an exact search over a large table would spend longer compiling than searching
    "ivfflat.iterative_scan": "relaxed_order",
    "ivfflat.max_probes": "32768",
    "hnsw.iterative_scan": "relaxed_order",
}


def create_search_function(cur: Cursor, table: ServingTable, knobs: Mapping[str, int] | None = None) -> None:
    """Create the table's search function, or rewrite it where it differs; `knobs` replace those of KNOBS it carries."""
    schema = load_pgvector(cur)
    cur.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"search {table.label}",))
    body = sql.SQL(query("search_function_body")).format(
        table=table.identifier,
        operator=sql.SQL(OPERATORS[table.metric]),
        score=sql.SQL(SCORES[table.metric]),
        dimensions=sql.Literal(table.dimensions),
        cast=table.cast,
        candidates=sql.Literal(table.candidates),
        few=sql.Literal(FEW),
        wider=sql.Literal(WIDER),
    )
    source, settings = _as_it_is(cur, table)
    carried = {name: settings[name] for name in KNOBS if name in settings}
    wanted = {**_SETTINGS, **carried, **{name: str(value) for name, value in (knobs or {}).items()}}
    if source == body.as_string(cur) and wanted.items() <= settings.items():
        return
    clauses = [sql.SQL("SET search_path = pg_catalog, {}, pg_temp").format(sql.Identifier(schema))]
    clauses += [_set_clause(name, value) for name, value in wanted.items()]
    parts = {"function": table.search_function, "vector": sql.Identifier(schema, "vector")}
    head = sql.SQL(query("search_function")).format(**parts, settings=sql.SQL("\n").join(clauses))
    cur.execute(sql.SQL("{} AS {}").format(head, sql.Literal(body.as_string(cur))))


def set_knobs(cur: Cursor, table: ServingTable, knobs: Mapping[str, int]) -> None:
    """Store recall settings on the function, for every session from its next call on."""
    schema = load_pgvector(cur)
    signature = sql.SQL("{}({}, integer, text)").format(table.search_function, sql.Identifier(schema, "vector"))
    for name, value in knobs.items():
        cur.execute(sql.SQL("ALTER FUNCTION {} {}").format(signature, _set_clause(name, str(value))))


def read_knobs(cur: Cursor, table: ServingTable) -> dict[str, int]:
    """The recall settings that the function carries now; empty when it has none, or there is no function."""
    _, settings = _as_it_is(cur, table)
    return {name: int(settings[name]) for name in KNOBS if name in settings}


def read_metric(cur: Cursor, table: ServingTable) -> Metric | None:
    """By which metric the function compares; None when there is no function."""
    source, _ = _as_it_is(cur, table)
    return next((metric for metric, operator in OPERATORS.items() if operator in (source or "")), None)


def drop_search_function(cur: Cursor, table: ServingTable) -> None:
    """Drop the table's function, if there is one."""
    schema = load_pgvector(cur)
    statement = sql.SQL("DROP FUNCTION IF EXISTS {}({}, integer, text)")
    cur.execute(statement.format(table.search_function, sql.Identifier(schema, "vector")))


def load_pgvector(cur: Cursor) -> str:
    """The schema pgvector lives in; its library is loaded as a side effect.

    Before that, its settings are unknown names, which only a superuser may store on a function.
    """
    cur.execute(
        "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'"
    )
    (schema,) = cur.fetchone() or ("public",)
    cur.execute(sql.SQL("SELECT '[1]'::{}").format(sql.Identifier(schema, "vector")))
    return str(schema)


def _as_it_is(cur: Cursor, table: ServingTable) -> tuple[str | None, dict[str, str]]:
    """The function's body and settings in the database; (None, {}) when there is none."""
    cur.execute(query("function_as_it_is"), {"schema": table.schema, "name": table.search_name})
    source, config = cur.fetchone() or (None, None)
    return source, dict(line.split("=", 1) for line in config or [])


def _set_clause(name: str, value: str) -> sql.Composed:
    return sql.SQL("SET {} = {}").format(sql.Identifier(*name.split(".")), sql.Literal(value))
