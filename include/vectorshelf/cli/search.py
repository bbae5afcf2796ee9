"""`vectorshelf search CATALOG TEXT`: what the catalog's readers would find."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from vectorshelf.cli.options import CatalogArgument, JsonOption
from vectorshelf.cli.place import database, environment, named
from vectorshelf.cli.reply import Reply


class Mode(StrEnum):
    """By meaning alone, or by meaning and words together."""

    vector = "vector"
    hybrid = "hybrid"


def search(  # noqa: PLR0917  one for each option of the command
    catalog: CatalogArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to look for, in a person's words.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, metavar="N", help="How many products.")] = 10,
    mode: Annotated[Mode, typer.Option(help="By meaning, or by meaning and words.")] = Mode.vector,
    category: Annotated[str | None, typer.Option(help="Only products of this category.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="As on 2026-11-20, or at 2026-11-20T02:00 (needs `history: true`). [now]"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the products nearest to a text, best first."""
    with Reply(as_json) as reply:
        from vectorshelf import pipeline
        from vectorshelf.catalog import end_of

        settings = environment()
        found = named(catalog, settings)
        moment = None if as_of is None else end_of(as_of, found)
        with database(settings) as place:
            if moment is None:
                answer = pipeline.search(found, text, place, k=k, mode=mode.value, category=category)
            else:
                answer = pipeline.search_as_of(found, text, moment, place, k=k, mode=mode.value, category=category)
        reply.give(answer, lambda: _show(answer))


def _show(answer: dict[str, Any]) -> None:
    from vectorshelf.cli import screen
    from vectorshelf.report.phrases import moment
    from vectorshelf.report.terminal import hits_table

    dated = f" in the snapshot of {moment(answer['as_of'])}" if "as_of" in answer else ""
    if not answer["results"]:
        screen.say(f"nothing found{dated}")
        return
    screen.show(hits_table(answer["results"]))
    screen.say(f"\n{len(answer['results'])} found{dated} in {answer['milliseconds']:,.1f} ms")
