"""The load's merge on a real Postgres: what is new, changed, unchanged, gone, and what the fence forbids."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg2
import pytest

from tests.integration.products import DAY_ONE, Item, Shelf, as_rows, day, sha256
from vectorshelf.errors import BrakeError, ConfigurationError, TransientError
from vectorshelf.store import db, fence, merge, staging

APPLE, PEAR, FIG = Item("apple"), Item("pear"), Item("fig")


def test_a_first_snapshot_inserts_every_product_with_its_vector(conn):
    shelf = Shelf(conn)
    merged = shelf.load(1, {"a": APPLE, "p": PEAR})
    assert merged.difference.new == 2
    assert shelf.rows() == as_rows({"a": APPLE, "p": PEAR})


def test_a_snapshot_counts_and_writes_each_kind_of_change(conn):
    shelf = Shelf(conn)
    shelf.load(1, {"a": APPLE, "p": PEAR, "f": FIG, "g": Item("gone")})
    after = {"a": Item("apple, red"), "p": replace(PEAR, price=2), "f": FIG, "n": Item("new")}
    diff = shelf.load(2, after).difference
    assert (diff.new, diff.changed, diff.attributes_changed, diff.unchanged, diff.deleted) == (1, 1, 1, 1, 1)
    assert shelf.rows() == as_rows(after)


def test_a_quiet_night_writes_no_row(conn):
    shelf = Shelf(conn)
    items = {"a": APPLE, "p": PEAR}
    shelf.load(1, items)
    before = physical_rows(conn)
    assert shelf.load(2, items).difference.writes == 0
    assert physical_rows(conn) == before
    assert shelf.loaded_as_of() == day(2)


def test_a_price_change_leaves_the_vector_untouched(conn):
    shelf = Shelf(conn)
    shelf.load(1, {"a": APPLE})
    with db.transaction(conn) as cur:
        cur.execute("DELETE FROM vectorshelf.vectors")  # pruned: an attribute change must not need it
    change = shelf.change(2)
    shelf.stage(change, {"a": replace(APPLE, price=9)})
    assert shelf.merge(change).difference.attributes_changed == 1
    assert shelf.rows() == as_rows({"a": replace(APPLE, price=9)})


def test_an_older_snapshot_changes_nothing(conn):
    shelf = Shelf(conn)
    shelf.load(5, {"a": APPLE})
    merged = shelf.load(3, {"a": Item("old apple"), "p": PEAR})
    assert merged.superseded
    assert shelf.rows() == as_rows({"a": APPLE})
    assert shelf.loaded_as_of() == day(5)


def test_the_same_date_again_replaces_what_it_loaded(conn):
    shelf = Shelf(conn)
    shelf.load(3, {"a": Item("typo")})
    shelf.load(3, {"a": APPLE})
    assert shelf.rows() == as_rows({"a": APPLE})


def test_a_load_that_runs_twice_changes_nothing_the_second_time(conn):
    shelf = Shelf(conn)
    change = shelf.change(1)
    shelf.stage(change, {"a": APPLE})
    shelf.embed({"a": APPLE})
    shelf.merge(change)
    assert shelf.merge(change).difference.writes == 0


def test_a_mass_delete_is_stopped_before_anything_changes(conn):
    shelf = Shelf(conn)
    items = {str(n): Item(f"product {n}") for n in range(10)}
    shelf.load(1, items)
    with pytest.raises(BrakeError, match="would delete 3 of the 10 products"):
        shelf.load(2, dict(list(items.items())[:7]), max_delete_fraction=0.2)
    assert shelf.rows() == as_rows(items)
    assert shelf.loaded_as_of() == DAY_ONE


def test_deletions_up_to_the_limit_pass(conn):
    shelf = Shelf(conn)
    items = {str(n): Item(f"product {n}") for n in range(10)}
    shelf.load(1, items)
    assert shelf.load(2, dict(list(items.items())[:8]), max_delete_fraction=0.2).difference.deleted == 2


def test_allowed_deletions_go_through(conn):
    shelf = Shelf(conn)
    shelf.load(1, {"a": APPLE, "p": PEAR})
    change = replace(shelf.change(2), max_delete_fraction=0.0)
    shelf.stage(change, {"a": APPLE})
    assert shelf.merge(change, allow_deletes=True).difference.deleted == 1


def test_a_missing_vector_stops_the_load_before_it_writes(conn):
    shelf = Shelf(conn)
    shelf.load(1, {"a": APPLE})
    change = shelf.change(2)
    shelf.stage(change, {"a": APPLE, "p": PEAR})
    with pytest.raises(TransientError, match="1 products have no vector yet"):
        shelf.merge(change)
    assert shelf.rows() == as_rows({"a": APPLE})


def test_a_product_whose_text_is_in_quarantine_is_left_out_and_counted(conn):
    shelf = Shelf(conn)
    change = shelf.change(1)
    shelf.stage(change, {"a": APPLE, "bad": Item("poison")})
    shelf.embed({"a": APPLE})
    with db.transaction(conn) as cur:
        cur.execute(
            "INSERT INTO vectorshelf.quarantine (catalog, kind, fingerprint, space, reason, run_id)"
            " VALUES ('shop', 'text', %s, %s, 'refused', 'x')",
            (sha256("poison"), change.space),
        )
    assert shelf.merge(change).refused == 1
    assert shelf.rows() == as_rows({"a": APPLE})


def test_a_limited_run_deletes_nothing_and_leaves_the_fence(conn):
    shelf = Shelf(conn)
    shelf.load(1, {"a": APPLE, "p": PEAR})
    shelf.load(2, {"a": Item("apple, red")}, whole=False)
    assert shelf.rows() == as_rows({"a": Item("apple, red"), "p": PEAR})
    assert shelf.loaded_as_of() == day(1)


def test_a_lost_staging_table_is_noticed(conn):
    shelf = Shelf(conn)
    change = shelf.change(1)
    shelf.stage(change, {"a": APPLE})
    with db.transaction(conn) as cur:
        cur.execute(f"TRUNCATE vectorshelf.{change.names.staging.strings[1]}")  # what recovery does to it
        with pytest.raises(TransientError, match="lost its 1 rows"):
            staging.check_intact(cur, change.names, 1)


class TestDelta:
    def test_only_what_a_row_says_changes(self, conn):
        shelf = Shelf(conn)
        shelf.load(1, {"a": APPLE, "p": PEAR}, snapshot=False)
        diff = shelf.load(2, {"a": Item("", deleted=True), "f": FIG}, snapshot=False).difference
        assert (diff.new, diff.deleted) == (1, 1)
        assert shelf.rows() == as_rows({"p": PEAR, "f": FIG})

    def test_an_older_file_does_not_replace_a_newer_row(self, conn):
        shelf = Shelf(conn)
        shelf.load(5, {"a": APPLE}, snapshot=False)
        shelf.load(3, {"a": Item("old"), "p": PEAR}, snapshot=False)
        assert shelf.rows() == as_rows({"a": APPLE, "p": PEAR})

    def test_an_older_file_does_not_bring_a_deleted_product_back(self, conn):
        shelf = Shelf(conn)
        shelf.load(5, {"a": Item("", deleted=True)}, snapshot=False)
        shelf.load(3, {"a": APPLE}, snapshot=False)
        assert shelf.rows() == {}

    def test_an_older_deletion_does_not_remove_a_newer_row(self, conn):
        shelf = Shelf(conn)
        shelf.load(5, {"a": APPLE}, snapshot=False)
        shelf.load(3, {"a": Item("", deleted=True)}, snapshot=False)
        assert shelf.rows() == as_rows({"a": APPLE})

    def test_a_repeated_row_is_confirmed_as_of_its_later_date(self, conn):
        shelf = Shelf(conn)
        shelf.load(1, {"a": APPLE}, snapshot=False)
        shelf.load(5, {"a": APPLE}, snapshot=False)
        shelf.load(3, {"a": Item("between")}, snapshot=False)
        assert shelf.rows() == as_rows({"a": APPLE})

    def test_the_last_row_of_an_id_wins(self, conn):
        shelf = Shelf(conn)
        change = shelf.change(1, snapshot=False)
        shelf.stage(change, [("a", Item("first")), ("a", APPLE)])
        shelf.embed({"a": APPLE})
        shelf.merge(change)
        assert shelf.rows() == as_rows({"a": APPLE})


def test_the_first_row_of_an_id_stays_and_the_others_go_to_quarantine(conn):
    shelf = Shelf(conn)
    change = shelf.change(1)
    with db.transaction(conn) as cur:
        staging.create(cur, change.names)
        staging.add(
            cur,
            change.names,
            [
                (line, "a", name, "", "{}", name, sha256(name), False, None)
                for line, name in ((2, "one"), (9, "two"), (7, "three"))
            ],
        )
        assert staging.quarantine_duplicates(cur, change.names, catalog="shop", run_id=change.run_id) == 2
        cur.execute("SELECT line, reason FROM vectorshelf.quarantine ORDER BY line")
        assert cur.fetchall() == [(7, "duplicate id: first seen on line 2"), (9, "duplicate id: first seen on line 2")]
        assert staging.seal(cur, change.names) == 1


def test_a_second_load_of_the_catalog_waits_for_the_first(conn, database_url):
    shelf = Shelf(conn)
    shelf.load(1, {"a": APPLE})
    other = psycopg2.connect(database_url.get_secret_value(), options="-c lock_timeout=200ms")
    second = Shelf.__new__(Shelf)
    second.__dict__.update(shelf.__dict__, conn=other)
    change = second.change(2)
    second.stage(change, {"a": APPLE})
    with db.transaction(conn) as cur:
        cur.execute("SELECT FROM vectorshelf.catalogs WHERE catalog = 'shop' FOR UPDATE")
        with pytest.raises(TransientError, match="lock timeout"):
            second.merge(change)
    assert not second.merge(change).superseded
    other.close()


class TestOverlap:
    """Two deltas at once: the older one waits for the newer to commit, then changes nothing that is newer."""

    @pytest.mark.parametrize("newer", [Item("newer"), Item("", deleted=True)], ids=["row", "deletion"])
    def test_an_older_delta_that_overlaps_a_newer_one_does_not_win(self, conn, database_url, newer):
        shelf = Shelf(conn)
        shelf.load(1, {"a": APPLE}, snapshot=False)
        other = Shelf.__new__(Shelf)
        other.__dict__.update(shelf.__dict__, conn=psycopg2.connect(database_url.get_secret_value()))
        late, early = shelf.change(5, snapshot=False), shelf.change(3, snapshot=False)
        for change, item in ((late, newer), (early, Item("older"))):
            shelf.stage(change, {"a": item})
            shelf.embed({"a": item})
        with ThreadPoolExecutor(1) as pool:
            with db.transaction(conn) as cur:
                merge.merge(cur, late, allow_deletes=False)
                overlapping = pool.submit(other.merge, early)
                wait_for_a_waiter(database_url)
            overlapping.result(timeout=60)
        other.conn.close()
        assert shelf.rows() == as_rows({"a": newer})


def wait_for_a_waiter(database_url) -> None:
    """Until somebody waits for a lock that is held."""
    with psycopg2.connect(database_url.get_secret_value()) as watcher, watcher.cursor() as cur:
        for _ in range(200):
            cur.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cur.fetchone() != (0,):
                return
            cur.execute("SELECT pg_sleep(0.05)")
    raise AssertionError("the older delta did not wait for the newer one")


def test_a_run_that_leaves_rows_in_place_may_not_mix_two_models(conn):
    shelf = Shelf(conn)
    shelf.load(1, {"a": APPLE}, snapshot=False)
    change = replace(shelf.change(2, snapshot=False), model="model-b")
    shelf.stage(change, {"p": PEAR})
    with pytest.raises(ConfigurationError, match=r"holds vectors of model-a .*the catalog says model-b"):
        shelf.merge(change)


def physical_rows(conn) -> list[tuple[str, str]]:
    """Row versions: they differ when a row was rewritten, even with the same values."""
    with db.transaction(conn) as cur:
        cur.execute("SELECT ctid::text, xmin::text FROM public.products ORDER BY id")
        return cur.fetchall()


def test_a_load_that_waits_says_for_whom_and_a_dead_holder_frees_it(conn, database_url):
    shelf = Shelf(conn)
    shelf.load(1, {"a": APPLE})
    shelf.embed({"p": PEAR})
    change = shelf.change(2)
    shelf.stage(change, {"p": PEAR})
    holder = psycopg2.connect(database_url.get_secret_value(), application_name="vectorshelf load shop-of-last-night")
    with holder.cursor() as cur:
        fence.lock(cur, "shop")
    said, waiting = [], threading.Event()

    def log(line: str) -> None:
        said.append(line)
        waiting.set()

    def load() -> merge.Merged:
        with db.connect(database_url) as other, db.transaction(other) as cur:
            return merge.merge(cur, change, allow_deletes=True, log=log)

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load)
        assert waiting.wait(60)
        with db.transaction(conn) as cur:  # as if its machine had lost its power
            cur.execute("SELECT pg_terminate_backend(%s)", (holder.info.backend_pid,))
        assert loading.result(60).difference.new == 1
    [line] = said
    assert line.startswith("waiting for vectorshelf load shop-of-last-night (server process ")
    assert shelf.rows() == as_rows({"p": PEAR})


def test_a_load_that_need_not_wait_says_nothing(conn):
    Shelf(conn)
    said: list[str] = []
    with db.transaction(conn) as cur:
        fence.lock(cur, "shop", said.append)
    assert said == []


def test_a_delta_older_than_the_snapshot_that_is_loaded_changes_nothing(conn):
    shelf = Shelf(conn)
    shelf.load(3, {"a": APPLE})
    assert shelf.load(2, {"a": Item("old apple"), "p": PEAR}, snapshot=False).superseded
    assert shelf.rows() == as_rows({"a": APPLE})


def test_a_snapshot_older_than_a_delta_goes_around_its_rows(conn):
    """A catalog that was a delta became a snapshot, and its past is loaded."""
    shelf = Shelf(conn)
    shelf.load(3, {"a": APPLE, "f": Item("", deleted=True)}, snapshot=False)
    diff = shelf.load(2, {"a": Item("old apple"), "p": PEAR, "f": FIG}).difference
    assert (diff.new, diff.changed, diff.deleted, diff.unchanged) == (1, 0, 0, 2)
    assert shelf.rows() == as_rows({"a": APPLE, "p": PEAR})
