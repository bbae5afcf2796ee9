"""The SQL function that answers from history: `search_<table>_as_of(query vector, as_of timestamptz, k, category)`.

Exact, as a search of that date's table without an index would be. It runs with the caller's rights, who needs USAGE on
schema vectorshelf and SELECT on its history, history_dates, spaces and vectors. The catalog's name is in its body.
"""

from psycopg2 import sql

from vectorshelf.store.db import Cursor, query
from vectorshelf.store.search_function import SCORES, load_pgvector
from vectorshelf.store.table import OPERATORS, ServingTable

_IT_IS = (
    "SELECT p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
    " WHERE n.nspname = %s AND p.proname = %s AND p.pronargs = 4"
)


def identifier(table: ServingTable) -> sql.Identifier:
    """`"schema"."search_<table>_as_of"`, quoted."""
    return sql.Identifier(table.schema, f"search_{table.name}_as_of")


def create_as_of_function(cur: Cursor, catalog: str, table: ServingTable) -> None:
    """Create the function, or rewrite it where its body differs."""
    schema = load_pgvector(cur)
    body = sql.SQL(query("as_of_function_body")).format(
        catalog=sql.Literal(catalog),
        operator=sql.SQL(OPERATORS[table.metric]),
        score=sql.SQL(SCORES[table.metric]),
    )
    source = body.as_string(cur)
    cur.execute(_IT_IS, (table.schema, f"search_{table.name}_as_of"))
    if cur.fetchone() == (source,):
        return
    head = sql.SQL(query("as_of_function")).format(
        function=identifier(table), vector=sql.Identifier(schema, "vector"), schema=sql.Identifier(schema)
    )
    cur.execute(sql.SQL("{} AS {}").format(head, sql.Literal(source)))
