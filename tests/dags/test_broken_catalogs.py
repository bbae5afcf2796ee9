"""A catalog file that cannot be used: the others' DAGs go on, and Airflow shows what is wrong with it."""

import pytest

from tests.dags.shop import Shop


@pytest.fixture
def folder(tmp_path):
    shop = Shop(tmp_path)
    shop.catalog("apples")
    shop.catalog("pears")
    (tmp_path / "torn.yaml").write_text("name: torn\nsource: {path: [unclosed\n")
    shop.catalog("misspelt", indx={"type": "hnsw"})
    shop.catalog("never", schedule="61 2 * * *")
    shop.catalog("twin", table="apples_products")
    return tmp_path


def made(bag):
    """The DAGs that stand for catalogs."""
    return {dag_id for dag_id in bag.dag_ids if dag_id.startswith("embed_")}


def test_the_other_catalogs_keep_their_dags(folder, load_dags):
    assert set(load_dags(folder).dag_ids) == {"embed_apples", "embed_pears", "maintain_indexes"}


def test_what_is_wrong_is_an_import_error_of_its_own_with_every_file_in_it(folder, load_dags):
    errors = load_dags(folder).import_errors
    assert set(errors) == {"broken_catalogs.py"}
    for part in ("4 catalog files", "torn.yaml", "misspelt.yaml", "indx", "never.yaml", "schedule", "twin.yaml"):
        assert part in errors["broken_catalogs.py"]


def test_in_the_metadata_database_no_good_dag_is_marked(folder, load_dags):
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import sync_bag_to_db
    from airflow.models.dag import DagModel
    from airflow.models.errors import ParseImportError
    from airflow.settings import Session

    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(load_dags(folder), "dags-folder", None)
    with Session() as session:
        good = session.query(DagModel).filter(DagModel.dag_id.in_(["embed_apples", "embed_pears"])).all()
        shown = session.query(ParseImportError.filename).all()
    assert [(dag.has_import_errors, dag.is_stale) for dag in good] == [(False, False)] * 2
    assert shown == [("broken_catalogs.py",)]


def test_a_folder_without_broken_files_shows_nothing(tmp_path, load_dags):
    Shop(tmp_path).catalog("apples")
    bag = load_dags(tmp_path)
    assert (set(bag.dag_ids), bag.import_errors) == ({"embed_apples", "maintain_indexes"}, {})


def test_a_folder_that_is_not_there_is_said_and_not_taken_for_empty(tmp_path, load_dags):
    bag = load_dags(tmp_path / "nowhere")
    assert bag.dag_ids == ["maintain_indexes"]
    assert "nowhere" in bag.import_errors["broken_catalogs.py"]


@pytest.mark.parametrize("schedule", [None, "@daily", "*/15 8-18 * * 1-5"])
def test_every_schedule_a_catalog_may_have_makes_a_dag(tmp_path, load_dags, schedule):
    Shop(tmp_path).catalog("apples", schedule=schedule, timezone="Europe/Berlin")
    bag = load_dags(tmp_path)
    assert (set(bag.dag_ids), bag.import_errors) == ({"embed_apples", "maintain_indexes"}, {})


def test_a_sql_catalog_has_no_source_to_replace_in_its_form(tmp_path, load_dags):
    Shop(tmp_path).catalog("apples", source={"connection": "shop_db", "query": "SELECT 1"})
    assert "source" not in load_dags(tmp_path).dags["embed_apples"].params
