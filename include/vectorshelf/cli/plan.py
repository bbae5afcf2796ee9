"""`vectorshelf plan CATALOG --from DAY --to DAY`: what a backfill would cost, before any run is made."""

from typing import Annotated, Any

import typer

from vectorshelf.cli.options import CatalogArgument, JsonOption
from vectorshelf.cli.place import database, environment, named
from vectorshelf.cli.reply import Reply
from vectorshelf.cli.stopping import cancelling


def plan(
    catalog: CatalogArgument,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="The first day: 2026-11-01.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="The last day; it is part of the range.")],
    as_json: JsonOption = False,
) -> None:
    """Count what the runs of a range of days would embed; change and pay nothing."""
    with Reply(as_json) as reply:
        from vectorshelf import pipeline
        from vectorshelf.catalog import day_of
        from vectorshelf.cli.progress import follower
        from vectorshelf.pipeline.interruption import cancel_queries

        settings = environment()
        found = named(catalog, settings)
        days = day_of(first, "--from"), day_of(last, "--to")
        with database(settings) as place, follower() as progress, cancelling(cancel_queries):
            answer = pipeline.forecast(found, *days, place, progress)
        reply.give(answer, lambda: _show(answer))


def _show(answer: dict[str, Any]) -> None:
    from vectorshelf import report
    from vectorshelf.cli import screen

    screen.say(report.forecast_table(answer))
