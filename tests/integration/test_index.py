"""The index is built after the rows, kept while it is good, and swapped without anyone noticing."""

import psycopg2
import pytest
from psycopg2 import sql

from tests.integration.shelves import CATALOG, clustered, count_changed, make_shelf, stock
from vectorshelf.errors import ConfigurationError
from vectorshelf.store.db import autocommit, transaction
from vectorshelf.store.index import IndexSpec, Sampling, Watch, ensure_index
from vectorshelf.store.index_memory import ivfflat_bytes
from vectorshelf.store.index_state import read_indexes
from vectorshelf.store.search import search
from vectorshelf.store.search_function import read_knobs
from vectorshelf.store.table import ServingTable
from vectorshelf.store.upkeep import vacuum
from vectorshelf.store.writers import as_text

TABLE = ServingTable("public", "products", 16)
IVFFLAT = IndexSpec("ivfflat", 0.95)


def ensure(conn, table=TABLE, spec=IVFFLAT, **options):
    return ensure_index(conn, table, spec, run_id="r1", catalog=CATALOG, **options)


def vector_indexes(conn, table=TABLE) -> dict[str, tuple]:
    """Name to (oid, definition, valid), vector indexes only."""
    with transaction(conn) as cur:
        cur.execute(
            "SELECT c.relname, c.oid, pg_get_indexdef(c.oid), i.indisvalid FROM pg_index i"
            " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam"
            " WHERE i.indrelid = %s::regclass AND a.amname IN ('ivfflat', 'hnsw')",
            (table.label,),
        )
        return {name: tuple(rest) for name, *rest in cur.fetchall()}


def setting(conn, name: str) -> str:
    with transaction(conn) as cur:
        cur.execute("SELECT current_setting(%s)", (name,))
        return cur.fetchone()[0]


@pytest.fixture
def shelf(conn):
    make_shelf(conn, TABLE)
    stock(conn, TABLE, clustered(3_000, 16))
    return TABLE


def test_an_index_is_never_built_on_an_empty_table(conn):
    make_shelf(conn, TABLE)
    for options in ({}, {"rebuild": True}, {"spec": IndexSpec("hnsw")}):
        outcome = ensure(conn, **options)
        assert outcome.action == "none"
        assert "empty" in outcome.reason
    assert vector_indexes(conn) == {}


def test_an_emptied_table_keeps_its_index_and_builds_none(conn, shelf):
    ensure(conn)
    before = vector_indexes(conn)
    with transaction(conn) as cur:
        cur.execute("DELETE FROM products")
        count_changed(cur, 3_000)
    assert ensure(conn, rebuild=True).action == "none"
    assert vector_indexes(conn) == before


def test_rows_without_a_vector_do_not_count_as_rows(conn):
    make_shelf(conn, TABLE)
    with transaction(conn) as cur:
        cur.execute("INSERT INTO products (id, name, category) VALUES ('a', 'A', 'C')")
        count_changed(cur, 1)
    assert ensure(conn).action == "none"


def test_lists_come_from_the_rows_that_are_there(conn, shelf):
    outcome = ensure(conn)
    assert (outcome.action, outcome.lists) == ("built", 3)
    assert "lists='3'" in vector_indexes(conn)["products_vector_idx"][1]


def test_a_quiet_night_touches_nothing_and_reports_the_recall_that_was_measured(conn, shelf):
    built = ensure(conn)
    before = vector_indexes(conn)
    kept = ensure(conn, sampling=Sampling(queries=never))
    assert (kept.action, kept.recall, kept.probes, kept.lists) == ("kept", built.recall, built.probes, 3)
    assert vector_indexes(conn) == before


def never():
    raise AssertionError("a quiet night measures nothing")


def test_a_rebuild_replaces_the_index_under_the_same_name(conn, shelf):
    ensure(conn)
    before = vector_indexes(conn)
    assert ensure(conn, rebuild=True).action == "rebuilt"
    after = vector_indexes(conn)
    assert list(after) == list(before) == ["products_vector_idx"]
    assert after["products_vector_idx"][0] != before["products_vector_idx"][0]


def test_a_grown_table_gets_more_lists(conn, shelf):
    ensure(conn)
    stock(conn, TABLE, clustered(3_500, 16, seed=2), first=10_000)
    outcome = ensure(conn)
    assert (outcome.action, outcome.lists) == ("rebuilt", 6)


def test_some_changes_are_measured_and_many_rebuilt(conn, shelf):
    ensure(conn)
    with transaction(conn) as cur:
        count_changed(cur, 300)
    measured = ensure(conn)
    assert measured.action == "kept"
    assert "300 rows changed since recall was measured" in measured.reason
    assert ensure(conn).reason.startswith("300 rows of 3,000 changed")
    with transaction(conn) as cur:
        count_changed(cur, 2_700)
    assert ensure(conn).action == "rebuilt"


@pytest.mark.parametrize("metric", ["ip", "l2"])
def test_another_metric_rebuilds_and_changes_the_search_with_it(conn, shelf, metric):
    ensure(conn)
    other = ServingTable("public", "products", 16, metric)
    assert ensure(conn, other).action == "rebuilt"
    with transaction(conn) as cur:
        assert read_indexes(cur, other).ours["products_vector_idx"].operator_class == f"vector_{metric}_ops"
    assert_search_uses_the_index(conn, other)


def assert_search_uses_the_index(conn, table) -> None:
    """By the index's own count of scans."""
    query = as_text(clustered(1, table.dimensions, seed=4)[0])
    with autocommit(conn) as cur:
        cur.execute("ANALYZE products")
        cur.execute("SET enable_seqscan = off; SET enable_sort = off")
    scans_before = scans(conn)
    assert len(search(conn, table, query, 5)) == 5
    assert scans(conn) > scans_before


def scans(conn) -> int:
    with autocommit(conn) as cur:
        cur.execute("SELECT pg_stat_force_next_flush()")
        cur.execute("SELECT pg_stat_get_numscans('products_vector_idx'::regclass)")
        return cur.fetchone()[0]


def test_the_searches_of_users_go_through_the_index(conn, shelf):
    ensure(conn)
    assert_search_uses_the_index(conn, TABLE)


def test_type_none_drops_the_index_and_searches_are_exact(conn, shelf):
    ensure(conn)
    outcome = ensure(conn, spec=IndexSpec("none"))
    assert (outcome.action, outcome.recall) == ("none", 1.0)
    assert vector_indexes(conn) == {}
    assert len(search(conn, TABLE, as_text(clustered(1, 16)[0]), 5)) == 5


def test_hnsw_replaces_ivfflat_and_back(conn, shelf):
    ensure(conn)
    assert "from ivfflat to hnsw" in ensure(conn, spec=IndexSpec("hnsw")).reason
    assert "USING hnsw" in vector_indexes(conn)["products_vector_idx"][1]
    assert ensure(conn).lists == 3


def test_a_higher_target_is_measured_again_and_never_lowers_the_probes(conn):
    make_shelf(conn, TABLE)
    stock(conn, TABLE, clustered(3_000, 16, clusters=1, spread=1.0))
    low = ensure(conn, spec=IndexSpec("ivfflat", 0.5, 30))
    high = ensure(conn, spec=IndexSpec("ivfflat", 0.99, 30))
    assert high.action == "kept"
    assert high.probes > low.probes
    with transaction(conn) as cur:
        assert read_knobs(cur, TABLE) == {"ivfflat.probes": high.probes}


def test_the_category_column_gets_an_index_once(conn, shelf):
    ensure(conn)
    ensure(conn)
    with transaction(conn) as cur:
        cur.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'products' AND indexdef LIKE '%(category)'")
        assert len(cur.fetchall()) == 1


def test_a_category_index_of_the_users_own_is_enough(conn, shelf):
    with transaction(conn) as cur:
        cur.execute("CREATE INDEX mine ON products (category, name)")
    ensure(conn)
    with transaction(conn) as cur:
        cur.execute("SELECT to_regclass('products_category_idx')")
        assert cur.fetchone() == (None,)


def test_a_vector_index_that_is_not_ours_is_pointed_out(conn, shelf):
    with transaction(conn) as cur:
        cur.execute("CREATE INDEX tutorial ON products USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100)")
    lines = []
    ensure(conn, watch=Watch(log=lines.append))
    assert any("drop tutorial" in line for line in lines)


def test_names_with_quotes_and_sixty_three_bytes_work(conn, database_url):
    table = ServingTable("odd schema", "t" * 48, 16)
    with transaction(conn) as cur:
        cur.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier("odd schema")))
    make_shelf(conn, table)
    stock(conn, table, clustered(300, 16))
    assert ensure(conn, table).action == "built"
    assert ensure(conn, table, rebuild=True).action == "rebuilt"
    assert len(search(conn, table, as_text(clustered(1, 16)[0]), 3)) == 3


def test_the_log_has_the_curve_and_what_the_run_reports(conn, shelf):
    outcome = ensure(conn)
    with transaction(conn) as cur:
        cur.execute(
            "SELECT run_id, action, reason, type, rows, lists, probes, recall, curve->'points'->0->>'probes', seconds"
            " FROM vectorshelf.index_log"
        )
        assert cur.fetchall() == [
            ("r1", "built", outcome.reason, "ivfflat", 3_000, 3, outcome.probes, outcome.recall, "1", outcome.seconds)
        ]


def test_1536_dimensions_and_many_lists_build_although_the_server_gives_64_megabytes(conn):
    """What the tutorial's CREATE INDEX meets ("memory required is …") does not happen here."""
    table = ServingTable("public", "wide", 1536)
    make_shelf(conn, table)
    stock(conn, table, clustered(4_000, 1536))
    with autocommit(conn) as cur:
        cur.execute("SET maintenance_work_mem = '64MB'")
        with pytest.raises(psycopg2.errors.ProgramLimitExceeded, match="memory required is"):
            cur.execute("CREATE INDEX ON wide USING ivfflat (embedding vector_cosine_ops) WITH (lists = 300)")
    outcome = ensure(conn, table, IndexSpec("ivfflat", 0.95, lists=300))
    assert (outcome.action, outcome.lists) == ("built", 300)
    assert setting(conn, "maintenance_work_mem") == "64MB"


def test_the_formula_is_what_pgvector_demands_to_a_few_percent(conn):
    """With enough rows for a full sample: at 95% of the formula pgvector refuses, at the formula it builds."""
    table = ServingTable("public", "exact", 32)
    make_shelf(conn, table)
    stock(conn, table, clustered(12_000, 32))
    need = ivfflat_bytes(32, 200)
    statement = "CREATE INDEX ON exact USING ivfflat (embedding vector_cosine_ops) WITH (lists = 200)"
    with autocommit(conn) as cur:
        cur.execute(f"SET maintenance_work_mem = '{int(need * 0.95) // 1024}kB'")
        with pytest.raises(psycopg2.errors.ProgramLimitExceeded):
            cur.execute(statement)
        cur.execute(f"SET maintenance_work_mem = '{need // 1024 + 1}kB'")
        cur.execute(statement)


def test_more_lists_than_the_server_has_memory_for_are_refused_and_the_old_index_stays(conn):
    table = ServingTable("public", "wide", 2_000)
    make_shelf(conn, table)
    stock(conn, table, clustered(50, 2_000))
    ensure(conn, table)
    before = vector_indexes(conn, table)
    with pytest.raises(
        ConfigurationError, match=r"32768 lists over 2000 dimensions takes .* MB to build.*index.lists to"
    ):
        ensure(conn, table, IndexSpec("ivfflat", 0.95, lists=32_768))
    assert vector_indexes(conn, table) == before


def test_timeouts_of_the_role_neither_stop_a_build_nor_are_lost(conn, shelf):
    with autocommit(conn) as cur:
        cur.execute("SET statement_timeout = '15ms'")
    assert ensure(conn).action == "built"
    assert setting(conn, "statement_timeout") == "15ms"


def test_an_ordinary_role_that_owns_the_table_can_do_it_all(conn, database_url):
    """Storing ivfflat.probes on a function takes a superuser, unless pgvector is loaded in the session first."""
    role = f"keeper_{conn.info.backend_pid}"
    with transaction(conn) as cur:
        cur.execute(f"CREATE ROLE {role}")
        cur.execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {role}")
        cur.execute(f"GRANT USAGE ON SCHEMA vectorshelf TO {role}")
        cur.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA vectorshelf TO {role}")
    own = psycopg2.connect(database_url.get_secret_value(), options=f"-c role={role}")
    try:
        make_shelf(own, TABLE)
        stock(own, TABLE, clustered(2_500, 16))
        assert ensure(own).action == "built"
        assert ensure(own, rebuild=True).action == "rebuilt"
        assert vacuum(own, TABLE, catalog=CATALOG).action == "vacuumed"
    finally:
        own.close()
        with transaction(conn) as cur:
            cur.execute(f"DROP OWNED BY {role} CASCADE")
            cur.execute(f"DROP ROLE {role}")
