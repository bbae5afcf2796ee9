"""A live catalog's change to another model: a second table is filled while the first serves, then takes its place.

Which table a run writes is looked up, not remembered: it is the one that serves if that has the run's model, else the
one that prepare made to take its place. Tables change places while other runs are at work; those look again.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from typing import Any, TypeVar

from vectorshelf.catalog.model import Catalog
from vectorshelf.errors import ConfigurationError, VectorshelfError
from vectorshelf.pipeline.context import Run, connected, serving_table, target_of
from vectorshelf.pipeline.progress import SILENT, Progress
from vectorshelf.pipeline.request import RunRequest
from vectorshelf.settings import Settings
from vectorshelf.store import (
    db,
    ledger,
    merge,
    migrations,
    preflight,
    quarantine,
    serving,
    standings,
    succession,
    successor,
    upkeep,
)
from vectorshelf.store.index import IndexOutcome
from vectorshelf.store.spaces import Space
from vectorshelf.store.standings import Standing, Target
from vectorshelf.store.succession import Exchange
from vectorshelf.store.upkeep import VacuumOutcome

Result = TypeVar("Result")

_LOOKS = 3


def check(cur: db.Cursor, request: RunRequest) -> None:
    """Raise ConfigurationError when the table cannot take this run's vectors, and no other can take its place."""
    target = target_of(cur, request.catalog)
    try:
        _check(cur, request, target)
    except ConfigurationError:
        moved = target_of(cur, request.catalog)
        if moved.table == target.table and moved.replaces == target.replaces:
            raise
        _check(cur, request, moved)  # tables changed places while we looked


def _check(cur: db.Cursor, request: RunRequest, target: Target) -> None:
    if target.replaces is None:
        serving.check_table(cur, target.table)
    elif not _only_stores(request, target):
        _check_whole(request, target)
        _check_newest(request, target)
        successor.check(cur, request.catalog.name, target)


def make_ready(cur: db.Cursor, request: RunRequest, log: Callable[[str], None] | None = None) -> None:
    """Make the table that the run writes, if it is not there: the catalog's, or the one to take its place.

    `log` is told for whom it waits, where a load or a swap of the same catalog is going on.
    """
    catalog = request.catalog
    standings.lock(cur, catalog.name, log)
    target = target_of(cur, catalog)
    serving.ensure_table(cur, catalog.name, target.replaces or target.table)
    check(cur, request)  # again: a catalog that came back to a table finds there what that one holds
    target = target_of(cur, catalog)
    if not _only_stores(request, target):
        successor.make(cur, catalog.name, target, catalog.embedding.model)


def _only_stores(request: RunRequest, target: Target) -> bool:
    """A snapshot older than what readers have leaves its vectors in the store, and the tables as they are."""
    return request.catalog.mode == "snapshot" and target.is_past(request.as_of)


def _writes(run: Run) -> bool:
    """Whether there is a table for this run's vectors, and it may write there."""
    target = run.target
    return target.replaces is None or (target.stands and not _only_stores(run.request, target))


def _check_whole(request: RunRequest, target: Target) -> None:
    if request.whole or target.replaces is None:
        return
    held, wanted = _held(target), _wanted(request.catalog)
    remedy = "run it without --limit: that fills a second table and swaps it in"
    if request.catalog.mode == "delta":
        remedy = (
            "a delta holds changes only. Load the whole catalog once: set mode: snapshot (without columns.deleted) for "
            "one run with --source, then mode: delta again; or name another `table` and load it from the start"
        )
    raise ConfigurationError(
        f"{target.replaces.label} holds vectors of {held}, the catalog says {wanted}, and the two cannot be compared: "
        f"{remedy}"
    )


def _check_newest(request: RunRequest, target: Target) -> None:
    """A swap leaves nothing of the table that served: it must not hold what the snapshot is too old to know."""
    newest = target.serving.changes_as_of if target.serving else None
    if newest is not None and request.as_of < newest and target.replaces is not None:
        raise ConfigurationError(
            f"{target.replaces.label} holds a delta of {newest:%Y-%m-%d %H:%M %Z}, and this snapshot of "
            f"{request.as_of:%Y-%m-%d %H:%M %Z} would take its place: change the model with a snapshot of a later date"
        )


def _held(target: Target) -> str:
    standing = target.serving
    return _space(standing.model, standing.dimensions) if standing else "no model"


def _wanted(catalog: Catalog) -> str:
    return _space(catalog.embedding.model, catalog.embedding.dimensions)


def _space(model: str | None, dimensions: int | None) -> str:
    return f"{model or 'no model yet'} ({dimensions or 0:,} dimensions)"


def comparable(cur: db.Cursor, run: Run) -> merge.Change:
    """What the run means to a table that is there: in the plan of a dry run, or of an older date, an empty one."""
    if not run.target.stands:
        return replace(run.change, table=serving.nothing(cur, run.table))
    if run.request.dry_run:
        return replace(run.change, table=serving.or_nothing(cur, run.table))
    return run.change


def difference(cur: db.Cursor, run: Run, change: merge.Change) -> merge.Difference:
    """How what readers have will differ; not at all where they have a newer snapshot."""
    if run.target.is_past(run.request.as_of):
        return merge.Difference()
    return merge.replacement(cur, change) if change.replaces else merge.difference(cur, change)


def described(run: Run) -> dict[str, Any] | None:
    """The model change that this run makes, as its report says it; None when it makes none."""
    target = run.target
    if target.replaces is None or _only_stores(run.request, target):
        return None
    embedding = run.catalog.embedding
    return {
        "from": {"model": target.serving and target.serving.model, "dimensions": target.replaces.dimensions},
        "to": {"model": embedding.model, "dimensions": embedding.dimensions},
        "table": target.replaces.label,
        "fills": target.table.label,
        "keeps": target.replaces.standby("previous").label,
    }


def lack_of_room(cur: db.Cursor, run: Run, size: int) -> str | None:
    """Why the second table, of `size` bytes with its index, cannot be made; None when it can, or nobody knows."""
    if described(run) is None:
        return None
    free = preflight.free_disk(cur)
    needed = size - standings.bytes_of(cur, run.table)
    if free is None or needed <= free:
        return None
    return (
        f"another model needs a second table, about {needed / 1e6:,.0f} MB more with its index, and the disk of the "
        f"database has {free / 1e6:,.0f} MB free; nothing was paid. Free some space, or drop what an earlier change "
        f"left with `vectorshelf rollback {run.catalog.name} --forget`"
    )


def merged(cur: db.Cursor, run: Run, unusable: int, log: Callable[[str], None]) -> merge.Merged:
    """Merge the run into its table, in the caller's transaction. It is left alone by an older date."""
    allow = run.request.allow_delete
    if run.target.replaces is not None and _only_stores(run.request, run.target):
        return merge.remember(cur, run.change, allow_deletes=allow, unusable=unusable, log=log)
    if run.target.stands:
        return merge.merge(cur, run.change, allow_deletes=allow, unusable=unusable, log=log)
    raise ConfigurationError(
        f"{run.catalog.table} has changed its model to {_held(run.target)} while this run was going, and the run has "
        f"{_wanted(run.catalog)}: if the catalog file is right, run it again (in Airflow, clear it from prepare on)"
    )


def indexed(run: Run, build: Callable[[Run], IndexOutcome], progress: Progress) -> tuple[IndexOutcome, Exchange | None]:
    """Build the index with `build`; then a table that stands by is vacuumed and takes its place."""
    target = run.target
    if not _writes(run):
        reason = f"{run.catalog.table} has a newer catalog in another model: a run of a later date changes the model"
        return IndexOutcome("none", reason, run.catalog.index.type), Exchange(False, reason)
    outcome = build(run)
    if target.replaces is None:
        return outcome, None
    upkeep.vacuum(run.conn, target.table, catalog=run.change.shelf)
    space = Space(run.catalog.embedding.model, run.catalog.embedding.dimensions)
    exchange = succession.take_place(run.conn, run.catalog.name, target.replaces, space, _noted(progress, "index"))
    name, label = run.catalog.name, target.replaces.label
    if exchange.done:
        with db.transaction(run.conn) as cur:
            quarantine.forget_other_models(cur, name, run.space)
    line = f"{label} has vectors of {_wanted(run.catalog)} now; `vectorshelf rollback {name}` brings the old ones back"
    progress.note("index", line if exchange.done else f"the model was not changed: {exchange.reason}")
    return outcome, exchange


def outcome_of(run: Run, exchange: Exchange | None) -> dict[str, Any] | None:
    """Whether the model change that was planned is made, by this run or by another one meanwhile; else why not."""
    with db.transaction(run.conn) as cur:
        planned = (ledger.stage_counts(cur, run.run_id, "plan") or {}).get("model_change")
        made = target_of(cur, run.catalog).replaces is None
    if planned is None and exchange is None:
        return None
    return {"made": made, "reason": "" if made or exchange is None else exchange.reason}


def vacuumed(run: Run, *, later: bool = False) -> VacuumOutcome:
    """Vacuum the run's table; where it has none, the one that serves. `later`: more runs of the catalog are to come."""
    if run.target.replaces is not None and not _writes(run):
        return upkeep.vacuum(run.conn, run.target.replaces, catalog=run.catalog.name, later=later)
    return upkeep.vacuum(run.conn, run.table, catalog=run.change.shelf, later=later)


def on_its_table(run: Run, work: Callable[[Run], Result]) -> Result:
    """Do `work` on the run's table; do it again when it failed because tables changed places meanwhile."""
    for _ in range(_LOOKS):
        try:
            return work(run)
        except VectorshelfError:
            if run.conn.closed:
                raise
            moved = run.looked_up_again()
            if (moved.target.table, moved.target.stands) == (run.target.table, run.target.stands):
                raise
            run = moved
    return work(run)


def rollback(catalog: Catalog, settings: Settings, progress: Progress = SILENT) -> dict[str, Any]:
    """Let the table from before the last model change serve again. The one that served stays: twice changes nothing.

    Raises ConfigurationError when there is no such table.
    """
    table = serving_table(catalog)
    with connected(settings, f"rollback {catalog.name}") as conn:
        migrations.migrate(conn)
        exchange = succession.take_back(conn, catalog.name, table, _noted(progress, "rollback"))
    serving, embedding = exchange.serving, catalog.embedding
    return {
        "catalog": catalog.name,
        "table": table.label,
        "serving": _as_json(serving),
        "previous": _as_json(exchange.previous),
        "deltas_lost_since": _deltas_lost_since(exchange),
        "file_agrees": serving is not None and serving.may_take(embedding.model, embedding.dimensions),
    }


def _deltas_lost_since(exchange: Exchange) -> str | None:
    """From when on the table that serves again lacks deltas which the other one has; None when it lacks none."""
    serving, previous = exchange.serving, exchange.previous
    if serving is None or previous is None or previous.changes_as_of is None:
        return None
    known = max((date for date in (serving.loaded_as_of, serving.changes_as_of) if date), default=None)
    lost = known is None or known < previous.changes_as_of
    return known.astimezone(UTC).isoformat() if lost and known else None


def forget(catalog: Catalog, settings: Settings) -> dict[str, Any]:
    """Drop the tables that stand by: the one kept from before a model change, and one that is not filled to its end."""
    with connected(settings, f"rollback {catalog.name}") as conn:
        migrations.migrate(conn)
        with db.transaction(conn) as cur:
            dropped = successor.forget(cur, catalog.name)
    return {"catalog": catalog.name, "dropped": dropped}


def _as_json(standing: Standing | None) -> dict[str, Any]:
    if standing is None:
        return {"model": None, "dimensions": None, "as_of": None}
    as_of = standing.loaded_as_of.astimezone(UTC).isoformat() if standing.loaded_as_of else None
    return {"model": standing.model, "dimensions": standing.dimensions, "as_of": as_of}


def _noted(progress: Progress, stage: str) -> Callable[[str], None]:
    return lambda line: progress.note(stage, line)
