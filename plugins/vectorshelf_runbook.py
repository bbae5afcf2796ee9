"""The page behind a DAG's name in the Airflow UI: what the DAG does, and what to do when one of its tasks fails."""

from vectorshelf.catalog.model import Catalog

_TEMPLATE = """\
# {name}

{source} become rows of table `{table}`, searchable by meaning. {model} {schedule}

{mode}

## Trigger it by hand

*Trigger* opens a form. Without any change it does what the nightly run does. **As of** loads the data of a past date;
an older date than the one loaded last pays for its vectors and changes no row. **Dry run** stops after `plan`, which
says what would be embedded and what it would cost. A dated run twice is the same run: nothing is paid for again.

## Backfill

`vectorshelf plan {name} --from 2026-11-01 --to 2026-11-30` says what it would cost and prints the command with the
dates Airflow wants: where intervals begin, one tick before the date of the data. Backwards is cheapest, runs may
overlap. Index and vacuum are left to the last run.

## When a task fails

Clear the failed task once the cause is gone: what was embedded stays paid. Clearing `embed` or `load` runs `prepare`,
`extract` and `plan` again as well. Nothing readers see changes before `load`, which is one transaction.

{table_of_tasks}

Unusable input rows fail no run unless they are more than {rejects} of all: `vectorshelf quarantine list {name}` has
them with line and reason.
`vectorshelf status {name}` shows rows, recall and spending. The run's figures are on the event of asset `{asset}`.
"""


_REMEDIES = (
    (
        "prepare",
        "the database or the endpoint refuses, or pgvector is missing",
        "the message names the command, key or privilege; then clear it",
    ),
    (
        "extract",
        "the source is missing, cut short, or lacks a mapped column",
        "put it right and clear, or trigger with another **Source**{late}",
    ),
    (
        "plan",
        "a brake: over the cost cap, or too many products would go",
        "if the figures are right, trigger again with another **Cost cap** or with **Allow deletes**",
    ),
    (
        "approve",
        "somebody rejected what the run would cost, approved too little, or nobody answered",
        "clear it: the question is asked again",
    ),
    (
        "batch",
        "the key may not use files and batches",
        "grant it and clear: jobs that were made are found again, never made twice",
    ),
    (
        "embed",
        "the key is refused, or the endpoint kept failing for all retries",
        "fix `openai_default` and clear: each shard goes on where it stopped",
    ),
    (
        "load",
        "the table was changed by hand, or the brake found too many deletions",
        "the message says which; readers still have the old rows",
    ),
    (
        "index",
        "too little memory for the build, or it was cancelled",
        "the message has the figure; readers still have the old index",
    ),
    ("vacuum", "somebody holds a lock on the table", "clear it later: searches are right, only slower"),
    ("report", "the database went away", "clear it"),
    ("drop_staging", "the database went away", "nothing: the run's result stands"),
)


def runbook(catalog: Catalog) -> str:
    """Markdown for one catalog's DAG."""
    return _TEMPLATE.format(
        name=catalog.name,
        asset=asset_name(catalog),
        table=catalog.table,
        source=_source(catalog),
        model=f"Texts go to {_model(catalog)}.",
        schedule=_schedule(catalog),
        mode=_mode(catalog),
        rejects=f"{catalog.max_quarantine_fraction:.0%}",
        table_of_tasks=_table_of_tasks(catalog),
    )


def description(catalog: Catalog) -> str:
    """One line for the list of DAGs."""
    return f"{_source(catalog).replace('`', '')} into table {catalog.table}, by {_model(catalog)}"


def asset_name(catalog: Catalog) -> str:
    """The serving table as Airflow's assets know it."""
    return ".".join(catalog.table_parts)


def _source(catalog: Catalog) -> str:
    if catalog.source.connection:
        return f"Products from a query on connection `{catalog.source.connection}`"
    return f"Products from `{catalog.source.path}`"


def _model(catalog: Catalog) -> str:
    where = "the model inside the worker" if catalog.embedding.provider == "local" else "the embeddings endpoint"
    return f"{catalog.embedding.model} ({catalog.embedding.dimensions:,} dimensions, {where})"


def _schedule(catalog: Catalog) -> str:
    if catalog.schedule is None:
        return "It runs when triggered."
    return f"It runs at `{catalog.schedule}` ({catalog.timezone})."


def _mode(catalog: Catalog) -> str:
    if catalog.mode == "delta":
        return "The source holds changes only: a product goes when a row says so."
    return (
        "The source is the whole catalog of its date: what is missing in it is deleted, but never more than"
        f" {catalog.max_delete_fraction:.0%} of the table in one run. After a change of `embedding` in the catalog file"
        " a run fills a second table, which takes the first one's place at the end of `index`;"
        f" `vectorshelf rollback {catalog.name}` goes back."
    )


def _table_of_tasks(catalog: Catalog) -> str:
    absent = {"approve"} if catalog.over_budget != "ask" else set()
    absent |= {"batch"} if catalog.embedding.batch == "never" else set()
    tasks = [found for found in _REMEDIES if found[0] not in absent]
    rows = [f"| `{task}` | {cause} | {remedy} |" for task, cause, remedy in tasks]
    return "\n".join(["| task | failed because | do this |", "|---|---|---|", *rows]).format(late=_late(catalog))


def _late(catalog: Catalog) -> str:
    """Only a file that must be there is waited for (`vectorshelf_retries.LATE_FILE`)."""
    waits = catalog.source.path is not None and catalog.source.missing == "fail"
    return "; a nightly run has already waited for a late file" if waits else ""
