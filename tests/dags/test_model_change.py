"""A DAG whose catalog file gets another model: the same tasks fill the second table and swap it in."""

import psycopg2

from tests.dags.shop import Shop, run


def test_a_nights_run_after_the_file_was_changed_changes_the_model(tmp_path, catalog_database, load_dags):
    shop = Shop(tmp_path)
    shop.snapshot("2026-11-20")
    source = {"path": "shop/{as_of:%Y-%m-%d}.csv", "missing": "previous"}
    for size in (64, 128):
        shop.catalog(source=source, embedding={"provider": "local", "dimensions": size})
        finished = run(load_dags(shop.folder).dags["embed_shop"])
        assert finished.state == "success"
    assert finished.figures["model_change"]["made"]
    with psycopg2.connect(catalog_database.get_secret_value()) as conn, conn.cursor() as cur:
        cur.execute("SELECT DISTINCT vector_dims(embedding) FROM shop_products")
        assert cur.fetchall() == [(128,)]
        cur.execute("SELECT count(*) FROM shop_products__previous")
        assert cur.fetchall() == [(4,)]
