"""`vectorshelf quarantine list|requeue CATALOG`: what could not be used, and another try for it."""

from typing import Annotated

import typer

from vectorshelf.cli.options import CatalogArgument, JsonOption
from vectorshelf.cli.place import database, environment, named
from vectorshelf.cli.reply import Reply

app = typer.Typer(help="Rows and texts that could not be used.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(
    catalog: CatalogArgument,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show at most N.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show what was put aside and why, newest first."""
    with Reply(as_json) as reply:
        from vectorshelf import pipeline
        from vectorshelf.cli import screen

        settings = environment()
        found = named(catalog, settings)
        with database(settings) as place:
            items = pipeline.quarantine_list(found, place, limit)
            total = pipeline.quarantine_count(found, place)

        def show() -> None:
            from vectorshelf.report.terminal import quarantine_table

            if not items:
                screen.say(f"nothing of {found.name} is in quarantine")
                return
            screen.show(quarantine_table(items))
            if total > len(items):
                screen.say(f"\n{len(items):,} of {total:,} shown: --limit shows more")

        reply.give({"catalog": found.name, "quarantine": items, "total": total}, show)


@app.command()
def requeue(catalog: CatalogArgument, as_json: JsonOption = False) -> None:
    """Let the next run try everything again that was put aside."""
    with Reply(as_json) as reply:
        from vectorshelf import pipeline
        from vectorshelf.cli import screen

        settings = environment()
        found = named(catalog, settings)
        with database(settings) as place:
            count = pipeline.quarantine_requeue(found, place)
        reply.give(
            {"catalog": found.name, "requeued": count},
            lambda: screen.say(f"{count:,} requeued: vectorshelf run {found.name} tries them again"),
        )
