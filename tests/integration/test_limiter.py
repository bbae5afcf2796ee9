"""The shared limit on a real Postgres: many processes, one pace, and nothing left behind by those that die."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from tests.integration.shop import Shop
from vectorshelf.embed.pace import SharedPace
from vectorshelf.errors import TransientError
from vectorshelf.pipeline import tasks
from vectorshelf.store import db
from vectorshelf.store.limiter import Limiter
from vectorshelf.store.pacing import TRAVEL, WINDOW, Limits, Observed

LIMITS = Limits(requests=600, tokens=200_000)
ENDPOINT, MODEL = "http://127.0.0.1/v1", "text-embedding-3-small"

RESERVE_MANY = """
import sys
from pydantic import SecretStr
from vectorshelf.store import db
from vectorshelf.store.limiter import Limiter
from vectorshelf.store.pacing import TRAVEL, Limits

with db.connect(SecretStr(sys.argv[1])) as conn:
    limiter = Limiter(conn, "http://127.0.0.1/v1", "text-embedding-3-small", Limits(600, 200_000))
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[2])):
        limiter.reserve(2_000)
"""


@pytest.fixture
def limiter(conn) -> Limiter:
    return Limiter(conn, ENDPOINT, MODEL, LIMITS)


@pytest.fixture
def another(database_url: SecretStr) -> Iterator[Limiter]:
    """Another process's view of the same limit."""
    with db.connect(database_url) as conn:
        yield Limiter(conn, ENDPOINT, MODEL, LIMITS)


def promised(conn) -> list[tuple[float, float]]:
    with db.transaction(conn) as cur:
        cur.execute("SELECT extract(epoch FROM at)::float8, tokens FROM vectorshelf.rate_reservations ORDER BY at")
        return cur.fetchall()


def test_four_processes_together_keep_the_limit_and_use_it(database_url, conn):
    command = [sys.executable, "-c", RESERVE_MANY, database_url.get_secret_value(), "100"]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(timeout=60) for process in processes] == [0] * 4
    places = promised(conn)
    assert len(places) == 400
    for first, _ in places:
        assert sum(tokens for at, tokens in places if first <= at < first + 60.0) <= LIMITS.tokens
    minutes = (places[-1][0] - places[0][0]) / 60
    assert 0.95 * minutes * LIMITS.tokens <= 400 * 2_000


def test_a_process_that_dies_leaves_nothing_but_its_place(database_url, limiter):
    code = RESERVE_MANY + "\n    import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    dead = subprocess.run(
        [sys.executable, "-c", code, database_url.get_secret_value(), "1"],
        input="go\n",
        text=True,
        check=False,
        stdout=subprocess.PIPE,
    )
    assert dead.returncode == -9
    assert limiter.reserve(2_000).wait < 1.0


def test_a_refusal_seen_by_one_stops_everybody(limiter, another):
    grant = limiter.reserve(1_000)
    limiter.settle(grant, None, Observed(refused=True, retry_after=30.0))
    assert another.reserve(1_000).wait == pytest.approx(30.0, abs=5)


def test_a_place_promised_before_the_news_is_taken_back_and_not_counted(limiter, another, conn):
    waiting = another.reserve(1_000)
    assert another.still_holds(waiting)
    limiter.settle(limiter.reserve(1_000), None, Observed(refused=True, retry_after=30.0))
    assert not another.still_holds(waiting)
    assert len(promised(conn)) == 1


def test_a_lower_limit_in_the_headers_slows_everybody_and_a_higher_one_frees_them_up_to_the_configured(
    limiter, another
):
    limiter.settle(limiter.reserve(1_000), 900, Observed(300.0, 100_000.0))
    assert another.effective() == Limits(300, 100_000)
    limiter.settle(limiter.reserve(1_000), 900, Observed(5_000.0, 1_000_000.0))
    assert another.effective() == LIMITS


def test_real_usage_replaces_the_estimate(limiter, conn):
    limiter.settle(limiter.reserve(1_000), 640, Observed())
    limiter.settle(limiter.reserve(1_000), None, Observed())
    limiter.settle(limiter.reserve(1_000), None, Observed(refused=True, retry_after=0.0))
    assert [tokens for _, tokens in promised(conn)] == [640, 1_000, 0]


def test_a_request_sent_later_than_promised_counts_from_when_it_may_have_arrived(limiter, conn):
    late, on_time = limiter.reserve(100), limiter.reserve(100)
    with db.transaction(conn) as cur:
        cur.execute("UPDATE vectorshelf.rate_reservations SET at = at - interval '30 seconds'")
    limiter.settle(late, 100, Observed(), seconds=10.0)
    limiter.settle(on_time, 100, Observed(), seconds=40.0)
    promised_at, sent_at = (at for at, _ in promised(conn))
    assert sent_at - promised_at == pytest.approx(20.0 + TRAVEL, abs=1)


def test_one_change_of_the_limit_is_blamed_once_however_many_requests_it_refused(limiter, another):
    grants = [limiter.reserve(100), another.reserve(100), another.reserve(100)]
    limiter.settle(grants[0], None, Observed(refused=True))
    another.settle(grants[1], None, Observed(refused=True))
    another.settle(grants[2], None, Observed(refused=True))
    assert limiter.effective().tokens == pytest.approx(0.5 * LIMITS.tokens, rel=0.01)


def test_an_ordinary_response_takes_no_lock_on_the_limit(limiter, another, database_url):
    limiter.settle(limiter.reserve(1), 1, Observed(600.0, 200_000.0))
    grant = limiter.reserve(100)
    with db.connect(database_url) as holder, db.transaction(holder) as cur:
        cur.execute("SELECT 1 FROM vectorshelf.rate_limits FOR UPDATE")
        limiter.settle(grant, 90, Observed(600.0, 200_000.0))


def test_the_past_is_forgotten(limiter, conn):
    limiter.reserve(100)
    with db.transaction(conn) as cur:
        cur.execute("UPDATE vectorshelf.rate_reservations SET at = at - interval '100 seconds'")
    limiter.reserve(100)
    assert len(promised(conn)) == 1


def test_endpoints_and_models_have_limits_of_their_own(limiter, database_url):
    limiter.settle(limiter.reserve(100), None, Observed(refused=True, retry_after=60.0))
    with db.connect(database_url) as conn:
        other = Limiter(conn, ENDPOINT, "text-embedding-3-large", LIMITS)
        assert other.reserve(100).wait == 0.0


def test_a_pace_waits_its_turn_and_asks_again_when_the_limit_has_changed_meanwhile(limiter, another):
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            another.settle(another.reserve(1), 1, Observed(600.0, 100_000.0))

    async def scenario() -> None:
        pace = SharedPace(limiter, sleep=sleep)
        await pace.turn(100_000)
        await pace.turn(50_000)
        pace.close()

    asyncio.run(scenario())
    assert len(slept) == 2
    assert slept[1] > slept[0]


def test_a_queue_longer_than_patience_is_left_to_the_scheduler_and_gives_its_place_back(limiter, conn):
    limiter.settle(limiter.reserve(100), 100, Observed(refused=True, retry_after=500.0))

    async def scenario() -> None:
        pace = SharedPace(limiter, patience=300.0)
        try:
            await pace.turn(100)
        finally:
            pace.close()

    with pytest.raises(TransientError, match="no room") as raised:
        asyncio.run(scenario())
    assert raised.value.retry_after == pytest.approx(500, abs=10)
    assert len(promised(conn)) == 1


def test_a_cancelled_wait_gives_its_place_back(limiter, conn):
    async def scenario() -> None:
        waiting = asyncio.Event()

        async def sleep(_: float) -> None:
            waiting.set()
            await asyncio.Event().wait()

        pace = SharedPace(limiter, sleep=sleep)
        await pace.turn(LIMITS.tokens)
        queued = asyncio.create_task(pace.turn(1_000))
        await waiting.wait()
        queued.cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued
        pace.close()

    asyncio.run(scenario())
    assert [tokens for _, tokens in promised(conn)] == [LIMITS.tokens]


def test_a_full_minute_is_waited_out_and_no_longer(limiter):
    limiter.reserve(LIMITS.tokens)
    assert limiter.reserve(1_000).wait == pytest.approx(WINDOW, abs=2)


def test_the_self_test_teaches_the_first_shard_what_the_account_allows_and_counts_itself(
    tmp_path, database_url, standin, conn
):
    standin.tell(requests_per_minute=600, tokens_per_minute=200_000)
    shop = Shop(
        tmp_path,
        database_url,
        embedding={"base_url": standin.base_url, "requests_per_minute": 1_200, "tokens_per_minute": 400_000},
    )
    tasks.prepare(shop.request(1), shop.settings)
    assert Limiter(conn, standin.base_url, MODEL, Limits(1_200, 400_000)).effective() == LIMITS
    assert [tokens for _, tokens in promised(conn)] == [standin.figures()["tokens"]]
