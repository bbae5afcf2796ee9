"""What one session is about to embed, no other sends: not a second run, not a second try of the same shard."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.paid import asked, digest, paid_shop, products, sent_again
from vectorshelf import pipeline
from vectorshelf.errors import TransientError
from vectorshelf.pipeline import tasks
from vectorshelf.pipeline.progress import Silent
from vectorshelf.store import claims, db, staging
from vectorshelf.store.pending import ShardTexts

PRODUCTS = 400


def planned(shop, day: int = 1, **options):
    """A run that has come to its embed tasks, and its number."""
    run_id = tasks.prepare(shop.request(day, **options), shop.settings)
    tasks.extract(run_id, shop.settings)
    tasks.plan(run_id, shop.settings)
    [(number, space)] = shop.query(
        f"SELECT run_no, (SELECT max(space) FROM vectorshelf.spaces) FROM vectorshelf.runs WHERE run_id = '{run_id}'"
    )
    return run_id, number, space


def shard_of(conn, run) -> ShardTexts:
    _, number, space = run
    return ShardTexts(conn, number, 0, space, "shop")


def test_a_text_belongs_to_one_living_session_at_a_time(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin)
    shop.write(1, products(10))
    first, second = planned(shop), planned(shop)
    with db.connect(database_url) as later:
        with db.connect(database_url) as conn:
            mine = shard_of(conn, first)
            assert len(list(mine)) == 10
            assert len(list(mine)) == 10  # asked again, they are still its own
            theirs = shard_of(later, second)
            assert list(theirs) == []
            assert theirs.others().texts == 10
        await_end_of_sessions(later)
        assert len(list(theirs)) == 10
        theirs.others()
        assert shop.query("SELECT count(*) FROM vectorshelf.claims") == [(0,)]


def test_sessions_that_begin_at_the_same_moment_share_no_text(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin)
    shop.write(1, products(40))
    runs = [planned(shop), planned(shop)]
    at_once = threading.Barrier(2, timeout=60)

    def claim(run) -> set[bytes]:
        with db.connect(database_url) as conn:
            with db.transaction(conn) as cur:
                cur.execute("SELECT 1")
            at_once.wait()
            mine = {sha256 for sha256, _ in shard_of(conn, run)}
            at_once.wait()
            return mine

    with ThreadPoolExecutor(2) as pool, db.connect(database_url) as watcher:
        for _ in range(60):
            one, other = pool.map(claim, runs)
            assert not one & other
            assert len(one | other) == 40
            await_end_of_sessions(watcher)


def test_a_session_that_hangs_while_it_claims_stops_nobody_for_ever(tmp_path, database_url, standin, monkeypatch):
    monkeypatch.setattr(claims, "PATIENCE", "200ms")
    shop = paid_shop(tmp_path, database_url, standin)
    shop.write(1, products(10))
    first, second = planned(shop), planned(shop)
    with db.connect(database_url) as hanging, db.connect(database_url) as conn:
        held = shard_of(hanging, first)
        waiting = shard_of(conn, second)
        with db.transaction(hanging) as cur:
            [number, space] = first[1:]
            values = {"shard": 0, "space": space, "catalog": "shop", "first": 1, "last": 10, **held._claimant.values}
            staging.run_statement(cur, "claim_page", staging.Names(number), values)
            with pytest.raises(TransientError, match="lock"):
                list(waiting)
        assert list(waiting) == []
        assert waiting.others().texts == 10
        assert "server process" in waiting.others().who


def test_what_a_dead_session_claimed_is_cleared_away_by_the_next(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin)
    shop.write(1, products(10))
    run = planned(shop)
    with db.connect(database_url) as conn:
        assert len(list(shard_of(conn, run))) == 10
    with db.connect(database_url) as conn:
        await_end_of_sessions(conn)
        shard_of(conn, run)
    assert shop.query("SELECT count(*) FROM vectorshelf.claims") == [(0,)]


def test_two_runs_of_the_same_texts_at_once_pay_for_each_text_once(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin)
    standin.tell(latency=0.02)
    together = threading.Barrier(3, timeout=60)

    class Abreast(Silent):
        """Lets no run embed before all are planned."""

        def start(self, stage: str, total: int | None, unit: str) -> None:
            if stage == "embed":
                together.wait()

    for day in (1, 2, 3):
        shop.write(day, products(PRODUCTS))
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(pipeline.run, shop.request(day), shop.settings, Abreast()) for day in (1, 2, 3)]
        figures = [run.result() for run in runs]
    assert sent_again(standin) == 0
    assert len(asked(standin)) == sum(run["embedded"] for run in figures) == PRODUCTS
    assert [run["status"] for run in figures] == ["success"] * 3
    assert len(shop.names()) == PRODUCTS


def test_a_second_try_beside_one_that_is_not_dead_pays_for_nothing_twice(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin)
    standin.tell(latency=0.02)
    shop.write(1, products(PRODUCTS))
    run_id, *_ = planned(shop)
    with ThreadPoolExecutor(2) as pool:
        tries = [pool.submit(tasks.embed, run_id, 0, shop.settings) for _ in range(2)]
        assert sum(one.result()["texts"] for one in tries) == PRODUCTS
    assert sent_again(standin) == 0
    assert tasks.load(run_id, shop.settings)["new"] == PRODUCTS


def test_one_that_waits_for_a_killed_one_takes_over_what_it_left(tmp_path, database_url, standin):
    shop = paid_shop(tmp_path, database_url, standin, embedding={"max_in_flight": 2})
    standin.tell(latency=0.3)
    shop.write(1, products(PRODUCTS))
    run_id, *_ = planned(shop)
    process = multiprocessing.get_context("spawn").Process(target=tasks.embed, args=(run_id, 0, shop.settings))
    process.start()
    while not asked(standin):
        process.join(0.05)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(tasks.embed, run_id, 0, shop.settings)
        while not shop.query(
            "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'vectorshelf embed%' OFFSET 1"
        ):
            process.join(0.05)
        process.kill()
        process.join()
        second.result()
    assert shop.query("SELECT count(*) FROM vectorshelf.vectors") == [(PRODUCTS,)]
    assert sent_again(standin) <= 2 * shop.catalog.embedding.max_texts_per_request
    tasks.load(run_id, shop.settings)
    assert digest(shop)[0] == PRODUCTS


def await_end_of_sessions(conn) -> None:
    """Until the server has noticed that all but this session's clients are gone."""
    while True:
        with db.autocommit(conn) as cur:
            cur.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if cur.fetchone() == (0,):
                return
            cur.execute("SELECT pg_sleep(0.02)")
