"""One function per task, in the order they run. Each can be killed at any instruction and run again.

`prepare → extract → plan → embed (per shard) → load → index → vacuum → report`, staging dropped at the end.
Tasks share nothing but the run id: whatever one leaves for the next is in the database.
"""

import time
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from vectorshelf.embed.tokens import MAX_BYTES_PER_TEXT
from vectorshelf.errors import BrakeError, VectorshelfError
from vectorshelf.pipeline import batching, embedding, extraction, figures, indexing, money
from vectorshelf.pipeline.context import Run, connected, opened, serving_table
from vectorshelf.pipeline.progress import SILENT, Progress
from vectorshelf.pipeline.request import RunRequest
from vectorshelf.settings import Settings
from vectorshelf.store import (
    db,
    fence,
    ledger,
    merge,
    migrations,
    pending,
    preflight,
    quarantine,
    serving,
    sizing,
    spaces,
    staging,
    upkeep,
)


def prepare(request: RunRequest, settings: Settings) -> str:
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
            counts = _make_ready(conn, request, run_id, settings)
        except VectorshelfError as error:  # the ledger shows a night that ended here, too
            with suppress(VectorshelfError), db.transaction(conn) as cur:
                ledger.finish_run(cur, run_id, "failed", str(error), None)
            raise
        with db.transaction(conn) as cur:
            ledger.record_stage(cur, run_id, "prepare", -1, time.monotonic() - started, counts)
    return run_id


def _make_ready(conn: db.Connection, request: RunRequest, run_id: str, settings: Settings) -> dict[str, Any]:
    """Check the table, then the endpoint, then make the table. A dry run looks at the table only, if there is one."""
    catalog, table = request.catalog, serving_table(request.catalog)
    with db.transaction(conn) as cur:
        serving.check_table(cur, table)
        staging.drop_left_behind(cur, catalog.name)
        space = spaces.space_of(cur, catalog.embedding.model, catalog.embedding.dimensions)
        if not request.whole:
            fence.read(cur, catalog.name, table.label).check_model(catalog.embedding.model, table.label)
    if request.dry_run:
        return {}
    test = embedding.check_within_budget(money.Purse.before(conn, request, run_id, space), settings)
    with db.transaction(conn) as cur:
        serving.ensure_table(cur, catalog.name, table)
        return dict(embedding.record_check(cur, run_id, catalog, space, test)) if test else {}


def extract(run_id: str, settings: Settings, progress: Progress = SILENT) -> dict[str, int]:
    """Stream the source into the run's staging table; what cannot be used goes to quarantine with its reason."""
    with opened(run_id, "extract", settings) as run, ledger.timed(run.conn, run_id, "extract") as counts:
        progress.start("extract", None, "rows")
        counts.update(extraction.stage(run, settings, progress))
        progress.finish("extract", f"{counts['extracted']:,} products, {counts['quarantined']:,} to quarantine")
    # After the counts are in the ledger, as in plan.
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
            change = (
                replace(run.change, table=serving.or_nothing(cur, run.table)) if run.request.dry_run else run.change
            )
            difference = _difference(cur, run, change)
            todo = pending.collect(cur, change)
            too_long = pending.count_longer(cur, change, MAX_BYTES_PER_TEXT)
            space = _space(cur, run, difference)
        estimate = embedding.estimate(run, todo, settings)
        with db.transaction(run.conn) as cur:
            excess = money.over_budget(cur, run, estimate.cost_usd)
        counts.update(difference.counts | {"reused": todo.reused, "pending": todo.texts} | asdict(estimate))
        counts.update(space, too_long=too_long, over_budget=excess)
        counts.update(batching.decision(run, todo.texts, estimate.cost_usd, estimate.minutes))
        progress.finish("plan", f"{todo.texts:,} texts to embed, about ${estimate.cost_usd:,.4f}")
    # After the counts are in the ledger: a run that a brake stops still shows what it would have done.
    merge.check_deletions(difference, run.change, allow=run.request.allow_delete or run.request.dry_run)
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
        counts.update(embedding.embed_pending(run, shard, settings, progress))
    return counts


def load(run_id: str, settings: Settings, progress: Progress = SILENT) -> dict[str, int]:
    """Merge staging and vectors into the serving table, in one transaction under the version fence."""
    with opened(run_id, "load", settings) as run:
        with db.transaction(run.conn) as cur:  # of its own, so that it also stays when the brake on rejects is pulled
            _check_staging(cur, run)
            quarantine.name_products(cur, run.names, run_id)
        return _load(run, progress)


def _load(run: Run, progress: Progress) -> dict[str, int]:
    with db.transaction(run.conn) as cur:
        progress.start("load", None, "rows")
        started = time.monotonic()
        recorded = ledger.stage_counts(cur, run.run_id, "load")
        unusable = (ledger.stage_counts(cur, run.run_id, "extract") or {}).get("quarantined", 0)
        merged = merge.merge(cur, run.change, allow_deletes=run.request.allow_delete, unusable=unusable)
        counts = merged.difference.counts | {"refused": merged.refused, "superseded": merged.superseded}
        if recorded is None or merged.difference.writes:  # run twice, it changes nothing the second time
            ledger.record_stage(cur, run.run_id, "load", -1, time.monotonic() - started, counts)
        progress.finish("load", f"{merged.difference.writes:,} rows written")
    return recorded or counts


def index(run_id: str, settings: Settings, progress: Progress = SILENT) -> dict[str, Any]:
    """Build the vector index after the load, or keep the one that measured well enough."""
    with opened(run_id, "index", settings) as run, ledger.timed(run.conn, run_id, "index") as counts:
        progress.start("index", None, "")
        outcome = indexing.after_load(run, settings, progress)
        counts.update(asdict(outcome))
        progress.finish("index", f"{outcome.action}: {outcome.reason}")
    return counts


def vacuum(run_id: str, settings: Settings, progress: Progress = SILENT) -> dict[str, Any]:
    """VACUUM (ANALYZE) what the run wrote; nothing on a quiet night."""
    with opened(run_id, "vacuum", settings) as run, ledger.timed(run.conn, run_id, "vacuum") as counts:
        progress.start("vacuum", None, "")
        outcome = upkeep.vacuum(run.conn, run.table, catalog=run.catalog.name)
        counts.update(asdict(outcome))
        progress.finish("vacuum", f"{outcome.action}: {outcome.reason}")
    return counts


def report(run_id: str, settings: Settings) -> dict[str, Any]:
    """Close the run with its figures (the object of `vectorshelf run --json`). Safe to repeat."""
    with opened(run_id, "report", settings) as run, db.transaction(run.conn) as cur:
        status = "planned" if run.request.dry_run else "success"
        result = figures.of_run(run.row, status, ledger.stages(cur, run_id), ledger.paid(cur, run.row))
        ledger.finish_run(cur, run_id, status, None, result)
    return result


def fail(run_id: str, message: str, settings: Settings) -> dict[str, Any]:
    """Close the run as failed, with the reason and the figures it got to. The first reason given stays."""
    with opened(run_id, "fail", settings) as run, db.transaction(run.conn) as cur:
        result = figures.of_run(run.row, "failed", ledger.stages(cur, run_id), ledger.paid(cur, run.row))
        result["error"] = run.row.error or message
        ledger.finish_run(cur, run_id, "failed", message, result)
    return result


def drop_staging(run_id: str, settings: Settings) -> None:
    """Drop the run's staging tables. Safe to repeat; vectors stay."""
    with opened(run_id, "teardown", settings) as run, db.transaction(run.conn) as cur:
        staging.drop(cur, run.names)


def _check_staging(cur: db.Cursor, run: Run) -> None:
    extracted = ledger.stage_counts(cur, run.run_id, "extract") or {"extracted": 1}
    staging.check_intact(cur, run.names, extracted["extracted"])


def _difference(cur: db.Cursor, run: Run, change: merge.Change) -> merge.Difference:
    if change.snapshot and fence.read(cur, change.catalog, change.table.label).is_past(run.request.as_of):
        return merge.Difference()
    return merge.difference(cur, change)


def _space(cur: db.Cursor, run: Run, difference: merge.Difference) -> dict[str, int]:
    """Bytes of the table and its index once this run is loaded, if its products are like the ones staged."""
    rows, index = difference.before + difference.new - difference.deleted, run.catalog.index
    text_bytes = staging.staged_bytes(cur, run.names) * rows // max(1, difference.staged)
    return {
        "table_bytes": sizing.table_bytes(rows, text_bytes, run.table.dimensions),
        "index_bytes": sizing.index_bytes(rows, run.table.dimensions, index.type, index.lists),
    }


def _shards(sizes: list[int]) -> list[dict[str, Any]]:
    return [
        {"shard": number, "texts": texts, "label": f"shard {number + 1} of {len(sizes)}, {texts:,} texts"}
        for number, texts in enumerate(sizes)
    ]
