"""Search as of a past date, through the whole pipeline: the answer of a table of that date's snapshot alone."""

import random
from pathlib import Path

import numpy as np
import orjson
import psycopg2
import pytest
from pydantic import SecretStr

from tests import postgres
from tests.integration.shop import FRUIT, Row, Shop, at
from vectorshelf import pipeline
from vectorshelf.errors import BrakeError, ConfigurationError
from vectorshelf.store import db

QUESTIONS = [
    ("portable computer", {"k": 1000}),
    ("ripe fruit", {"k": 5}),
    ("something for the desk", {"k": 1000, "category": "home"}),
    ("small red bicycle", {"k": 1000, "mode": "hybrid"}),
]
NOUNS = ("apple", "pear", "laptop", "phone", "lamp", "desk", "chair", "camera", "kettle", "bicycle")
KINDS = ("red", "small", "portable", "old", "renewed", "ripe", "bright", "folding")


def random_snapshots(days: int, seed: int) -> dict[int, list[Row]]:
    """Products come, go, return, are renamed (another text), repriced, moved to another category."""
    rng = random.Random(seed)

    def product(id_: int) -> Row:
        name = f"{rng.choice(KINDS)} {rng.choice(NOUNS)} no. {id_} {rng.choice('abcdef')}"
        return str(id_), name, rng.choice(("home", "computers", "food")), f"{rng.randint(1, 99)}.00"

    found, shelf = {}, {id_: product(id_) for id_ in range(60)}
    gone: list[Row] = []
    for number in range(1, days + 1):
        for id_ in rng.sample(sorted(shelf), 6):
            sku, name, category, _ = shelf[id_]
            row = rng.choice([product(id_), (sku, name, category, f"{rng.randint(100, 199)}.00"), None, None])
            if row is None:
                gone.append(shelf.pop(id_))
            else:
                shelf[id_] = row
        for row in rng.sample(gone, min(2, len(gone))):  # returns, as it was
            shelf.setdefault(int(row[0]), row)
        fresh = 100 * number + rng.randint(0, 99)
        shelf[fresh] = product(fresh)
        found[number] = list(shelf.values())
    return found


@pytest.fixture(scope="module")
def snapshots() -> dict[int, list[Row]]:
    return random_snapshots(12, seed=7)


@pytest.fixture(scope="module")
def shop(tmp_path_factory, postgres_server, snapshots):
    """Twelve dates, loaded in random order, two of them twice."""
    with postgres.fresh_database(postgres_server) as url:
        found = Shop(tmp_path_factory.mktemp("shop"), url, history=True)
        rng = random.Random(3)
        order = [*snapshots, *rng.sample(sorted(snapshots), 2)]
        rng.shuffle(order)
        for number in order:
            found.run(number, snapshots[number])
        yield found


def asked(shop: Shop, text: str, day: int, **options):
    assert shop.settings.database_url
    return pipeline.search_as_of(shop.catalog, text, at(day), shop.settings, **options)


def table_of(url: SecretStr, folder: Path, day: int, rows: list[Row]) -> Shop:
    """A table that has never seen another snapshot, searched exactly."""
    fresh = Shop(folder, url, index={"type": "none"})
    fresh.run(day, rows)
    return fresh


CONTENT = "SELECT id, name, category, attributes, text_hash, embedding::text FROM products ORDER BY id"
DATED = """
SELECT h.id, h.name, h.category, h.attributes, h.sha256, v.embedding::text
FROM vectorshelf.history_date('shop', '{:%Y-%m-%d %H:%M}+00') d
JOIN vectorshelf.history h ON h.catalog = 'shop' AND h.valid_from <= d.as_of AND h.valid_to > d.as_of
JOIN vectorshelf.vectors v ON v.space = d.space AND v.sha256 = h.sha256
ORDER BY h.id
"""


@pytest.mark.parametrize("day", random.Random(11).sample(range(1, 12), 10))
def test_ten_random_dates_answer_as_a_fresh_table_of_their_snapshot_alone(
    shop, snapshots, postgres_server, tmp_path, day
):
    with postgres.fresh_database(postgres_server) as url:
        fresh = table_of(url, tmp_path, day, snapshots[day])
        assert plain(shop.query(DATED.format(at(day)))) == plain(fresh.query(CONTENT))
        for text, options in QUESTIONS:
            mine = asked(shop, text, day, **options)
            theirs = pipeline.search(fresh.catalog, text, fresh.settings, **options)
            assert mine["results"] == theirs["results"]
            assert mine["as_of"] == at(day)


def plain(rows: list[tuple]) -> list[tuple]:
    return [tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in rows]


def test_the_table_itself_is_the_newest_snapshot(shop, snapshots):
    assert shop.query("SELECT count(*) FROM products") == [(len(snapshots[12]),)]
    today = pipeline.search(shop.catalog, "ripe fruit", shop.settings, k=5)["results"]
    assert asked(shop, "ripe fruit", 12, k=5)["results"] == today


def test_every_text_was_embedded_once(shop, snapshots):
    texts = {f"{name} {category}" for rows in snapshots.values() for _, name, category, _ in rows}
    assert shop.query("SELECT count(*) FROM vectorshelf.vectors") == [(len(texts),)]


class TestInSql:
    """`search_<table>_as_of`, as any client calls it."""

    def call(self, shop: Shop, arguments: str, vector: str | None = None) -> list[tuple]:
        unit = vector or orjson.dumps([1.0] + [0.0] * 255).decode()
        return shop.query(f"SELECT id, score FROM search_products_as_of('{unit}', {arguments})")

    def test_it_takes_a_date_a_number_and_a_category(self, shop, snapshots):
        homes = [row for row in snapshots[3] if row[2] == "home"]
        found = self.call(shop, "'2026-11-03 12:00+00', k => 1000, category => 'home'")
        assert {id_ for id_, _ in found} == {row[0] for row in homes}
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
        assert len(self.call(shop, "'2026-11-03 12:00+00'")) == 10

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("'2026-10-31 12:00+00'", "the history of shop begins at 2026-11-01 02:00:00 UTC, and 2026-10-31"),
            ("'2999-01-01'", "is in the future"),
            ("NULL", "as_of is null"),
            ("'2026-11-03 12:00+00', 0", "k is 0, must be 1 or more"),
        ],
    )
    def test_what_it_cannot_answer_it_refuses(self, shop, arguments, message):
        with pytest.raises(Exception, match=message):
            self.call(shop, arguments)

    def test_a_vector_of_another_width_is_refused(self, shop):
        with pytest.raises(Exception, match="the query has 3 numbers, the vectors of that date have 256"):
            self.call(shop, "'2026-11-03 12:00+00'", "[1,2,3]")

    def test_a_role_needs_select_on_what_it_reads_and_nothing_else(self, shop):
        assert shop.settings.database_url
        with db.connect(shop.settings.database_url) as conn:
            role = f"reader_{conn.info.backend_pid}"
            with db.transaction(conn) as cur:
                cur.execute(f"CREATE ROLE {role}")
                cur.execute(f"GRANT USAGE ON SCHEMA vectorshelf TO {role}")
                tables = "history, vectorshelf.history_dates, vectorshelf.spaces, vectorshelf.vectors"
                cur.execute(f"GRANT SELECT ON vectorshelf.{tables} TO {role}")
            try:
                with db.transaction(conn) as cur:
                    cur.execute(f"SET LOCAL ROLE {role}")
                    vector = orjson.dumps([1.0] + [0.0] * 255).decode()
                    cur.execute("SELECT id FROM search_products_as_of(%s, '2026-11-03 12:00+00', 3)", (vector,))
                    assert len(cur.fetchall()) == 3
            finally:
                with db.transaction(conn) as cur:
                    cur.execute(f"DROP OWNED BY {role}")
                    cur.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize("metric", ["cosine", "ip", "l2"])
def test_scores_are_those_of_the_catalogs_metric(tmp_path, database_url, metric):
    shop = Shop(tmp_path, database_url, history=True, index={"metric": metric, "type": "none"})
    shop.run(1, FRUIT)
    shop.run(2, [FRUIT[0]])
    now = pipeline.search(shop.catalog, "pear", shop.settings)
    assert asked(shop, "pear", 2)["results"] == now["results"]
    assert [hit["name"] for hit in asked(shop, "pear", 1, k=1)["results"]] == ["pear"]


def test_a_date_of_another_model_is_asked_in_that_model(tmp_path, database_url):
    shop = Shop(tmp_path, database_url, history=True)
    shop.run(1, FRUIT)
    changed = shop.catalog.model_copy(update={"embedding": shop.catalog.embedding.model_copy(update={"model": "new"})})
    assert pipeline.search_as_of(changed, "pear", at(1), shop.settings)["results"][0]["name"] == "pear"


def test_a_vector_that_was_deleted_is_an_error_and_not_a_shorter_answer(tmp_path, database_url):
    shop = Shop(tmp_path, database_url, history=True)
    shop.run(1, FRUIT)
    with db.connect(database_url) as conn, db.transaction(conn) as cur:
        cur.execute(
            "DELETE FROM vectorshelf.vectors WHERE sha256 = (SELECT sha256 FROM vectorshelf.history WHERE id = '2')"
        )
    with pytest.raises(ConfigurationError, match=r"the vector of product 2 is no longer in vectorshelf\.vectors"):
        asked(shop, "pear", 1)
    assert shop.run(1)["history"] == 0  # the table still has it: back it goes
    assert asked(shop, "pear", 1, k=1)["results"][0]["name"] == "pear"


def test_a_catalog_without_history_says_how_to_get_one(tmp_path, database_url):
    shop = Shop(tmp_path, database_url)
    shop.run(1, FRUIT)
    with pytest.raises(ConfigurationError, match="shop keeps no history yet: set `history: true`"):
        asked(shop, "pear", 1)


def test_a_database_from_before_there_was_history_says_so_too(tmp_path, database_url):
    shop = Shop(tmp_path, database_url)
    with psycopg2.connect(database_url.get_secret_value()) as conn, conn.cursor() as cur:
        cur.execute("DROP SCHEMA vectorshelf CASCADE")
    with pytest.raises(ConfigurationError, match="keeps no history yet"):
        asked(shop, "pear", 1)
    assert pipeline.loaded_dates(shop.catalog, shop.settings) == {"catalog": "shop", "versions": 0, "dates": []}


def test_previews_dry_runs_and_failed_runs_leave_no_date(tmp_path, database_url):
    shop = Shop(tmp_path, database_url, history=True, max_delete_fraction=0.2)
    assert shop.run(1, FRUIT)["history"] == 4
    assert shop.run(2, FRUIT, limit=2)["history"] is None
    assert shop.run(3, FRUIT, dry_run=True)["history"] is None
    with pytest.raises(Exception, match="would delete 3 of the 4"):
        shop.run(4, FRUIT[:1])
    dates = pipeline.loaded_dates(shop.catalog, shop.settings)["dates"]
    assert [(date["as_of"], date["products"]) for date in dates] == [(at(1), 4)]


TWENTY = [(str(n), f"product {n}", "numbers", "1.00") for n in range(20)]


def test_a_model_change_is_braked_by_the_table_that_serves_and_not_by_older_history(tmp_path, database_url):
    def shop(history: bool, dimensions: int) -> Shop:
        section = {"provider": "local", "dimensions": dimensions}
        return Shop(tmp_path, database_url, history=history, max_delete_fraction=0.2, embedding=section)

    shop(True, 64).run(1, TWENTY)
    shop(False, 64).run(2, TWENTY[:17])
    shop(False, 64).run(3, TWENTY[:14])
    assert shop(True, 128).run(4, TWENTY[:14])["model_change"]["made"]


def test_a_catalog_that_moved_to_another_table_is_held_against_its_history_also_after_a_preview(tmp_path, database_url):
    Shop(tmp_path, database_url, history=True, max_delete_fraction=0.2).run(1, TWENTY)
    moved = Shop(tmp_path, database_url, history=True, max_delete_fraction=0.2, table="other")
    moved.run(2, TWENTY[:10], limit=2)
    with pytest.raises(BrakeError, match="lacks 10 of the 20 products that the history"):
        moved.run(2)


def test_a_row_in_quarantine_is_missing_from_its_date(tmp_path, database_url):
    shop = Shop(tmp_path, database_url, history=True)
    shop.catalog = shop.catalog.model_copy(update={"max_quarantine_fraction": 0.5})
    shop.run(1, [*FRUIT, ("9", " ", "fruit", "1.00"), ("1", "second apple", "fruit", "1.00")])
    found = asked(shop, "apple", 1, k=1000)["results"]
    assert sorted(hit["id"] for hit in found) == ["1", "2", "3", "4"]


def test_an_equal_score_is_ordered_by_id(tmp_path, database_url):
    twins = [(str(number), "twin", "fruit", "1.00") for number in (3, 1, 2)]
    shop = Shop(tmp_path, database_url, history=True)
    shop.run(1, twins)
    found = asked(shop, "twin", 1, k=2)["results"]
    assert [hit["id"] for hit in found] == ["1", "2"]
    assert np.ptp([hit["score"] for hit in found]) == 0
