"""A live catalog gets another model: a second table is filled beside the first and takes its place, or none does."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.paid import asked, paid_shop, products
from tests.integration.shop import FRUIT, Shop, at
from vectorshelf import pipeline, report
from vectorshelf.errors import BrakeError, ConfigurationError, VectorshelfError
from vectorshelf.pipeline import indexing, tasks
from vectorshelf.pipeline.context import opened, serving_table
from vectorshelf.pipeline.progress import SILENT
from vectorshelf.store import db, preflight, standings, succession
from vectorshelf.store.spaces import Space

LOCAL = "wordllama-l2-supercat"
SMALL, LARGE = "text-embedding-3-small", "text-embedding-3-large"
FENCES = "SELECT catalog, table_name, loaded_as_of, model, changed_rows FROM vectorshelf.catalogs ORDER BY catalog"


class Change:
    """One catalog file before and after its `embedding` section is changed, on one database."""

    def __init__(self, tmp_path, database_url, **catalog):
        self.old = Shop(tmp_path, database_url, embedding={"provider": "local", "dimensions": 64}, **catalog)
        self.new = Shop(tmp_path, database_url, embedding={"provider": "local", "dimensions": 128}, **catalog)

    def widths(self, table: str = "products") -> set[int]:
        return {width for (width,) in self.old.query(f"SELECT DISTINCT vector_dims(embedding) FROM {table}")}

    def tables(self) -> list[str]:
        found = self.old.query("SELECT tablename FROM pg_tables WHERE tablename LIKE 'products%' ORDER BY 1")
        return [name for (name,) in found]

    def index_names(self, table: str) -> set[str]:
        return {name for (name,) in self.old.query(f"SELECT indexname FROM pg_indexes WHERE tablename = '{table}'")}

    def functions(self) -> list[str]:
        found = self.old.query("SELECT proname FROM pg_proc WHERE proname LIKE 'search_products%' ORDER BY 1")
        return [name for (name,) in found]


@pytest.fixture
def change(tmp_path, database_url) -> Change:
    return Change(tmp_path, database_url)


def found(shop: Shop, text: str = "pear") -> list[str]:
    return [hit["name"] for hit in pipeline.search(shop.catalog, text, shop.settings, k=2)["results"]]


def test_other_dimensions_are_filled_beside_the_table_and_take_its_place(change):
    change.old.run(1, FRUIT)
    figures = change.new.run(2, [*FRUIT[1:], ("5", "plum", "fruit", "3.00")])
    assert (figures["new"], figures["changed"], figures["deleted"], figures["embedded"]) == (1, 3, 1, 4)
    assert figures["model_change"] == {
        "from": {"model": LOCAL, "dimensions": 64},
        "to": {"model": LOCAL, "dimensions": 128},
        "table": "public.products",
        "fills": "public.products__next",
        "keeps": "public.products__previous",
        "made": True,
        "reason": "",
    }
    assert "vectorshelf rollback shop" in report.plain(figures)
    assert change.tables() == ["products", "products__previous"]
    assert (change.widths(), change.widths("products__previous")) == ({128}, {64})
    assert change.new.names() == ["pear", "laptop", "desk lamp", "plum"]
    assert found(change.new)[0] == "pear"


def test_index_function_fence_and_log_go_with_the_name(change):
    change.old.run(1, FRUIT)
    names = change.index_names("products")
    change.new.run(2, FRUIT)
    assert change.index_names("products") == names == {
        "products_pkey", "products_vector_idx", "products_category_idx"
    }  # fmt: skip
    assert change.functions() == ["search_products", "search_products__previous"]
    old, new = "[" + ",".join(["1"] * 64) + "]", "[" + ",".join(["1"] * 128) + "]"
    assert change.old.query(f"SELECT count(*) FROM search_products('{new}')") == [(4,)]
    assert change.old.query(f"SELECT count(*) FROM search_products__previous('{old}')") == [(4,)]
    assert change.old.query(FENCES) == [
        ("shop", "public.products", at(2), LOCAL, 4),
        ("shop:previous", "public.products__previous", at(1), LOCAL, 4),
    ]
    assert change.old.query("SELECT DISTINCT catalog FROM vectorshelf.index_log") == [("shop",)]
    figures = change.new.run(3, FRUIT)
    assert (figures["model_change"], figures["index"]["action"], figures["vacuum"]) == (None, "kept", "skipped")


def test_the_way_back_is_one_call_and_pays_for_nothing(change):
    change.old.run(1, FRUIT)
    change.new.run(2, FRUIT[:3])
    answer = pipeline.rollback(change.old.catalog, change.old.settings)
    assert (answer["serving"]["dimensions"], answer["serving"]["as_of"]) == (64, at(1).isoformat())
    assert (answer["previous"]["dimensions"], answer["file_agrees"]) == (128, True)
    assert (change.widths(), change.widths("products__previous")) == ({64}, {128})
    assert change.index_names("products") == {"products_pkey", "products_vector_idx", "products_category_idx"}
    assert change.functions() == ["search_products", "search_products__previous"]
    assert found(change.old)[0] == "pear"
    figures = change.old.run(3, FRUIT)
    assert (figures["embedded"], figures["unchanged"], figures["model_change"]) == (0, 4, None)


def test_the_way_back_and_forth_ends_where_it_began(change):
    change.old.run(1, FRUIT)
    change.new.run(2, FRUIT)
    before = change.old.query(FENCES)
    pipeline.rollback(change.old.catalog, change.old.settings)
    answer = pipeline.rollback(change.old.catalog, change.old.settings)
    assert change.old.query(FENCES) == before
    assert change.widths() == {128}
    assert answer["file_agrees"] is False
    assert "changes the model once more" in report.rolled_back(answer)


def test_after_a_way_back_the_recall_that_is_shown_is_that_of_the_table_that_serves(change):
    change.old.run(1, FRUIT)
    change.new.run(2, FRUIT)
    pipeline.rollback(change.old.catalog, change.old.settings)
    [(reason, same)] = change.old.query(
        "SELECT reason, index_oid = 'products_vector_idx'::regclass FROM vectorshelf.index_log"
        " ORDER BY build_id DESC LIMIT 1"
    )
    assert (reason, same) == ("rolled back to the table that has it", True)


def test_without_a_change_there_is_no_way_back(change):
    change.old.run(1, FRUIT)
    with pytest.raises(ConfigurationError, match=r"there is no public\.products__previous to go back to"):
        pipeline.rollback(change.old.catalog, change.old.settings)


def test_forgetting_drops_what_stands_by_and_the_table_serves_on(change):
    change.old.run(1, FRUIT)
    change.new.run(2, FRUIT)
    assert pipeline.forget(change.new.catalog, change.new.settings)["dropped"] == ["public.products__previous"]
    assert (change.tables(), change.functions()) == (["products"], ["search_products"])
    assert change.new.run(3, FRUIT)["unchanged"] == 4
    assert pipeline.forget(change.new.catalog, change.new.settings)["dropped"] == []


def test_a_third_model_keeps_the_second_and_drops_the_first(change, tmp_path, database_url):
    change.old.run(1, FRUIT)
    change.new.run(2, FRUIT)
    Shop(tmp_path, database_url, embedding={"provider": "local", "dimensions": 256}).run(3, FRUIT)
    assert (change.widths(), change.widths("products__previous")) == ({256}, {128})


def test_a_dry_run_says_what_the_change_is_and_what_it_takes_and_makes_nothing(change):
    change.old.run(1, FRUIT)
    figures = change.new.run(2, FRUIT, dry_run=True)
    assert (figures["status"], figures["changed"], figures["model_change"]["made"]) == ("planned", 4, False)
    assert figures["estimate"]["table_bytes"] > 0
    shown = report.plain(figures)
    assert re.search(r"to change from wordllama-l2-supercat \(64\) to wordllama-l2-supercat \(128\)", shown)
    assert re.search(r"products__next, .* with its index, .* the old table stays as public.products__previous", shown)
    assert change.tables() == ["products"]


def test_searching_goes_on_with_the_old_model_until_the_tables_have_changed_places(change):
    change.old.run(1, FRUIT)
    run_id = started(change.new, 2)
    assert change.tables() == ["products", "products__next"]
    assert found(change.new)[0] == "pear"  # the file names the new model already
    tasks.index(run_id, change.new.settings)
    assert (found(change.new)[0], found(change.old)[0]) == ("pear", "pear")  # a machine with the old file
    assert change.widths() == {128}


def started(shop: Shop, day: int, rows=FRUIT, **options) -> str:
    """A run as far as its load."""
    shop.write(day, rows)
    run_id = tasks.prepare(shop.request(day, **options), shop.settings)
    tasks.extract(run_id, shop.settings)
    for shard in tasks.plan(run_id, shop.settings)["shards"]:
        tasks.embed(run_id, shard["shard"], shop.settings)
    tasks.load(run_id, shop.settings)
    return run_id


def test_a_half_cut_snapshot_is_stopped_by_what_readers_have(tmp_path, database_url):
    change = Change(tmp_path, database_url, max_delete_fraction=0.2)
    change.old.run(1, FRUIT)
    with pytest.raises(BrakeError, match=r"would delete 2 of the 4 products in public\.products "):
        change.new.run(2, FRUIT[:2])
    assert change.widths() == {64}
    assert change.new.run(2, FRUIT[:2], allow_delete=True)["deleted"] == 2
    assert change.widths() == {128}


def test_an_older_date_in_another_model_fills_the_store_and_changes_nothing_else(change):
    change.old.run(5, FRUIT)
    figures = change.new.run(3, FRUIT[:2])
    assert (figures["superseded"], figures["embedded"], figures["model_change"]) == (True, 2, None)
    assert figures["index"]["action"] == "none"
    assert change.tables() == ["products"]
    assert found(change.old)[0] == "pear"
    assert change.new.run(6, FRUIT)["reused"] == 2


def test_an_older_date_leaves_a_table_alone_that_a_newer_one_fills(change):
    change.old.run(5, FRUIT)
    started(change.new, 6)
    figures = change.new.run(3, FRUIT[:2])
    assert (figures["superseded"], figures["index"]["action"], figures["model_change"]) == (True, "none", None)
    assert change.old.query("SELECT count(*) FROM products__next") == [(4,)]
    assert change.widths() == {64}


def test_a_night_in_the_old_model_between_filling_and_swapping_wins_if_it_is_newer(change):
    change.old.run(1, FRUIT)
    run_id = started(change.new, 2)
    change.old.run(3, FRUIT[:3])
    tasks.index(run_id, change.new.settings)
    figures = tasks.report(run_id, change.new.settings)
    assert figures["model_change"]["made"] is False
    assert "a run of a later date changes the model" in report.plain(figures)
    assert (change.widths(), len(change.old.names())) == ({64}, 3)
    assert change.new.run(4, FRUIT)["model_change"]["made"]
    assert change.widths() == {128}


def test_runs_of_both_models_never_mix_whatever_is_in_place_when_they_load(change):
    change.old.run(1, FRUIT)
    change.old.write(3, FRUIT)
    old_run = tasks.prepare(change.old.request(3), change.old.settings)
    tasks.extract(old_run, change.old.settings)
    tasks.plan(old_run, change.old.settings)
    change.new.run(2, FRUIT)
    with pytest.raises(ConfigurationError, match=r"has changed its model to .*\(128 dimensions\) while this run"):
        tasks.load(old_run, change.old.settings)
    assert change.widths() == {128}
    tasks.index(old_run, change.old.settings)  # leaves the search function alone
    assert found(change.new)[0] == "pear"


def test_a_night_in_the_old_model_does_not_wait_for_the_one_that_fills_the_new_table(change, database_url):
    change.old.run(1, FRUIT)
    started(change.new, 2)
    patience = "EXECUTE format('ALTER DATABASE %I SET lock_timeout = 5000', current_database())"
    change.old.query(f"DO $$ BEGIN {patience}; END $$; SELECT 1")
    with db.connect(database_url) as loading:
        loading.cursor().execute("SELECT FROM vectorshelf.catalogs WHERE catalog = 'shop:next' FOR UPDATE")
        assert change.old.run(3, FRUIT[:3])["deleted"] == 1


def test_runs_of_both_models_at_once_end_in_one_whole_table(change):
    """Two machines with different files, a run each of every day. One may be stopped by the other, and says how."""
    change.old.run(1, FRUIT)
    stopped: list[str] = []

    def run(shop: Shop, day: int) -> None:
        try:
            shop.run(day)
        except VectorshelfError as error:
            stopped.append(str(error))

    for day in range(2, 6):
        change.old.write(day, FRUIT[: day - 1])
        pair = [threading.Thread(target=run, args=(shop, day)) for shop in (change.old, change.new)]
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join()
        [(names, widths, models)] = change.old.query(
            "SELECT count(*), count(DISTINCT vector_dims(embedding)), count(DISTINCT model) FROM products"
        )
        assert (names, widths, models) == (day - 1, 1, 1)
        assert found(change.new)
    assert all("has changed its model" in line or "run again" in line for line in stopped), stopped


def test_two_runs_of_the_change_end_in_the_later_one(change):
    change.old.run(1, FRUIT)
    first, second = started(change.new, 2), started(change.new, 3, FRUIT[:3])
    tasks.index(first, change.new.settings)
    assert change.widths() == {128}
    tasks.index(second, change.new.settings)
    tasks.vacuum(second, change.new.settings)
    assert tasks.report(second, change.new.settings)["model_change"]["made"]
    assert change.old.query(FENCES)[0][2] == at(3)
    assert len(change.new.names()) == 3
    assert change.tables() == ["products", "products__previous"]


def test_a_run_that_loads_after_another_one_put_the_new_table_in_place_loads_into_it(change):
    change.old.run(1, FRUIT)
    change.new.write(3, FRUIT[:3])
    late = tasks.prepare(change.new.request(3), change.new.settings)
    tasks.extract(late, change.new.settings)
    change.new.run(2, FRUIT)
    tasks.plan(late, change.new.settings)
    tasks.load(late, change.new.settings)
    assert (len(change.new.names()), change.widths()) == (3, {128})


def test_a_change_of_mind_before_the_swap_leaves_a_table_that_the_next_change_replaces(change, tmp_path, database_url):
    change.old.run(1, FRUIT)
    started(change.new, 2)
    assert change.old.run(3, FRUIT)["unchanged"] == 4
    Shop(tmp_path, database_url, embedding={"provider": "local", "dimensions": 256}).run(4, FRUIT)
    assert (change.widths(), change.tables()) == ({256}, ["products", "products__previous"])


def test_what_a_dead_run_filled_is_found_again(change):
    change.old.run(1, FRUIT)
    started(change.new, 2)
    ctids = change.old.query("SELECT id, ctid::text FROM products__next ORDER BY id")
    figures = change.new.run(3, FRUIT)
    assert (figures["embedded"], figures["requests"], figures["model_change"]["made"]) == (0, 0, True)
    assert change.old.query("SELECT id, ctid::text FROM products ORDER BY id") == ctids


def test_a_limited_run_may_not_change_the_model(change):
    change.old.run(1, FRUIT)
    with pytest.raises(ConfigurationError, match="run it without --limit"):
        change.new.run(2, FRUIT, limit=2)
    assert change.tables() == ["products"]


def test_a_delta_catalog_is_told_how(tmp_path, database_url):
    change = Change(tmp_path, database_url, mode="delta")
    change.old.run(1, FRUIT)
    with pytest.raises(ConfigurationError, match=r"a delta holds changes only\. Load the whole catalog once"):
        change.new.run(2, FRUIT[:1])
    whole = Shop(tmp_path, database_url, embedding={"provider": "local", "dimensions": 128})
    assert whole.run(2, FRUIT)["model_change"]["made"]
    assert change.new.run(3, FRUIT[:1])["model_change"] is None


def test_upkeep_leaves_a_table_alone_whose_model_is_about_to_change(change):
    change.old.run(1, FRUIT)
    outcome = pipeline.maintain(change.new.catalog, change.new.settings)
    assert (outcome["action"], outcome["reason"][:11]) == ("none", "left to the")
    assert found(change.old)[0] == "pear"


def test_a_table_that_is_in_use_is_waited_for_without_holding_readers_up(change, database_url):
    change.old.run(1, FRUIT)
    run_id = started(change.new, 2)
    with opened(run_id, "index", change.new.settings) as run:
        indexing.after_load(run, change.new.settings, SILENT)
    waits: list[float] = []
    lines: list[str] = []
    with db.connect(database_url, "the reader") as reader, db.connect(database_url) as conn:
        reader.cursor().execute("SELECT count(*) FROM products")  # and its transaction stays open

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            change.old.query("SELECT count(*) FROM products")  # between two attempts nobody stands in the way
            if len(waits) == 2:
                reader.rollback()

        table = serving_table(change.old.catalog)
        exchange = succession.take_place(conn, "shop", table, Space(LOCAL, 128), lines.append, sleep)
    assert exchange.done
    assert len(waits) == 2
    assert "in use by the reader (pid" in lines[0]


def test_the_same_dimensions_in_another_model(tmp_path, database_url, standin):
    old = paid_shop(tmp_path, database_url, standin, embedding={"model": SMALL})
    new = paid_shop(tmp_path, database_url, standin, embedding={"model": LARGE})
    rows = products(60)
    old.run(1, rows)
    figures = new.run(2, rows)
    assert (figures["embedded"], figures["model_change"]["made"]) == (60, True)
    assert new.query("SELECT model, count(*) FROM products GROUP BY 1") == [(LARGE, 60)]
    assert new.query("SELECT model, count(*) FROM products__previous GROUP BY 1") == [(SMALL, 60)]
    before = asked(standin)
    back = old.run(3, rows)  # the file names the old model again: the store has all of it
    assert (back["embedded"], back["cost_usd"], back["reused"], back["model_change"]["made"]) == (0, 0.0, 60, True)
    assert asked(standin) == before


def test_a_second_table_that_has_no_room_on_the_disk_stops_the_run_before_anything_is_paid(change, monkeypatch):
    change.old.run(1, FRUIT)
    vectors = change.old.query("SELECT count(*) FROM vectorshelf.vectors")
    monkeypatch.setattr(preflight, "free_disk", lambda _: preflight.MIN_FREE_BYTES)
    assert change.new.run(2, FRUIT, dry_run=True)["status"] == "planned"
    monkeypatch.setattr(standings, "bytes_of", lambda *_: -preflight.MIN_FREE_BYTES)
    with pytest.raises(BrakeError, match="the database has 537 MB free; nothing was paid"):
        change.new.run(2, FRUIT)
    assert change.old.query("SELECT count(*) FROM vectorshelf.vectors") == vectors


def test_a_delta_is_told_how_even_if_readers_have_a_newer_snapshot(tmp_path, database_url):
    Shop(tmp_path, database_url, embedding={"provider": "local", "dimensions": 64}).run(5, FRUIT)
    delta = Shop(tmp_path, database_url, mode="delta", embedding={"provider": "local", "dimensions": 128})
    with pytest.raises(ConfigurationError, match="a delta holds changes only"):
        delta.run(3, FRUIT[:1])


def test_hybrid_search_asks_the_tables_own_model_too(change):
    change.old.run(1, FRUIT)
    answer = pipeline.search(change.new.catalog, "pear", change.new.settings, mode="hybrid")
    assert answer["results"][0]["name"] == "pear"


class TestHistory:
    """Time travel across a change of model: a date keeps whose vectors it was loaded with."""

    DATES = (
        "SELECT extract(day FROM d.as_of)::integer, s.dimensions FROM vectorshelf.history_dates d"
        " JOIN vectorshelf.spaces s USING (space) ORDER BY d.as_of"
    )

    @pytest.fixture
    def change(self, tmp_path, database_url) -> Change:
        return Change(tmp_path, database_url, history=True)

    def names(self, shop: Shop, day: int) -> set[str]:
        return {hit["name"] for hit in pipeline.search_as_of(shop.catalog, "pear", at(day), shop.settings)["results"]}

    def test_each_date_answers_in_its_own_model(self, change):
        change.old.run(1, FRUIT)
        assert change.new.run(2, FRUIT)["history"] == 0  # the products are the same: no row says so twice
        assert change.old.query(self.DATES) == [(1, 64), (2, 128)]
        everything = {name for _, name, _, _ in FRUIT}
        assert self.names(change.old, 1) == self.names(change.new, 2) == everything
        assert self.names(change.new, 1) == self.names(change.old, 2) == everything  # whatever the file says today

    def test_an_older_date_in_the_new_model_is_remembered_and_no_table_is_made(self, change):
        change.old.run(5, FRUIT)
        figures = change.new.run(3, FRUIT[:2])
        assert (figures["superseded"], figures["history"]) == (True, 2)
        assert change.tables() == ["products"]
        assert change.widths() == {64}
        assert change.old.query(self.DATES) == [(3, 128), (5, 64)]
        assert self.names(change.new, 3) == {name for _, name, _, _ in FRUIT[:2]}


class TestDeltas:
    """A catalog of deltas changes its model by way of one whole snapshot. What the snapshot cannot know is not lost."""

    @pytest.fixture
    def shops(self, tmp_path, database_url):
        def shop(mode: str, dimensions: int) -> Shop:
            return Shop(tmp_path, database_url, mode=mode, embedding={"provider": "local", "dimensions": dimensions})

        shop("snapshot", 64).run(1, FRUIT)
        shop("delta", 64).run(5, [("5", "plum", "fruit", "3.00")])
        return shop

    def test_a_snapshot_older_than_a_delta_of_the_table_is_refused_before_anything_is_paid(self, shops):
        with pytest.raises(ConfigurationError, match="holds a delta of 2026-11-05"):
            shops("snapshot", 128).run(3, FRUIT)
        assert len(shops("delta", 64).names()) == 5

    def test_a_delta_that_comes_while_the_new_table_is_filled_keeps_the_old_one_in_place(self, shops):
        new = shops("snapshot", 128)
        new.write(6, FRUIT)
        run_id = tasks.prepare(new.request(6, key="fills"), new.settings)
        tasks.extract(run_id, new.settings)
        for shard in tasks.plan(run_id, new.settings)["shards"]:
            tasks.embed(run_id, shard["shard"], new.settings)
        tasks.load(run_id, new.settings)
        shops("delta", 64).run(7, [("6", "fig", "fruit", "4.00")])
        tasks.index(run_id, new.settings)
        figures = tasks.report(run_id, new.settings)
        assert figures["model_change"]["made"] is False
        assert "holds a delta of 2026-11-07" in figures["model_change"]["reason"]
        assert len(new.names()) == 6

    def test_the_brake_on_deletions_counts_rows_that_only_deltas_brought(self, shops, tmp_path, database_url):
        careful = Shop(
            tmp_path, database_url, embedding={"provider": "local", "dimensions": 128}, max_delete_fraction=0.1
        )
        with pytest.raises(BrakeError, match="would delete 1 of the 5"):
            careful.run(6, FRUIT)

    def test_a_way_back_says_which_deltas_are_lost(self, shops):
        shops("snapshot", 128).run(6, FRUIT)
        delta = shops("delta", 128)
        delta.run(7, [("6", "fig", "fruit", "4.00")])
        answer = pipeline.rollback(delta.catalog, delta.settings)
        assert answer["deltas_lost_since"] == at(5).isoformat()
        assert "the deltas after 2026-11-05 02:00 UTC are not in it" in report.rolled_back(answer)


def test_what_the_old_model_refused_is_known_as_long_as_it_serves(tmp_path, database_url, standin):
    rows = [*products(9), ("9", "forbidden thing", "shelf", "1.00")]
    standin.tell(rejected="forbidden")
    old = paid_shop(tmp_path, database_url, standin)
    old.run(1, rows)
    new = paid_shop(tmp_path, database_url, standin, embedding={"model": LARGE})
    new.write(3, rows)
    old.write(2, rows)
    night = tasks.prepare(old.request(2, key="night"), old.settings)
    tasks.extract(night, old.settings)
    tasks.plan(night, old.settings)
    change = tasks.prepare(new.request(3, key="change"), new.settings)
    tasks.extract(change, new.settings)
    for shard in tasks.plan(change, new.settings)["shards"]:
        tasks.embed(change, shard["shard"], new.settings)
    tasks.load(change, new.settings)
    assert tasks.load(night, old.settings)["unchanged"] == 9  # the old model's refusal still counts


def test_first_runs_in_the_new_model_that_start_together_make_one_second_table_and_keep_what_is_in_it(change):
    change.old.run(1, FRUIT)
    for day in range(2, 6):
        with ThreadPoolExecutor(6) as pool:
            requests = [change.new.request(day + number) for number in range(6)]
            runs = [pool.submit(tasks.prepare, request, change.new.settings) for request in requests]
            assert len({run.result() for run in runs}) == 6
        [(made,)] = change.old.query("SELECT 'products__next'::regclass::oid")
        tasks.prepare(change.new.request(day), change.new.settings)
        assert change.old.query("SELECT 'products__next'::regclass::oid") == [(made,)]
        pipeline.forget(change.new.catalog, change.new.settings)
