"""`vectorshelf run CATALOG`: one run of the whole pipeline in this process."""

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vectorshelf.cli.options import CatalogArgument, JsonOption
from vectorshelf.cli.place import database, environment, named
from vectorshelf.cli.reply import Reply, reaction_to
from vectorshelf.cli.stopping import cancelling

if TYPE_CHECKING:
    from vectorshelf.catalog import Catalog
    from vectorshelf.pipeline import RunRequest
    from vectorshelf.settings import Settings


def run(  # noqa: PLR0913, PLR0917  one for each option of the command
    catalog: CatalogArgument,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="The catalog's date: 2026-11-20 or 2026-11-20T02:00. [now]")
    ] = None,
    source: Annotated[str | None, typer.Option(metavar="PATH", help="Read this file instead of the catalog's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count and estimate; change and pay nothing.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Read only N products; delete nothing.")] = None,
    max_cost_usd: Annotated[
        float | None, typer.Option(min=0, metavar="X", help="Stop before paying more than X dollars.")
    ] = None,
    rebuild_index: Annotated[bool, typer.Option("--rebuild-index", help="Build the index anew.")] = False,
    allow_delete: Annotated[
        bool, typer.Option("--allow-delete", help="Lift the brake on deleting much of the table at once.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read a catalog, embed what is new, load, index."""
    with Reply(as_json) as reply:
        from vectorshelf import report

        reply.failure = report.failed_figures(catalog, None, "")
        settings = environment()
        found = named(catalog, settings)
        request = _request(
            found,
            as_of,
            source=source,
            dry_run=dry_run,
            limit=limit,
            max_cost_usd=max_cost_usd,
            rebuild_index=rebuild_index,
            allow_delete=allow_delete,
        )
        reply.failure = report.failed_figures(found.name, request.as_of.isoformat(), "")
        with database(settings) as place:
            figures = _followed(request, place, reply)
        reply.give(figures, lambda: _show(figures, found.index.recall_target))


def _request(catalog: "Catalog", as_of: str | None, *, source: str | None, **options: object) -> "RunRequest":
    """A key of its own gives the run an id that is known here even when the run does not come back."""
    from vectorshelf.catalog import as_of_of
    from vectorshelf.pipeline import RunRequest

    dated = as_of_of(as_of, catalog) if as_of else datetime.now(UTC)
    wanted = {"catalog": catalog, "as_of": dated, "source": source, "key": secrets.token_hex(16), **options}
    return RunRequest.model_validate(wanted)


def _followed(request: "RunRequest", settings: "Settings", reply: Reply) -> dict[str, Any]:
    from vectorshelf import pipeline
    from vectorshelf.cli.progress import follower
    from vectorshelf.pipeline.interruption import cancel_queries

    try:
        with follower() as progress, cancelling(cancel_queries):
            return pipeline.run(request, settings, progress)
    except BaseException as error:
        reply.failure |= _figures_of_failure(request, settings, error)
        raise


def _figures_of_failure(request: "RunRequest", settings: "Settings", error: BaseException) -> dict[str, Any]:
    """How far the run got, from the ledger; nothing when it was never opened there, or the database went away."""
    from vectorshelf import pipeline
    from vectorshelf.errors import VectorshelfError

    try:
        return pipeline.fail(request.run_id, reaction_to(error)[1], settings)
    except VectorshelfError:
        return {}


def _show(figures: dict[str, Any], recall_target: float) -> None:
    from vectorshelf import report
    from vectorshelf.cli import screen

    if not screen.is_terminal():
        screen.say(report.plain(figures, recall_target))
        return
    from vectorshelf.report.terminal import run_summary

    screen.show(run_summary(figures, recall_target))
