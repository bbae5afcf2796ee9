"""The whole chain on a real Postgres with the local model: what a run leaves behind, and what it leaves alone."""

import gzip
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from tests.integration.shop import FRUIT, Heard, Shop, at
from vectorshelf import pipeline, report
from vectorshelf.errors import BrakeError, ConfigurationError, SkippedError, SourceError, SourceMissingError
from vectorshelf.pipeline import tasks
from vectorshelf.store import fence


@pytest.fixture
def shop(tmp_path, database_url) -> Shop:
    return Shop(tmp_path, database_url)


def test_a_first_run_fills_indexes_and_vacuums_the_table(shop):
    figures = shop.run(1, FRUIT)
    assert (figures["status"], figures["extracted"], figures["new"], figures["embedded"]) == ("success", 4, 4, 4)
    assert figures["index"]["action"] == "built"
    assert shop.names() == ["apple", "pear", "laptop", "desk lamp"]
    assert shop.query("SELECT count(*) FROM vectorshelf.vectors") == [(4,)]
    assert shop.query("SELECT relpages > 0, relallvisible = relpages FROM pg_class WHERE relname = 'products'") == [
        (True, True)
    ]


def test_the_nearest_product_is_found(shop):
    shop.run(1, FRUIT)
    found = pipeline.search(shop.catalog, "portable computer", shop.settings, k=2)
    assert found["results"][0]["name"] == "laptop"
    assert found["results"][0]["score"] > found["results"][1]["score"]
    assert [
        hit["name"] for hit in pipeline.search(shop.catalog, "computer", shop.settings, category="home")["results"]
    ] == ["desk lamp"]


def test_a_second_run_of_the_same_file_embeds_and_writes_nothing(shop):
    shop.run(1, FRUIT)
    figures = shop.run(1)
    assert (figures["embedded"], figures["tokens"], figures["requests"], figures["unchanged"]) == (0, 0, 0, 4)
    assert (figures["index"]["action"], figures["vacuum"]) == ("kept", "skipped")
    assert figures["index"]["probes"] is not None


def test_the_next_snapshot_embeds_only_new_texts(shop):
    shop.run(1, FRUIT)
    apple, pear, laptop, _ = FRUIT
    figures = shop.run(
        2, [apple, (*pear[:3], "2.50"), ("3", "gaming laptop", *laptop[2:]), ("5", "sofa", "home", "400")]
    )
    counts = {key: figures[key] for key in ("new", "changed", "attributes_changed", "unchanged", "deleted", "embedded")}
    assert counts == {"new": 1, "changed": 1, "attributes_changed": 1, "unchanged": 1, "deleted": 1, "embedded": 2}


def test_a_text_that_comes_back_is_not_paid_for_again(shop):
    shop.run(1, FRUIT)
    shop.run(2, FRUIT[:2])
    figures = shop.run(3, FRUIT)
    assert (figures["new"], figures["embedded"], figures["reused"]) == (2, 0, 2)


def test_products_that_share_a_text_share_its_vector(shop):
    figures = shop.run(1, [(str(n), "cable", "cables", str(n)) for n in range(5)])
    assert (figures["new"], figures["embedded"]) == (5, 1)


def test_an_older_snapshot_only_adds_to_the_vector_store(shop):
    shop.run(5, FRUIT)
    figures = shop.run(3, [("9", "umbrella", "rain", "5")])
    assert (figures["status"], figures["superseded"], figures["embedded"], figures["deleted"]) == (
        "success",
        True,
        1,
        0,
    )
    assert shop.names() == [name for _, name, _, _ in FRUIT]


def test_a_dry_run_plans_and_changes_nothing(shop):
    shop.write(1, FRUIT)
    figures = shop.run(1, dry_run=True)
    assert (figures["status"], figures["new"], figures["embedded"]) == ("planned", 4, 0)
    assert figures["tokens"] > 0
    assert shop.query("SELECT to_regclass('products'), count(*) FROM vectorshelf.catalogs") == [(None, 0)]
    assert shop.query("SELECT count(*) FROM vectorshelf.vectors") == [(0,)]


def test_a_dry_run_for_another_table_leaves_the_fence_alone(shop, tmp_path, database_url):
    shop.run(5, FRUIT)
    Shop(tmp_path, database_url, table="elsewhere").run(5, dry_run=True)
    assert shop.run(3, FRUIT[:1])["superseded"]


def test_a_dry_run_that_would_delete_too_much_says_so_and_stays_a_plan(tmp_path, database_url):
    shop = Shop(tmp_path, database_url, max_delete_fraction=0.2)
    shop.run(1, FRUIT)
    figures = shop.run(2, FRUIT[:1], dry_run=True)
    assert (figures["status"], figures["deleted"]) == ("planned", 3)


def test_searching_with_another_model_than_the_tables_is_refused(shop, tmp_path, database_url):
    shop.run(1, FRUIT)
    shop.query("UPDATE products SET model = 'another' RETURNING 1")
    with pytest.raises(ConfigurationError, match="was loaded with another"):
        pipeline.search(shop.catalog, "fruit", shop.settings)


def test_a_failure_in_prepare_is_in_the_ledger(shop, tmp_path, database_url):
    shop.run(1, FRUIT)
    broken = Shop(tmp_path, database_url, embedding={"base_url": "http://127.0.0.1:9/v1", "dimensions": 256})
    with pytest.raises(ConfigurationError):
        broken.run(2, FRUIT, limit=2)
    assert shop.query("SELECT status, error LIKE '%holds vectors of%' FROM vectorshelf.runs WHERE run_no = 2") == [
        ("failed", True)
    ]


def test_a_source_with_a_password_is_refused_before_it_is_kept_anywhere(shop):
    with pytest.raises(ConfigurationError, match="holds a password") as raised:
        shop.run(1, source="https://shop:hunter2@localhost/products.csv")
    assert "hunter2" not in str(raised.value)


def test_what_a_killed_run_left_is_dropped_after_a_week(shop):
    shop.write(1, FRUIT)
    run_id = tasks.prepare(shop.request(1), shop.settings)
    tasks.extract(run_id, shop.settings)
    shop.run(2, FRUIT)
    assert len(shop.staging_tables()) == 1
    shop.query("UPDATE vectorshelf.runs SET started_at = now() - interval '8 days' WHERE run_no = 1 RETURNING 1")
    shop.run(3, FRUIT)
    assert shop.staging_tables() == []


def test_a_limited_run_reads_that_many_and_deletes_nothing(shop):
    shop.run(1, FRUIT)
    figures = shop.run(2, FRUIT, limit=2)
    assert (figures["extracted"], figures["deleted"]) == (2, 0)
    assert len(shop.names()) == 4


def test_a_source_given_for_the_run_replaces_the_catalogs(shop, tmp_path):
    path = shop.write(9, FRUIT[:1])
    assert shop.run(1, source=str(path))["extracted"] == 1


class TestStops:
    def test_a_missing_file_fails_the_run_in_one_sentence(self, shop):
        shop.run(1, FRUIT)
        with pytest.raises(SourceMissingError, match=r"2026-11-02\.csv"):
            shop.run(2)
        assert shop.query(
            "SELECT status, error LIKE '%2026-11-02.csv%' FROM vectorshelf.runs ORDER BY run_no DESC LIMIT 1"
        ) == [("failed", True)]
        assert shop.names() == [name for _, name, _, _ in FRUIT]
        assert shop.staging_tables() == []

    def test_a_gzip_cut_short_changes_nothing(self, shop, tmp_path):
        shop.run(1, FRUIT)
        whole = gzip.compress(
            b"sku,title,department,price\n1,,no name,1\n" + b"".join(b"%d,thing %d,x,1\n" % (n, n) for n in range(9000))
        )
        cut = tmp_path / "cut.csv.gz"
        cut.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(SourceError, match="gzip"):
            shop.run(2, source=str(cut))
        assert pipeline.quarantine_list(shop.catalog, shop.settings) == []
        assert shop.names() == [name for _, name, _, _ in FRUIT]
        assert shop.staging_tables() == []

    def test_a_run_over_its_budget_stops_before_paying_and_resumes_with_more(self, tmp_path, database_url):
        priced = {"provider": "local", "usd_per_million_tokens": 1000.0}
        shop = Shop(tmp_path, database_url, embedding=priced, max_cost_usd=0.0001)
        with pytest.raises(BrakeError, match=r"the budget is \$0\.0001"):
            shop.run(1, FRUIT)
        assert shop.query("SELECT count(*) FROM vectorshelf.requests WHERE shard >= 0") == [(0,)]
        assert shop.query("SELECT (figures ->> 'new')::int FROM vectorshelf.runs") == [(4,)]
        roomy = Shop(tmp_path, database_url, embedding=priced, max_cost_usd=1.0)
        assert roomy.run(1)["cost_usd"] > 0

    def test_too_many_unusable_rows_stop_the_run(self, shop):
        shop.run(1, FRUIT)
        with pytest.raises(BrakeError, match="2 of 4 rows could not be used"):
            shop.run(2, [*FRUIT[:2], ("3", "", "x", "1"), ("", "nameless", "x", "1")])
        assert len(shop.names()) == 4
        assert shop.query(
            "SELECT figures ->> 'extracted', figures ->> 'quarantined' FROM vectorshelf.runs WHERE status = 'failed'"
        ) == [("2", "2")]
        listed = pipeline.quarantine_list(shop.catalog, shop.settings)
        assert len(listed) == 2

    def test_a_mass_delete_is_stopped_at_plan_before_anything_is_paid(self, tmp_path, database_url):
        shop = Shop(tmp_path, database_url, max_delete_fraction=0.2)
        shop.run(1, FRUIT)
        with pytest.raises(BrakeError, match="would delete 3 of the 4 products"):
            shop.run(2, [("1", "apple, changed", "fruit", "1")])
        assert shop.query("SELECT count(*) FROM vectorshelf.vectors") == [(4,)]
        assert shop.run(2, allow_delete=True)["deleted"] == 3

    def test_another_dimension_than_a_strangers_table_is_refused_before_work(self, shop, tmp_path, database_url):
        shop.query(
            "CREATE TABLE products (id text PRIMARY KEY, name text, category text, embedding vector(128)); SELECT 1"
        )
        with pytest.raises(ConfigurationError, match=r"holds vector\(128\), the catalog says 256"):
            shop.run(2, FRUIT)


class TestQuarantine:
    def test_bad_rows_are_put_aside_with_their_line_and_the_rest_loads(self, shop):
        rows = [(str(n), f"thing {n}", "x", "1") for n in range(20)]
        figures = shop.run(1, [*rows, ("7", "again", "x", "1"), ("99", " ", "x", "1")])
        assert (figures["extracted"], figures["quarantined"]) == (20, 2)
        reasons = {item["line"]: item["reason"] for item in pipeline.quarantine_list(shop.catalog, shop.settings)}
        assert set(reasons) == {22, 23}
        assert "duplicate id" in reasons[22]

    def test_requeue_empties_it(self, shop):
        rows = [(str(n), f"thing {n}", "x", "1") for n in range(20)]
        shop.run(1, [*rows, ("99", "", "x", "1")])
        assert pipeline.quarantine_requeue(shop.catalog, shop.settings) == 1
        assert pipeline.status([shop.catalog], shop.settings)["catalogs"][0]["quarantine"] == 0


class TestTasksRunTwice:
    def test_every_task_run_twice_ends_as_if_run_once(self, shop):
        shop.write(1, FRUIT)
        request = shop.request(1, key="nightly-1")
        settings = shop.settings
        assert tasks.prepare(request, settings) == tasks.prepare(request, settings)
        run_id = request.run_id
        tasks.extract(run_id, settings)
        tasks.extract(run_id, settings)
        assert tasks.plan(run_id, settings)["pending"] == tasks.plan(run_id, settings)["pending"] == 4
        tasks.embed(run_id, 0, settings)
        assert tasks.embed(run_id, 0, settings)["requests"] == 0
        first = tasks.load(run_id, settings)
        assert tasks.load(run_id, settings) == first
        assert tasks.index(run_id, settings)["action"] == "built"
        tasks.index(run_id, settings)
        tasks.vacuum(run_id, settings)
        tasks.vacuum(run_id, settings)
        assert tasks.report(run_id, settings) == tasks.report(run_id, settings)
        figures = tasks.report(run_id, settings)
        assert (figures["new"], figures["embedded"]) == (4, 4)
        tasks.drop_staging(run_id, settings)
        tasks.drop_staging(run_id, settings)

    def test_a_success_is_never_turned_into_a_failure(self, shop):
        figures = shop.run(1, FRUIT)
        tasks.fail(figures["run_id"], "late news", shop.settings)
        assert shop.query("SELECT status FROM vectorshelf.runs") == [("success",)]

    def test_an_unknown_run_says_what_to_run_first(self, shop):
        with pytest.raises(ConfigurationError):
            tasks.extract("nobody", shop.settings)


def test_status_tells_rows_last_run_recall_and_spending(shop):
    assert pipeline.status([shop.catalog], shop.settings)["catalogs"][0]["rows"] == 0
    shop.run(1, FRUIT)
    [entry] = pipeline.status([shop.catalog], shop.settings)["catalogs"]
    assert (entry["name"], entry["rows"], entry["last_run"]["status"]) == ("shop", 4, "success")
    assert entry["recall_target"] == 0.95
    assert entry["last_run"]["as_of"].startswith(at(1).date().isoformat())


class TestSkippedDates:
    def test_a_date_without_a_file_changes_nothing_and_says_so(self, tmp_path, database_url):
        shop = Shop(tmp_path, database_url, source={"path": str(tmp_path / "{as_of:%Y-%m-%d}.csv"), "missing": "skip"})
        shop.run(1, FRUIT)
        figures = shop.run(2)
        assert (figures["status"], figures["extracted"], figures["deleted"]) == ("success", 0, 0)
        assert "2026-11-02.csv is not there" in figures["skipped"]
        assert "2026-11-02.csv" in report.plain(figures)
        assert "nothing was changed" in report.plain(figures)
        assert shop.names() == ["apple", "pear", "laptop", "desk lamp"]
        assert shop.staging_tables() == []
        [entry] = pipeline.status([shop.catalog], shop.settings)["catalogs"]
        assert entry["last_run"]["skipped"] == figures["skipped"]

    def test_once_the_file_is_there_the_same_date_loads(self, tmp_path, database_url):
        shop = Shop(tmp_path, database_url, source={"path": str(tmp_path / "{as_of:%Y-%m-%d}.csv"), "missing": "skip"})
        shop.run(2)
        assert shop.run(2, FRUIT)["new"] == 4

    def test_a_file_that_is_named_for_the_run_must_be_there(self, tmp_path, database_url):
        shop = Shop(tmp_path, database_url, source={"path": str(tmp_path / "{as_of:%Y-%m-%d}.csv"), "missing": "skip"})
        with pytest.raises(SourceMissingError):
            shop.run(2, source=str(tmp_path / "other.csv"))

    def test_a_dry_run_of_it_is_skipped_too(self, tmp_path, database_url):
        shop = Shop(tmp_path, database_url, source={"path": str(tmp_path / "{as_of:%Y-%m-%d}.csv"), "missing": "skip"})
        assert shop.run(2, dry_run=True)["skipped"]

    def test_the_last_run_of_a_backfill_does_what_others_left_to_it_though_it_has_no_file(self, tmp_path, database_url):
        shop = Shop(tmp_path, database_url, source={"path": str(tmp_path / "{as_of:%Y-%m-%d}.csv"), "missing": "skip"})
        shop.run(1, [(str(n), f"product {n}", "numbers", "1.00") for n in range(40)])
        shop.write(2, [(str(n), f"product {n}", "numbers", "1.00") for n in range(41)])
        dated = tasks.prepare(shop.request(2), shop.settings)
        tasks.extract(dated, shop.settings)
        tasks.plan(dated, shop.settings)
        tasks.embed(dated, 0, shop.settings)
        tasks.load(dated, shop.settings)
        assert tasks.index(dated, shop.settings, to_come=1)["action"] == "kept"
        assert tasks.vacuum(dated, shop.settings, to_come=1)["action"] == "skipped"

        unread = tasks.prepare(shop.request(3), shop.settings)
        with pytest.raises(SkippedError):
            tasks.extract(unread, shop.settings)
        for step in (tasks.index, tasks.vacuum):  # a date before the last: left as it was
            with pytest.raises(SkippedError, match=r"2026-11-03\.csv is not there"):
                step(unread, shop.settings, to_come=1)
        assert shop.query("SELECT unvacuumed FROM vectorshelf.catalogs") == [(1,)]
        for step in (tasks.index, tasks.vacuum):
            with pytest.raises(SkippedError, match=r"2026-11-03\.csv is not there"):
                step(unread, shop.settings)
        assert shop.query("SELECT unvacuumed FROM vectorshelf.catalogs") == [(0,)]
        done = f"SELECT stage FROM vectorshelf.stages WHERE run_id = '{unread}' AND stage IN ('index', 'vacuum')"
        assert sorted(shop.query(done)) == [("index",), ("vacuum",)]


def test_status_has_the_date_of_the_table_and_not_of_the_run_before(tmp_path, database_url):
    shop = Shop(tmp_path, database_url)
    shop.run(3, FRUIT)
    shop.run(1, FRUIT)
    [entry] = pipeline.status([shop.catalog], shop.settings)["catalogs"]
    assert entry["table_as_of"] == at(3).isoformat()
    delta = Shop(tmp_path, database_url, mode="delta")
    delta.run(5, FRUIT[:1])
    [entry] = pipeline.status([delta.catalog], delta.settings)["catalogs"]
    assert entry["table_as_of"] == at(5).isoformat()


def test_of_a_backfill_that_is_to_rebuild_the_index_only_the_last_run_does(shop):
    shop.run(1, FRUIT)
    shop.write(2, FRUIT)
    run_id = tasks.prepare(shop.request(2, rebuild_index=True), shop.settings)
    tasks.extract(run_id, shop.settings)
    tasks.plan(run_id, shop.settings)
    tasks.load(run_id, shop.settings)
    assert tasks.index(run_id, shop.settings, to_come=1)["action"] == "kept"
    assert tasks.index(run_id, shop.settings)["action"] == "rebuilt"


def test_a_prepare_that_waits_for_a_load_says_for_whom(tmp_path, database_url):
    shop, heard = Shop(tmp_path, database_url), Heard()
    shop.run(1, FRUIT)
    with ThreadPoolExecutor(1) as pool:
        with psycopg2.connect(database_url.get_secret_value(), application_name="vectorshelf load last-night") as conn:
            fence.lock(conn.cursor(), "shop")
            prepared = pool.submit(tasks.prepare, shop.request(2), shop.settings, heard)
            assert heard.something.wait(60)
        assert prepared.result(60)
    [line] = heard.lines
    assert line.startswith("waiting for vectorshelf load last-night (server process ")


def test_first_runs_that_start_together_make_the_table_once(tmp_path, database_url):
    shop = Shop(tmp_path, database_url)
    for _ in range(5):
        shop.query("DROP TABLE IF EXISTS products; TRUNCATE vectorshelf.catalogs CASCADE; SELECT 1")
        with ThreadPoolExecutor(6) as pool:
            runs = [pool.submit(tasks.prepare, shop.request(day), shop.settings) for day in range(1, 7)]
            assert len({run.result() for run in runs}) == 6
        assert shop.query("SELECT count(*) FROM vectorshelf.catalogs") == [(1,)]
