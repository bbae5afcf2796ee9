"""What a load leaves in the history, and what must leave nothing there."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations
from typing import ClassVar

import pytest

from tests.integration.dated import expected_stretches, state, state_at, stretches, written
from tests.integration.products import Item, Shelf, as_rows, day, sha256
from vectorshelf.errors import BrakeError, TransientError, VectorshelfError
from vectorshelf.store import db, history, merge

APPLE, PEAR, FIG = Item("apple"), Item("pear"), Item("fig")
TEN = {str(number): Item(f"product {number}") for number in range(10)}


def load(shelf: Shelf, number: int, items, **facts):
    return shelf.load(number, items, history=True, **facts)


def dates(shelf: Shelf) -> list[tuple]:
    with db.transaction(shelf.conn) as cur:
        cur.execute("SELECT as_of, space, products FROM vectorshelf.history_dates ORDER BY as_of")
        return cur.fetchall()


def test_each_date_says_what_its_snapshot_said(conn):
    shelf = Shelf(conn)
    days = {
        1: {"a": APPLE, "p": PEAR},
        2: {"a": replace(APPLE, price=2), "p": PEAR},
        3: {"p": Item("pear, ripe"), "f": FIG},
        4: {"a": APPLE, "p": PEAR, "f": FIG},
    }
    assert [load(shelf, number, items).history for number, items in days.items()] == [2, 1, 3, 2]
    for number, items in days.items():
        assert state(shelf, number) == as_rows(items)
    assert [(at, products) for at, _, products in dates(shelf)] == [(day(1), 2), (day(2), 2), (day(3), 2), (day(4), 3)]


def test_between_two_dates_the_earlier_one_is_in_force(conn):
    shelf = Shelf(conn)
    load(shelf, 1, {"a": APPLE})
    load(shelf, 5, {"p": PEAR})
    assert state(shelf, 4) == as_rows({"a": APPLE})
    assert state(shelf, 5) == as_rows({"p": PEAR})


def test_a_snapshot_that_repeats_the_one_before_adds_no_row_but_its_date(conn):
    shelf = Shelf(conn)
    load(shelf, 1, TEN)
    assert load(shelf, 2, TEN).history == 0
    assert len(stretches(shelf)) == 10
    assert len(dates(shelf)) == 2


def test_an_older_snapshot_between_two_dates_cuts_what_they_share_and_resumes_it(conn):
    shelf = Shelf(conn)
    load(shelf, 1, {"a": APPLE, "p": PEAR})
    load(shelf, 5, {"a": APPLE, "p": PEAR})
    merged = load(shelf, 3, {"a": replace(APPLE, price=9)})
    assert (merged.superseded, merged.history) == (True, 2)
    assert shelf.rows() == as_rows({"a": APPLE, "p": PEAR})
    assert stretches(shelf) == [
        ("a", "-infinity", written(3), "apple", 1),
        ("a", written(3), written(5), "apple", 9),
        ("a", written(5), "infinity", "apple", 1),
        ("p", "-infinity", written(3), "pear", 1),
        ("p", written(5), "infinity", "pear", 1),
    ]


def test_backwards_a_date_writes_only_what_differs_from_the_next(conn):
    shelf = Shelf(conn)
    load(shelf, 5, TEN)
    assert load(shelf, 4, {**TEN, "3": Item("other")}).history == 1
    assert len(stretches(shelf)) == 11
    assert state(shelf, 4) == as_rows({**TEN, "3": Item("other")})


def test_the_same_date_again_replaces_what_it_said_and_joins_what_is_the_same_around_it(conn):
    shelf = Shelf(conn)
    for number, items in ((1, {"a": APPLE}), (2, {"a": Item("typo"), "p": PEAR}), (3, {"a": APPLE})):
        load(shelf, number, items)
    load(shelf, 2, {"a": APPLE})
    assert stretches(shelf) == [("a", "-infinity", "infinity", "apple", 1)]


def test_a_load_that_runs_twice_writes_nothing_the_second_time(conn):
    shelf = Shelf(conn)
    change = replace(shelf.change(1), history=True)
    shelf.stage(change, TEN)
    shelf.embed(TEN)
    assert (shelf.merge(change).history, shelf.merge(change).history) == (10, 0)


def test_another_catalogs_history_is_left_alone(conn):
    shop, store = Shelf(conn), Shelf(conn, "store", replace(Shelf(conn).table, name="store_products"))
    load(shop, 1, {"a": APPLE})
    load(store, 1, {"a": PEAR})
    load(shop, 1, {"f": FIG})
    with db.transaction(conn) as cur:
        history.prune(cur, "shop", day(9))
    assert state(store, 1) == as_rows({"a": PEAR})
    assert state(shop, 1) == as_rows({"f": FIG})


def test_two_loads_at_once_are_both_there(conn, database_url):
    shelf = Shelf(conn)
    load(shelf, 5, TEN)
    changes = []
    for number in range(1, 5):
        items = {**TEN, "0": Item(f"renamed on day {number}")}
        change = replace(shelf.change(number), history=True)
        shelf.stage(change, items)
        shelf.embed(items)
        changes.append(change)

    def merge(change):
        with db.connect(database_url) as own:
            other = object.__new__(Shelf)
            other.conn = own
            return other.merge(change)

    with ThreadPoolExecutor(4) as pool:
        assert all(merged.superseded for merged in pool.map(merge, changes))
    said = {number: {**TEN, "0": Item(f"renamed on day {number}")} for number in range(1, 5)} | {5: TEN}
    assert stretches(shelf) == expected_stretches(said)


class TestLeavesNothing:
    def test_a_run_that_is_a_preview(self, conn):
        shelf = Shelf(conn)
        assert load(shelf, 1, TEN, whole=False).history is None
        assert (stretches(shelf), dates(shelf)) == ([], [])

    def test_a_load_that_a_brake_stops(self, conn):
        shelf = Shelf(conn)
        load(shelf, 1, TEN)
        with pytest.raises(BrakeError):
            load(shelf, 2, {"0": TEN["0"]}, max_delete_fraction=0.2)
        assert [at for at, _, _ in dates(shelf)] == [day(1)]

    def test_a_load_whose_transaction_fails_after_it(self, conn):
        shelf = Shelf(conn)
        load(shelf, 1, TEN)
        change = replace(shelf.change(2), history=True)
        shelf.stage(change, {"a": APPLE})
        shelf.embed({"a": APPLE})

        def merge_and_fail():
            with db.transaction(conn) as cur:
                history.record(cur, change)
                raise RuntimeError("killed")

        with pytest.raises(RuntimeError, match="killed"):
            merge_and_fail()
        assert stretches(shelf) == expected_stretches({1: TEN})
        assert len(dates(shelf)) == 1

    def test_half_an_older_file(self, conn):
        """The table's brake does not look at a snapshot that changes no table."""
        shelf = Shelf(conn)
        load(shelf, 1, TEN)
        load(shelf, 5, TEN)
        half = dict(list(TEN.items())[:5])
        with pytest.raises(BrakeError, match="2026-11-03 02:00 UTC lacks 5 of the 10 products that the history"):
            load(shelf, 3, half, max_delete_fraction=0.2)
        assert stretches(shelf) == expected_stretches({1: TEN, 5: TEN})
        change = replace(shelf.change(3), history=True, max_delete_fraction=0.2)
        shelf.stage(change, half)
        assert shelf.merge(change, allow_deletes=True).history == 5
        assert state(shelf, 4) == as_rows(half)

    @pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
    def test_half_a_file_between_whole_ones_in_whatever_order_they_come(self, conn, order):
        """The one that comes when both sides are known is stopped: the half one, or the whole one that shows it up."""
        shelf, stopped = Shelf(conn), []
        files = {1: TEN, 2: dict(list(TEN.items())[:5]), 3: {**TEN, "x": Item("novelty")}}
        for number in order:
            try:
                load(shelf, number, files[number], max_delete_fraction=0.2)
            except BrakeError as error:
                stopped.append((number, str(error)))
        [(number, said)] = stopped
        assert number == (2 if order.index(1) < order.index(2) else 1)
        assert ("2026-11-02 02:00 UTC, which is loaded, lacks 5 of the 10" in said) == (number == 1)
        loaded = {at: files[at] for at in order if at != number}
        assert stretches(shelf) == expected_stretches(loaded)

    def test_a_loss_that_a_person_allowed_is_not_asked_about_again(self, conn):
        """Day 3 dropped half; a date between, and day 1 with another price, bring nothing more that it lost."""
        shelf = Shelf(conn)
        load(shelf, 1, TEN)
        change = replace(shelf.change(3), history=True, max_delete_fraction=0.2)
        shelf.stage(change, dict(list(TEN.items())[:5]))
        shelf.merge(change, allow_deletes=True)
        priced = {**TEN, "0": replace(TEN["0"], price=2)}
        load(shelf, 2, priced, max_delete_fraction=0.2)
        load(shelf, 1, priced, max_delete_fraction=0.2)
        assert (state(shelf, 1), state(shelf, 2)) == (as_rows(priced), as_rows(priced))

    def test_the_whole_file_then_heals_both(self, conn):
        shelf = Shelf(conn)
        load(shelf, 3, TEN)
        load(shelf, 2, dict(list(TEN.items())[:5]), max_delete_fraction=0.2)
        with pytest.raises(BrakeError, match="load its date again from a whole file"):
            load(shelf, 1, {**TEN, "y": Item("old")}, max_delete_fraction=0.2)
        for number, said in ((2, TEN), (1, {**TEN, "y": Item("old")})):
            load(shelf, number, said, max_delete_fraction=0.2)
        assert state(shelf, 2) == as_rows(TEN)

    def test_half_a_file_into_a_table_that_is_new_and_empty(self, conn):
        shelf = Shelf(conn)
        load(shelf, 1, TEN)
        with db.transaction(conn) as cur:
            cur.execute("TRUNCATE products")
        with pytest.raises(BrakeError, match="lacks 5 of the 10 products that the history"):
            load(shelf, 2, dict(list(TEN.items())[:5]), max_delete_fraction=0.2)

    def test_an_older_file_most_of_which_cannot_be_used(self, conn):
        shelf = Shelf(conn)
        load(shelf, 5, TEN)
        change = replace(shelf.change(3), history=True, max_quarantine_fraction=0.2)
        shelf.stage(change, {"0": TEN["0"]})
        with pytest.raises(BrakeError, match="4 of 5 rows could not be used"), db.transaction(conn) as cur:
            merge.merge(cur, change, allow_deletes=False, unusable=4)
        assert len(dates(shelf)) == 1


def test_what_is_older_than_all_dates_may_be_small(conn):
    """Going back to the first days of a catalog is no loss of what came later."""
    shelf = Shelf(conn)
    load(shelf, 5, TEN)
    assert load(shelf, 1, {"0": TEN["0"]}, max_delete_fraction=0.2).history == 9
    assert state(shelf, 1) == as_rows({"0": TEN["0"]})


def test_a_product_in_quarantine_is_missing_from_history_as_from_the_table(conn):
    shelf = Shelf(conn)
    space = shelf.change(6).space
    with db.transaction(conn) as cur:
        cur.execute(
            "INSERT INTO vectorshelf.quarantine (catalog, kind, fingerprint, space, reason, run_id)"
            " VALUES ('shop', 'text', %s, %s, 'refused', 'x')",
            (sha256("poison"), space),
        )
    load(shelf, 5, {"p": PEAR})
    for number in (6, 3):  # the newest, and one that only history sees
        change = replace(shelf.change(number), history=True)
        shelf.stage(change, {"a": APPLE, "bad": Item("poison")})
        shelf.embed({"a": APPLE})
        assert shelf.merge(change).refused == 1
        assert state(shelf, number) == as_rows({"a": APPLE})


class TestVectors:
    def test_history_adds_none(self, conn):
        shelf = Shelf(conn)
        load(shelf, 1, {"a": APPLE, "p": PEAR})
        load(shelf, 2, {"a": APPLE, "p": replace(PEAR, price=2)})
        load(shelf, 3, {"a": PEAR})
        with db.transaction(conn) as cur:
            cur.execute("SELECT count(*) FROM vectorshelf.vectors")
            assert cur.fetchone() == (2,)

    def test_what_only_the_table_still_has_goes_back_to_the_store(self, conn):
        shelf = Shelf(conn)
        shelf.load(1, TEN)
        with db.transaction(conn) as cur:
            cur.execute("DELETE FROM vectorshelf.vectors")
        change = replace(shelf.change(2), history=True)
        shelf.stage(change, {**TEN, "0": replace(TEN["0"], price=7)})
        shelf.merge(change)
        assert state(shelf, 2) == as_rows({**TEN, "0": replace(TEN["0"], price=7)})

    def test_a_vector_that_is_nowhere_stops_an_older_snapshot_too(self, conn):
        shelf = Shelf(conn)
        load(shelf, 5, TEN)
        change = replace(shelf.change(3), history=True)
        shelf.stage(change, {**TEN, "a": APPLE})
        with pytest.raises(TransientError, match="1 products have no vector in the store"):
            shelf.merge(change)
        assert len(dates(shelf)) == 1

    def test_whoever_prunes_the_store_can_ask_what_history_needs(self, conn):
        shelf = Shelf(conn)
        load(shelf, 1, {"a": APPLE, "p": PEAR})
        load(shelf, 2, {"a": FIG, "p": PEAR})
        shelf.embed({"x": Item("never on sale")})
        with db.transaction(conn) as cur:
            cur.execute("SELECT space, sha256 FROM vectorshelf.history_vectors")
            needed = {(space, bytes(digest)) for space, digest in cur.fetchall()}
        assert needed == {(shelf.space, sha256(text)) for text in ("apple", "pear", "fig")}


class TestOnAndOff:
    def test_a_date_loaded_without_history_is_not_answered_with_the_one_before(self, conn):
        shelf = Shelf(conn)
        load(shelf, 1, {"a": APPLE})
        shelf.load(2, {"p": PEAR})
        load(shelf, 3, {"f": FIG})
        assert state(shelf, 1) == as_rows({"a": APPLE})
        with pytest.raises(VectorshelfError, match="the snapshot of 2026-11-02 02:00:00 UTC, in force at"):
            state(shelf, 2)
        assert state(shelf, 3) == as_rows({"f": FIG})
        load(shelf, 2, {"p": PEAR})
        assert state(shelf, 2) == as_rows({"p": PEAR})

    def test_an_older_one_is_not_either(self, conn):
        shelf = Shelf(conn)
        load(shelf, 1, {"a": APPLE})
        load(shelf, 3, {"f": FIG})
        assert shelf.load(2, {"p": PEAR}).history is None
        with pytest.raises(VectorshelfError, match="kept no history"):
            state(shelf, 2)

    def test_turned_off_it_keeps_what_it_has(self, conn):
        shelf = Shelf(conn)
        load(shelf, 1, {"a": APPLE})
        shelf.load(1, {"p": PEAR})
        assert state(shelf, 1) == as_rows({"a": APPLE})

    def test_turned_on_it_begins_with_the_next_load(self, conn):
        shelf = Shelf(conn)
        shelf.load(1, {"a": APPLE})
        load(shelf, 2, {"a": APPLE, "p": PEAR})
        assert state(shelf, 2) == as_rows({"a": APPLE, "p": PEAR})
        with pytest.raises(VectorshelfError, match="the history of shop begins at 2026-11-02 02:00:00 UTC"):
            state(shelf, 1)


class TestPrune:
    DAYS: ClassVar = {1: {"a": APPLE}, 3: {"a": APPLE, "p": PEAR}, 5: {"p": PEAR, "f": FIG}, 7: {"f": FIG}}

    @pytest.fixture
    def shelf(self, conn):
        found = Shelf(conn)
        for number, items in self.DAYS.items():
            load(found, number, items)
        return found

    def prune(self, shelf: Shelf, number: int) -> history.Pruned:
        with db.transaction(shelf.conn) as cur:
            return history.prune(cur, shelf.catalog, day(number))

    def test_from_its_date_on_every_answer_stays(self, shelf):
        before = {number: state(shelf, number) for number in range(4, 8)}
        pruned = self.prune(shelf, 4)
        assert (pruned.first, pruned.dates) == (day(3), 1)
        assert {number: state(shelf, number) for number in range(4, 8)} == before
        with pytest.raises(VectorshelfError, match="begins at 2026-11-03"):
            state(shelf, 2)

    def test_what_ended_before_is_gone_and_the_rest_is_as_if_it_had_never_been(self, shelf):
        assert self.prune(shelf, 6).versions == 1
        assert stretches(shelf) == expected_stretches({5: self.DAYS[5], 7: self.DAYS[7]})

    @pytest.mark.parametrize("number", [-9, 0, 1, 2])
    def test_before_the_second_date_there_is_nothing_to_forget(self, shelf, number):
        pruned = self.prune(shelf, number)
        assert pruned == history.Pruned(day(1))
        assert stretches(shelf) == expected_stretches(self.DAYS)

    def test_the_newest_date_stays_whatever_is_asked(self, shelf):
        assert self.prune(shelf, 20).dates == 3
        assert stretches(shelf) == expected_stretches({7: self.DAYS[7]})

    def test_an_older_date_can_be_loaded_again_afterwards(self, shelf):
        self.prune(shelf, 6)
        load(shelf, 3, self.DAYS[3])
        assert state_at(shelf, day(4)) == as_rows(self.DAYS[3])
        assert stretches(shelf) == expected_stretches({number: self.DAYS[number] for number in (3, 5, 7)})
