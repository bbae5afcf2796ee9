"""`vectorshelf history list|prune CATALOG`: the dates that can be searched, and forgetting old ones."""

from typing import Annotated, Any

import typer

from vectorshelf.cli.options import CatalogArgument, JsonOption
from vectorshelf.cli.place import database, environment, named
from vectorshelf.cli.reply import Reply

app = typer.Typer(help="Past dates that can be searched.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(catalog: CatalogArgument, as_json: JsonOption = False) -> None:
    """Show every date that was loaded, and which of them `search --as-of` can go back to."""
    with Reply(as_json) as reply:
        from vectorshelf import pipeline
        from vectorshelf.cli import screen

        settings = environment()
        found = named(catalog, settings)
        with database(settings) as place:
            answer = pipeline.loaded_dates(found, place)

        def show() -> None:
            from vectorshelf.report.terminal import dates_table

            if not answer["dates"]:
                screen.say(f"no snapshot of {found.name} was loaded yet")
                return
            screen.show(dates_table(answer["dates"]))
            screen.say(f"\n{len(answer['dates']):,} dates in {answer['versions']:,} rows of history")

        reply.give(answer, show)


@app.command()
def prune(
    catalog: CatalogArgument,
    before: Annotated[
        str, typer.Option(metavar="DATE", help="Answers from this date on stay as they are: 2026-01-01, or a moment.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Forget the dates before one. Vectors stay in the store."""
    with Reply(as_json) as reply:
        from vectorshelf import pipeline
        from vectorshelf.catalog import beginning_of
        from vectorshelf.cli import screen

        settings = environment()
        found = named(catalog, settings)
        moment = beginning_of(before, found)
        with database(settings) as place:
            answer = pipeline.prune_history(found, moment, place)
        reply.give(answer, lambda: screen.say(_pruned(answer)))


def _pruned(answer: dict[str, Any]) -> str:
    from vectorshelf.report.phrases import counted, moment

    if answer["first"] is None:
        return f"{answer['catalog']} keeps no history: nothing to forget"
    gone = f"{counted(answer['dates'], 'date')} and {counted(answer['versions'], 'row')} of history forgotten"
    return f"{gone}; the oldest date kept is {moment(answer['first'])}"
