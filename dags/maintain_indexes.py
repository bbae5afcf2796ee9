"""One DAG for the indexes of all catalogs: `maintain_indexes`, weekly and on demand. Wiring only.

A night's run measures an index only when its table changed. This measures every one, so that drift that no single
night shows is met, and rebuilds where that is needed.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, dag, task

from vectorshelf_connections import settings
from vectorshelf_retries import ByReaction
from vectorshelf_runs import LogProgress

RUNBOOK = """\
# maintain_indexes

Measures the recall of every catalog's vector index with fresh looks at the table, stores the smallest probes that reach
`index.recall_target`, and rebuilds an index that has become twice as slow as when it was new, or whose lists no longer
fit the number of rows. It loads no product. Where the catalog's model is paid for, a measurement costs about 800
tokens, within the catalog's budgets.

*Trigger* runs it now. Searches and loads go on meanwhile: a new index is built beside the old one.

## When a task fails

| message | do this |
|---|---|
| the server has not the memory | the message has the figure: give the server more, or set fewer `index.lists` |
| a vector has a number over 65,504 | set `index.storage` to `vector`, clear the task: it replaces the index |
| `index.queries` cannot be read | put the file there, or remove the key |
| another session has been building | a night's run builds the same index: clear the task later |

Clear the failed task; the other catalogs' tasks do not depend on it. What was done and why, with the whole curve of
recall and milliseconds: `SELECT * FROM vectorshelf.index_log ORDER BY at DESC`.
"""


@task(execution_timeout=timedelta(minutes=5))
def catalogs() -> list[str]:
    """The names of the catalogs whose files can be used."""
    from vectorshelf.catalog.loading import load_folder

    return [catalog.name for catalog in load_folder(settings().catalogs).catalogs.values()]


@task(
    execution_timeout=timedelta(hours=12),
    map_index_template="{{ task.op_kwargs['catalog'] }}",
    max_active_tis_per_dagrun=1,  # a build takes the server's memory and cores; nobody waits for this
)
def maintain(catalog: str) -> dict[str, Any]:
    """Measure one catalog's index, and rebuild it if it needs it."""
    from vectorshelf import pipeline
    from vectorshelf.catalog.loading import find_catalog

    found = settings()
    return pipeline.maintain(find_catalog(catalog, found.catalogs), found, LogProgress())


@dag(
    description="Measures every catalog's vector index and rebuilds where needed",
    doc_md=RUNBOOK,
    schedule=CronDataIntervalTimetable("0 6 * * 0", timezone="UTC"),
    start_date=datetime(2000, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["vectorshelf", "upkeep"],
    default_args={
        "owner": "vectorshelf",
        "retries": 3,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=10),
        "retry_policy": ByReaction(),
    },
)
def maintain_indexes() -> None:
    """The weekly upkeep: one mapped task per catalog."""
    maintain.expand(catalog=catalogs())


maintain_indexes()
