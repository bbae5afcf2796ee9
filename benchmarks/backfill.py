"""A backfill on a real scheduler against runs in date order. `python -m benchmarks.backfill [--days 30] [--products N]`

Daily snapshots with about 1% churn (from Icecat's products where they are, else generated) are backfilled by Airflow's
own command, backwards, four at a time, while the night's run fires; the stand-in is the endpoint (1,536 dimensions).
Then each day runs in date order in one process, once with the vector store and once with the store emptied before
every run, as a script that embeds the whole file would do. One table: seconds, texts sent, index builds, checksum.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg2
from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from tests.conftest import ICECAT
from tests.dags.conftest import free_port
from tests.e2e import daily
from tests.standin.client import StandIn, running

from api import Api
from local_airflow import LocalAirflow
from services import Services, wait_for
from vectorshelf import embedded
from vectorshelf.settings import Settings

KEY = "sk-of-a-benchmark"
PARTS = ["api-server", "scheduler", "dag-processor"]
BUILDS = "SELECT count(*) FILTER (WHERE action IN ('built', 'rebuilt')), count(curve) FROM vectorshelf.index_log"
VACUUMS = "SELECT count(*) FROM vectorshelf.stages WHERE stage = 'vacuum' AND counts ->> 'action' <> 'skipped'"

FORGET = "TRUNCATE vectorshelf.vectors; DROP TABLE daily_products; DELETE FROM vectorshelf.catalogs"


@dataclass
class Line:
    label: str
    seconds: float
    sent: int
    twice: int
    builds: int
    measured: int
    vacuums: int
    checksum: str


def ask(url: str, statement: str) -> tuple:
    with psycopg2.connect(url) as conn, conn.cursor() as cur:
        cur.execute(statement)
        return cur.fetchone()


def line(label: str, seconds: float, url: str, standin: StandIn, texts: set[str]) -> Line:
    asked = standin.texts()
    sent = sum(times for text, times in asked.items() if text in texts)
    twice = daily.paid_twice(asked, texts)
    rows, checksum = ask(url, daily.CHECKSUM)
    return Line(label, seconds, sent, twice, *ask(url, BUILDS), *ask(url, VACUUMS), f"{rows:,} rows {checksum[:12]}")


def on_the_scheduler(home: Path, catalogs: Path, dates: list[date], at_once: int) -> tuple[float, str]:
    """Seconds from the command to the last run's end, and the database's URL."""
    database = embedded.database(home, "catalog").get_secret_value()
    local = LocalAirflow(home, free_port())
    environment = local.environment() | {
        "DATABASE_URL": database,
        "VECTORSHELF_CATALOGS": str(catalogs),
        "OPENAI_API_KEY": KEY,
    }
    local.migrate(environment)
    services = Services(local)
    services.start(PARTS, environment)
    try:
        api = Api(local)
        services.wait_until_healthy(PARTS, api, 300)
        api.login()
        wait_for("the DAG is not in Airflow", lambda: api.has_dag("embed_daily"), 120)
        started = time.monotonic()
        api.patch("/dags/embed_daily", {"is_paused": False})
        local.command(daily.backfill(dates[:-1], at_once), environment)
        wait_for("the runs have not ended", lambda: all_ended(api, len(dates)), 4 * 3600)
        return time.monotonic() - started, database
    finally:
        services.stop()


def all_ended(api: Api, wanted: int) -> bool:
    found = [run["state"] for run in api.get("/dags/embed_daily/dagRuns", limit=100)["dag_runs"]]
    if "failed" in found:
        sys.exit(f"a run failed: {found}")
    return found.count("success") == wanted


def in_order(label: str, home: Path, catalogs: Path, dates: list[date], standin: StandIn, texts: set[str]) -> Line:
    """Each day in date order; a label of "full" empties the store before each."""
    standin.reset()
    url = embedded.database(home, label.split(maxsplit=1)[0].lower())
    settings = Settings(database_url=url, openai_api_key=SecretStr(KEY))
    started = time.monotonic()
    for day in dates:
        if label.startswith("full") and day != dates[0]:
            with psycopg2.connect(url.get_secret_value()) as conn:
                conn.cursor().execute(FORGET)
        daily.in_date_order(catalogs, [day], settings)
    return line(label, time.monotonic() - started, url.get_secret_value(), standin, texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=30, help="days to backfill; the night's own comes on top")
    parser.add_argument("--products", type=int, default=19_406)
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--generated", action="store_true", help="generated products, though Icecat's are there")
    options = parser.parse_args()
    source = ICECAT / "products.csv.gz"
    real = source.exists() and not options.generated
    products = daily.icecat(source, options.products) if real else daily.generated(options.products)
    days = list(daily.snapshots(products, options.days + 1))
    texts = daily.distinct_texts(days)
    with tempfile.TemporaryDirectory(prefix="vs-backfill-") as folder, running() as standin:
        catalogs, home = Path(folder) / "catalogs", Path(folder) / "home"
        dates = daily.write(catalogs, daily.last_tick().date(), days)
        daily.catalog(catalogs, standin.base_url, options.dimensions)
        with embedded.running(home):
            seconds, database = on_the_scheduler(home, catalogs, dates, options.at_once)
            label = f"backfill, backwards, {options.at_once} at a time, and the night"
            lines = [line(label, seconds, database, standin, texts)]
            others = ("sequential in date order", "full runs, nothing remembered")
            lines += [in_order(other, home, catalogs, dates, standin, texts) for other in others]
            embedded.stop(home)
    show(lines, len(dates), len(products), len(texts), "Icecat's" if real else "generated")


def show(lines: list[Line], dates: int, products: int, texts: int, kind: str) -> None:
    print(f"\n{dates} dates, {products:,} products on the first ({kind}), {texts:,} distinct texts in all\n")
    print(
        "| way | seconds | texts sent | texts sent more than once | index builds | recall measured | vacuums | table |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for found in lines:
        print(
            f"| {found.label} | {found.seconds:,.0f} | {found.sent:,} | {found.twice:,} | {found.builds} | "
            f"{found.measured} | {found.vacuums} | {found.checksum} |"
        )
    same = len({found.checksum for found in lines}) == 1
    print(f"\n{'the tables are equal' if same else 'THE TABLES DIFFER'}")


if __name__ == "__main__":
    main()
