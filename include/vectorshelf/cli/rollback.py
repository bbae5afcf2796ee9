"""`vectorshelf rollback CATALOG`: the table from before the last model change serves again."""

from typing import Annotated, Any

import typer

from vectorshelf.cli.options import CatalogArgument, JsonOption
from vectorshelf.cli.place import database, environment, named
from vectorshelf.cli.reply import Reply


def rollback(
    catalog: CatalogArgument,
    forget: Annotated[
        bool, typer.Option("--forget", help="Drop the tables that stand by instead: there is no way back then.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Go back to the table from before the last model change."""
    with Reply(as_json) as reply:
        from vectorshelf import pipeline
        from vectorshelf.cli.progress import follower

        settings = environment()
        found = named(catalog, settings)
        with database(settings) as place:
            if forget:
                answer = pipeline.forget(found, place)
            else:
                with follower() as progress:
                    answer = pipeline.rollback(found, place, progress)
        reply.give(answer, lambda: _show(answer))


def _show(answer: dict[str, Any]) -> None:
    from vectorshelf import report
    from vectorshelf.cli import screen

    screen.say(report.rolled_back(answer) if "serving" in answer else report.forgotten(answer))
