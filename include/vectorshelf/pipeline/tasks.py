"""One function per task, in the order they run. Each can be killed at any instruction and run again.

`prepare → extract → plan → embed (per shard) → load → index → vacuum → report`, staging dropped at the end.
Tasks share nothing but the run id: whatever one leaves for the next is in the database.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from functools import partial
from typing import Any

from vectorshelf.embed.tokens import bytes_of
from vectorshelf.errors import BrakeError, ConfigurationError, SkippedError, VectorshelfError
from vectorshelf.pipeline import batching, embedding, extraction, figures, indexing, money, succession
from vectorshelf.pipeline.context import Run, connected, opened, serving_table
from vectorshelf.pipeline.progress import SILENT, Progress
from vectorshelf.pipeline.request import RunRequest
from vectorshelf.settings import Settings
from vectorshelf.store import (
    as_of_function,
    batches,
    db,
    history,
    ledger,
    merge,
    migrations,
    pending,
    preflight,
    quarantine,
    sizing,
    spaces,
    staging,
)
from vectorshelf.store.budget import MoneyPromisedError


def prepare(request: RunRequest, settings: Settings, progress: Progress = SILENT) -> str:
    """Check the database and the endpoint, migrate, and open the run in the ledger. Pays for one tiny request."""
    request.check_source()
    started = time.monotonic()
    catalog, run_id = request.catalog, request.run_id
    with connected(settings, f"prepare {catalog.name}") as conn:
        with db.transaction(conn) as cur:
            preflight.check_server(cur, catalog.table_parts[0])
        migrations.migrate(conn)
        with db.transaction(conn) as cur:
            ledger.open_run(cur, run_id, catalog.name, request.as_of, request.model_dump_json())
        try:
            counts = _make_ready(conn, request, run_id, settings, progress)
        except VectorshelfError as error:  # the ledger shows a night that ended here, too
            with suppress(VectorshelfError), db.transaction(conn) as cur:
                ledger.finish_run(cur, run_id, "failed", str(error), None)
            raise
        with db.transaction(conn) as cur:
            ledger.record_stage(cur, run_id, "prepare", -1, time.monotonic() - started, counts)
    return run_id


def _make_ready(
    conn: db.Connection, request: RunRequest, run_id: str, settings: Settings, progress: Progress
) -> dict[str, Any]:
    """Check the table, then the endpoint, then make the table. A dry run looks at the table only, if there is one."""
    catalog = request.catalog
    with db.transaction(conn) as cur:
        succession.check(cur, request)
        staging.drop_left_behind(cur, catalog.name)
        space = spaces.space_of(cur, catalog.embedding.model, catalog.embedding.dimensions)
    if request.dry_run:
        return {}
    test = embedding.check_within_budget(catalog, money.Purse.before(conn, request, run_id, space), settings)
    with db.transaction(conn) as cur:
        succession.make_ready(cur, request, lambda line: progress.note("prepare", line))
        return dict(embedding.record_check(cur, run_id, catalog, space, test)) if test else {}


def extract(run_id: str, settings: Settings, progress: Progress = SILENT) -> dict[str, int]:
    """Stream the source into the run's staging table; what cannot be used goes to quarantine with its reason.

    Raises SkippedError, with the reason in the ledger, when the catalog says to skip a date without a file.
    """
    with opened(run_id, "extract", settings) as run, ledger.timed(run.conn, run_id, "extract") as counts:
        progress.start("extract", None, "rows")
        try:
            counts.update(extraction.stage(run, settings, progress))
        except SkippedError as nothing:
            counts.update(extracted=0, quarantined=0, skipped=str(nothing))
        found = f"{counts['extracted']:,} products, {counts['quarantined']:,} to quarantine"
        progress.finish("extract", counts.get("skipped", found))
    # After the counts are in the ledger, as in plan.
    _check_not_skipped(counts)
    merge.check_rejects(counts["quarantined"], counts["extracted"], run.catalog.max_quarantine_fraction)
    return counts


def plan(run_id: str, settings: Settings, progress: Progress = SILENT, *, may_ask: bool = False) -> dict[str, Any]:
    """Compare staging with the table and the store, estimate tokens and dollars, apply the brakes, cut shards.

    `may_ask`: somebody will be asked (`approval.question`) where the catalog wants that instead of the budget's brake.
    """
    with opened(run_id, "plan", settings) as run, ledger.timed(run.conn, run_id, "plan") as counts:
        progress.start("plan", None, "rows")
        with db.transaction(run.conn) as cur:
            _check_staging(cur, run)
            change = succession.comparable(cur, run)
            difference = succession.difference(cur, run, change)
            todo = pending.collect(cur, change)
            too_long = pending.count_longer(cur, change, bytes_of(run.catalog.embedding.max_tokens_per_text))
            space = _space(cur, run, difference)
        estimate = embedding.estimate(run, todo, settings)
        with db.transaction(run.conn) as cur:
            excess = money.over_budget(cur, run, estimate.cost_usd)
            to_pay = 1 - batches.held_texts(cur, run.names, run.space) / max(
                1, todo.texts
            )  # others' jobs have the rest
            promised = money.promised(cur, run, estimate.cost_usd * to_pay)
            no_room = succession.lack_of_room(cur, run, space["table_bytes"] + space["index_bytes"])
        counts.update(difference.counts | {"reused": todo.reused, "pending": todo.texts} | asdict(estimate))
        counts.update(space, too_long=too_long, over_budget=excess, model_change=succession.described(run))
        lacking = indexing.lacking_memory(run, difference)
        counts.update(lacking_memory=lacking)
        counts.update(batching.decision(run, todo.texts, estimate.cost_usd, estimate.minutes))
        if promised:
            progress.note("plan", f"embedding may have to wait: {promised}")
        progress.finish("plan", f"{todo.texts:,} texts to embed, about ${estimate.cost_usd:,.4f}")
    # After the counts are in the ledger: a run that a brake stops still shows what it would have done.
    merge.check_deletions(difference, run.change, allow=run.request.allow_delete or run.request.dry_run)
    if lacking and not run.request.dry_run:
        raise ConfigurationError(lacking)
    if no_room and not run.request.dry_run:
        raise BrakeError(no_room)
    asked = may_ask and run.catalog.over_budget == "ask"
    if excess and not asked and not run.request.dry_run:
        raise BrakeError(
            f"embedding {estimate.tokens:,} tokens {excess}; nothing was paid. Raise max_cost_usd or "
            "max_cost_usd_per_month in the catalog file, or the run's own cap, and start it again"
        )
    return counts | {"shards": _shards(todo.shard_texts), "dry_run": run.request.dry_run}


def embed(run_id: str, shard: int, settings: Settings, progress: Progress = SILENT) -> dict[str, int]:
    """Embed what the shard still lacks, committing every response; resumes where an earlier try stopped."""
    with opened(run_id, f"embed {shard}", settings) as run, ledger.timed(run.conn, run_id, "embed", shard) as counts:
        try:
            counts.update(embedding.embed_pending(run, shard, settings, progress))
        except (MoneyPromisedError, batches.InJobsError):  # perhaps of a job that nobody came back for
            if not batching.settle(run, settings, progress):
                raise
            counts.update(embedding.embed_pending(run, shard, settings, progress))
    return counts


def load(run_id: str, settings: Settings, progress: Progress = SILENT) -> dict[str, int]:
    """Merge staging and vectors into the serving table, in one transaction under the version fence."""
    with opened(run_id, "load", settings) as run:
        with db.transaction(run.conn) as cur:  # of its own, so that it also stays when the brake on rejects is pulled
            _check_staging(cur, run)
            quarantine.name_products(cur, run.names, run_id)
        return succession.on_its_table(run, lambda run: _load(run, progress))


def _load(run: Run, progress: Progress) -> dict[str, int]:
    counts, dated = _merged(run, progress)
    if dated:
        history.refresh_statistics(run.conn, dated)
    return counts


def _merged(run: Run, progress: Progress) -> tuple[dict[str, int], int]:
    """The counts of the load stage, and how many products the history has anew."""
    with db.transaction(run.conn) as cur:
        progress.start("load", None, "rows")
        started = time.monotonic()
        recorded = ledger.stage_counts(cur, run.run_id, "load")
        unusable = (ledger.stage_counts(cur, run.run_id, "extract") or {}).get("quarantined", 0)
        merged = succession.merged(cur, run, unusable, log=lambda line: progress.note("load", line))
        if merged.history is not None:
            as_of_function.create_as_of_function(cur, run.catalog.name, serving_table(run.catalog))
        if run.target.replaces is None and not merged.superseded:  # while the table that serves has the old model,
            quarantine.forget_other_models(cur, run.catalog.name, run.space)  # its nights still need what it refused
        counts = merged.reported.counts | {"refused": merged.refused, "superseded": merged.superseded}
        counts |= {} if merged.history is None else {"history": merged.history}
        if recorded is None or merged.difference.writes or merged.history:  # twice, it writes nothing
            ledger.record_stage(cur, run.run_id, "load", -1, time.monotonic() - started, counts)
        progress.finish("load", f"{merged.difference.writes:,} rows written")
    return recorded or counts, merged.history or 0


def index(run_id: str, settings: Settings, progress: Progress = SILENT, *, to_come: int = 0) -> dict[str, Any]:
    """Build the vector index after the load, or keep the one that measured well enough.

    `to_come` runs of the same catalog will be here after this one: what can wait is left to the last of them. Raises
    SkippedError for a date without a file, after having done what earlier runs left to this one.
    """
    with opened(run_id, "index", settings) as run, _for_others(run, to_come), _timed(run, "index") as counts:
        progress.start("index", None, "")
        build = partial(indexing.after_load, settings=settings, progress=progress, later=to_come > 0)
        outcome, exchange = succession.on_its_table(run, lambda run: succession.indexed(run, build, progress))
        counts.update(asdict(outcome), model_change=succession.outcome_of(run, exchange))
        progress.finish("index", f"{outcome.action}: {outcome.reason}")
    return counts


def vacuum(run_id: str, settings: Settings, progress: Progress = SILENT, *, to_come: int = 0) -> dict[str, Any]:
    """VACUUM (ANALYZE) what was written; nothing on a quiet night, little while `to_come` more runs are to come.

    Raises SkippedError as `index` does.
    """
    with opened(run_id, "vacuum", settings) as run, _for_others(run, to_come), _timed(run, "vacuum") as counts:
        progress.start("vacuum", None, "")
        outcome = succession.on_its_table(run, lambda run: succession.vacuumed(run, later=to_come > 0))
        counts.update(asdict(outcome))
        progress.finish("vacuum", f"{outcome.action}: {outcome.reason}")
    return counts


def report(run_id: str, settings: Settings) -> dict[str, Any]:
    """Close the run with its figures (the object of `vectorshelf run --json`). Safe to repeat."""
    with opened(run_id, "report", settings) as run, db.transaction(run.conn) as cur:
        status = "planned" if run.request.dry_run else "success"
        result = _figures(cur, run, status)
        ledger.finish_run(cur, run_id, status, None, result)
    return result


def fail(run_id: str, message: str, settings: Settings) -> dict[str, Any]:
    """Close the run as failed, with the reason and the figures it got to. The first reason given stays."""
    with opened(run_id, "fail", settings) as run, db.transaction(run.conn) as cur:
        result = _figures(cur, run, "failed")
        result["error"] = run.row.error or message
        ledger.finish_run(cur, run_id, "failed", message, result)
    return result


def _figures(cur: db.Cursor, run: Run, status: str) -> dict[str, Any]:
    stages, batched = ledger.stages(cur, run.run_id), batches.made_by(cur, run.run_id)
    return figures.of_run(run.row, status, stages, ledger.paid(cur, run.row), batched)


def drop_staging(run_id: str, settings: Settings) -> None:
    """Drop the run's staging tables. Safe to repeat; vectors stay."""
    with opened(run_id, "teardown", settings) as run, db.transaction(run.conn) as cur:
        staging.drop(cur, run.names)


def _timed(run: Run, stage: str) -> AbstractContextManager[ledger.Counts]:
    return ledger.timed(run.conn, run.run_id, stage)


@contextmanager
def _for_others(run: Run, to_come: int) -> Iterator[None]:
    """Upkeep by a run without a file is what others left to it, if it is the last; it ends as skipped all the same."""
    with db.transaction(run.conn) as cur:
        extracted = ledger.stage_counts(cur, run.run_id, "extract") or {}
    if to_come or run.target.replaces is not None:  # a table that stands by is for a run with products to fill
        _check_not_skipped(extracted)
    yield
    _check_not_skipped(extracted)


def _check_not_skipped(extracted: dict[str, Any]) -> None:
    if "skipped" in extracted:
        raise SkippedError(f"{extracted['skipped']}: nothing was changed")


def _check_staging(cur: db.Cursor, run: Run) -> None:
    extracted = ledger.stage_counts(cur, run.run_id, "extract") or {"extracted": 1}
    _check_not_skipped(extracted)
    staging.check_intact(cur, run.names, extracted["extracted"])


def _space(cur: db.Cursor, run: Run, difference: merge.Difference) -> dict[str, int]:
    """Bytes of the table and its index once this run is loaded, if its products are like the ones staged."""
    rows, index = difference.before + difference.new - difference.deleted, run.catalog.index
    text_bytes = staging.staged_bytes(cur, run.names) * rows // max(1, difference.staged)
    return {
        "table_bytes": sizing.table_bytes(rows, text_bytes, run.table.dimensions),
        "index_bytes": sizing.index_bytes(rows, run.table.dimensions, index.type, index.lists, run.table.storage),
    }


def _shards(sizes: list[int]) -> list[dict[str, Any]]:
    return [
        {"shard": number, "texts": texts, "label": f"shard {number + 1} of {len(sizes)}, {texts:,} texts"}
        for number, texts in enumerate(sizes)
    ]
