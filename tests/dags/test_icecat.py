"""Nineteen thousand real products through the DAG: four shards, every row, and nothing embedded twice."""

import shutil

import psycopg2

from tests.dags.shop import Shop, run

PRODUCTS = 19_406


def test_icecat_through_the_dag_embeds_each_distinct_text_once(icecat, tmp_path, catalog_database, load_dags):
    shop = Shop(tmp_path)
    shop.catalog(
        source={"path": "products-{as_of:%Y-%m-%d}.csv.gz", "missing": "previous"},
        columns={"id": "id", "name": "title", "category": "supplier"},
        text="{title} {short_description}",
        table="icecat",
    )
    shutil.copy(icecat / "products.csv.gz", tmp_path / "products-2026-11-01.csv.gz")
    dag = load_dags(tmp_path).dags["embed_shop"]

    first = run(dag)
    assert first.state == "success"
    assert (first.figures["extracted"], first.figures["new"]) == (PRODUCTS, PRODUCTS)
    with psycopg2.connect(catalog_database.get_secret_value()) as conn, conn.cursor() as cur:
        cur.execute(
            "SELECT (SELECT count(*) FROM icecat), (SELECT count(DISTINCT text_hash) FROM icecat),"
            " (SELECT count(*) FROM vectorshelf.vectors)"
        )
        rows, texts, vectors = cur.fetchone()
    assert (rows, texts, first.figures["embedded"]) == (PRODUCTS, vectors, vectors)

    second = run(dag)
    assert (second.state, second.figures["embedded"], second.figures["unchanged"]) == ("success", 0, PRODUCTS)
