"""What a table that takes another's place has of it, and what makes a run refuse before anything is made or paid."""

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from tests import postgres
from tests.integration.shop import FRUIT, Shop
from tests.integration.test_preflight import as_guest, bare_url, run
from vectorshelf import pipeline
from vectorshelf.errors import ConfigurationError
from vectorshelf.pipeline import tasks
from vectorshelf.store import db, standings, successor
from vectorshelf.store.table import ServingTable

__all__ = ["bare_url"]  # a fixture

ROLES = ("shop_reader", "shop_editor", "shop_stranger")


@pytest.fixture
def old(tmp_path, database_url) -> Shop:
    shop = Shop(tmp_path, database_url, embedding={"provider": "local", "dimensions": 64})
    shop.run(1, FRUIT)
    return shop


@pytest.fixture
def new(tmp_path, database_url) -> Shop:
    return Shop(tmp_path, database_url, embedding={"provider": "local", "dimensions": 128})


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, postgres_server) -> Iterator[Shop]:
    """One for all tests that change nothing."""
    with postgres.fresh_database(postgres_server) as url:
        shop = Shop(tmp_path_factory.mktemp("shop"), url, embedding={"provider": "local", "dimensions": 64})
        shop.run(1, FRUIT)
        yield shop


def execute(shop: Shop, statements: str) -> None:
    shop.query(f"{statements}; SELECT 1")


@pytest.mark.parametrize(
    ("ddl", "named"),
    [
        ("CREATE VIEW cheap AS SELECT id FROM products", "view cheap"),
        ("CREATE MATERIALIZED VIEW cheap AS SELECT id FROM products", "materialized view cheap"),
        ("CREATE TABLE orders (product text REFERENCES products)", "orders_product_fkey on table orders"),
        (
            "CREATE TABLE kinds (kind text PRIMARY KEY); INSERT INTO kinds SELECT DISTINCT category FROM products;"
            " ALTER TABLE products ADD CONSTRAINT known FOREIGN KEY (category) REFERENCES kinds",
            "constraint known on table products",
        ),
        (
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
            " CREATE TRIGGER noted BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION note()",
            "trigger noted on table products",
        ),
        ("CREATE RULE quiet AS ON DELETE TO products DO ALSO NOTIFY gone", "rule quiet on table products"),
        ("CREATE POLICY mine ON products USING (true)", "policy mine on table products"),
        ("ALTER TABLE products ENABLE ROW LEVEL SECURITY", "row level security"),
        ("CREATE TABLE more () INHERITS (products)", "inheritance of more from products"),
        ("CREATE PUBLICATION out FOR TABLE products", "products in publication out"),
        (
            "CREATE FUNCTION one() RETURNS products LANGUAGE sql AS 'SELECT * FROM products LIMIT 1'",
            r"function one\(\)",
        ),
        (
            "CREATE FUNCTION many() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM products; END",
            r"function many\(\)",
        ),
        ("CREATE TABLE kept (product products)", "column product of table kept"),
        ("ALTER TABLE products ADD COLUMN stock integer", r"no run could bring there \(stock\)"),
        ("CREATE TABLE products__next (id text)", "public.products__next, and a table that is not ours"),
        ("CREATE TABLE products__previous (id text)", "public.products__previous, and a table that is not ours"),
    ],
)
def test_what_would_stay_behind_is_named(loaded, ddl, named):
    with pytest.raises(ConfigurationError, match=named):
        check_after(loaded, ddl)


def test_nothing_in_the_way_is_no_reason_to_refuse(loaded):
    check_after(loaded, "SELECT")


def check_after(shop: Shop, ddl: str) -> None:
    """What prepare looks at, in a transaction that comes to nothing."""
    with db.connect(shop.settings.database_url) as conn, closing(conn.cursor()) as cur:
        cur.execute(ddl)
        successor.check(cur, "shop", standings.target(cur, "shop", ServingTable("public", "products", 128), "b"))
        conn.rollback()


def test_a_run_refuses_before_anything_is_made_or_paid_for(old, new):
    execute(old, "CREATE VIEW cheap AS SELECT id FROM products")
    vectors = old.query("SELECT count(*) FROM vectorshelf.vectors")
    for options in ({"dry_run": True}, {}):
        with pytest.raises(ConfigurationError, match="view cheap"):
            new.run(2, FRUIT, **options)
    assert old.query("SELECT count(*) FROM vectorshelf.vectors") == vectors
    assert old.query("SELECT count(*) FROM vectorshelf.catalogs") == [(1,)]


def test_a_view_made_while_the_table_was_filled_stops_the_swap_and_not_the_next_try(old, new):
    new.write(2, FRUIT)
    run_id = tasks.prepare(new.request(2), new.settings)
    tasks.extract(run_id, new.settings)
    for shard in tasks.plan(run_id, new.settings)["shards"]:
        tasks.embed(run_id, shard["shard"], new.settings)
    tasks.load(run_id, new.settings)
    execute(old, "CREATE VIEW cheap AS SELECT id FROM products")
    with pytest.raises(ConfigurationError, match="view cheap"):
        tasks.index(run_id, new.settings)
    assert widths(old) == [(64,)]
    execute(old, "DROP VIEW cheap")
    tasks.index(run_id, new.settings)
    assert widths(old) == [(128,)]


def test_a_view_on_the_table_stops_the_way_back(old, new):
    new.run(2, FRUIT)
    execute(old, "CREATE VIEW cheap AS SELECT id FROM products")
    with pytest.raises(ConfigurationError, match="view cheap"):
        pipeline.rollback(old.catalog, old.settings)
    assert widths(old) == [(128,)]


def widths(shop: Shop) -> list[tuple]:
    return shop.query("SELECT DISTINCT vector_dims(embedding) FROM products")


INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'products' ORDER BY 1"
CONSTRAINTS = (
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'products'::regclass ORDER BY 1"
)
SETTINGS = (
    "SELECT c.reloptions, t.reloptions, obj_description(c.oid, 'pg_class'), col_description(c.oid, 2),"
    "       (SELECT attstorage FROM pg_attribute WHERE attrelid = c.oid AND attname = 'embedding')"
    " FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.relname = 'products'"
)


def test_indexes_constraints_generated_columns_and_settings_go_with_the_name_and_come_back_with_it(old, new):
    execute(
        old,
        "ALTER TABLE products ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector('simple', name)) STORED,"
        " ADD CONSTRAINT named CHECK (name <> ''), ADD CONSTRAINT one_of_a_name UNIQUE (name, category),"
        " ALTER COLUMN embedding SET STORAGE PLAIN;"
        ' CREATE INDEX "by USING words" ON products USING gin (words);'
        " CREATE INDEX cheap ON products ((attributes ->> 'price') DESC) WHERE category = 'fruit';"
        f" CREATE INDEX {'x' * 63} ON products (name);"
        " ALTER TABLE products SET (fillfactor = 80, toast.autovacuum_enabled = off);"
        " COMMENT ON TABLE products IS 'ours'; COMMENT ON COLUMN products.name IS 'as people call it'",
    )
    shapes = [old.query(statement) for statement in (INDEXES, CONSTRAINTS, SETTINGS)]
    new.run(2, FRUIT)
    assert widths(old) == [(128,)]
    assert [old.query(statement) for statement in (INDEXES, CONSTRAINTS, SETTINGS)] == shapes
    assert old.query("SELECT count(*) FROM products WHERE words @@ 'lamp'") == [(1,)]
    pipeline.rollback(old.catalog, old.settings)
    assert widths(old) == [(64,)]
    assert [old.query(statement) for statement in (INDEXES, CONSTRAINTS, SETTINGS)] == shapes
    pipeline.rollback(old.catalog, old.settings)
    assert [old.query(statement) for statement in (INDEXES, CONSTRAINTS, SETTINGS)] == shapes


@pytest.fixture
def roles(postgres_server):
    def each(statement: str) -> None:
        conn = psycopg2.connect(postgres_server)
        conn.autocommit = True
        for role in ROLES:
            conn.cursor().execute(statement.format(role))
        conn.close()

    each("CREATE ROLE {}")
    yield
    each("DROP ROLE {}")


GRANTS = (
    "SELECT coalesce(grantee::regrole::text, 'public'), privilege_type, is_grantable"
    " FROM pg_class c, aclexplode(c.relacl) WHERE c.relname = 'products' ORDER BY 1, 2"
)
COLUMN_GRANTS = (
    "SELECT attname, grantee::regrole::text, privilege_type FROM pg_attribute, aclexplode(attacl)"
    " WHERE attrelid = 'products'::regclass"
)


def test_who_may_read_the_name_may_read_it_afterwards_and_nobody_else(old, new, roles, database_url):
    execute(
        old,
        "GRANT SELECT ON products TO shop_reader; GRANT INSERT, SELECT ON products TO shop_editor WITH GRANT OPTION;"
        " GRANT UPDATE (name) ON products TO shop_stranger;"
        " REVOKE EXECUTE ON FUNCTION search_products FROM PUBLIC;"
        " GRANT EXECUTE ON FUNCTION search_products TO shop_reader;"
        # What is made from now on would be open to the stranger, whom the table was never open to.
        " ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO shop_stranger",
    )
    before = old.query(GRANTS), old.query(COLUMN_GRANTS)
    new.run(2, FRUIT)
    assert (old.query(GRANTS), old.query(COLUMN_GRANTS)) == before
    vector = "[" + ",".join(["1"] * 128) + "]"
    with psycopg2.connect(database_url.get_secret_value()) as conn, conn.cursor() as cur:
        cur.execute("SET ROLE shop_reader")
        cur.execute("SELECT count(*) FROM search_products(%s::vector)", (vector,))
        assert cur.fetchone() == (4,)
    pipeline.rollback(old.catalog, old.settings)
    assert (old.query(GRANTS), old.query(COLUMN_GRANTS)) == before
    execute(old, "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM shop_stranger; DROP OWNED BY " + ", ".join(ROLES))


def test_the_owner_stays_the_owner(old, new, roles):
    execute(old, "GRANT CREATE, USAGE ON SCHEMA public TO shop_editor; ALTER TABLE products OWNER TO shop_editor")
    new.run(2, FRUIT)
    owners = "SELECT tablename::text, tableowner::text FROM pg_tables WHERE tablename LIKE 'products%'"
    assert sorted(old.query(owners)) == [("products", "shop_editor"), ("products__previous", "shop_editor")]
    execute(old, "DROP OWNED BY shop_editor")


def test_a_role_without_superuser_rights_changes_models_and_goes_back(request, tmp_path):
    bare_url = request.getfixturevalue("bare_url")
    run(bare_url, "CREATE EXTENSION vector; GRANT USAGE, CREATE ON SCHEMA public TO guest")
    run(bare_url, "GRANT CREATE ON DATABASE bare TO guest")
    for day, size in enumerate((64, 128), start=1):
        shop = Shop(tmp_path, as_guest(bare_url), embedding={"provider": "local", "dimensions": size})
        shop.run(day, FRUIT)
        assert widths(shop) == [(size,)]
    pipeline.rollback(shop.catalog, shop.settings)
    assert widths(shop) == [(64,)]


def test_a_table_with_the_longest_name_has_room_for_its_companions(tmp_path, database_url):
    name = "t" * 48
    shops = [
        Shop(tmp_path, database_url, table=name, embedding={"provider": "local", "dimensions": size})
        for size in (64, 128)
    ]
    for day, shop in enumerate(shops, start=1):
        shop.run(day, FRUIT)
    for shop in shops:
        pipeline.rollback(shop.catalog, shop.settings)
        width = shop.query(f"SELECT DISTINCT vector_dims(embedding) FROM {name}")
        assert width == [(shop.catalog.embedding.dimensions,)]
        assert pipeline.search(shop.catalog, "pear", shop.settings)["results"][0]["name"] == "pear"
    indexes = shop.query(f"SELECT indexname FROM pg_indexes WHERE tablename = '{name}' ORDER BY 1")
    assert indexes == [(f"{name}_category_idx",), (f"{name}_pkey",), (f"{name}_vector_idx",)]
