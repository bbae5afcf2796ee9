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


def search(
    catalog: CatalogArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to look for, in a person's words.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, metavar="N", help="How many products.")] = 10,
    mode: Annotated[Mode, typer.Option(help="By meaning, or by meaning and words.")] = Mode.vector,
    category: Annotated[str | None, typer.Option(help="Only products of this category.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the products nearest to a text, best first."""
    with Reply(as_json) as reply:
        from vectorshelf import pipeline

        settings = environment()
        found = named(catalog, settings)
        with database(settings) as place:
            answer = pipeline.search(found, text, place, k=k, mode=mode.value, category=category)
        reply.give(answer, lambda: _show(answer))


def _show(answer: dict[str, Any]) -> None:
    from vectorshelf.cli import screen
    from vectorshelf.report.terminal import hits_table

    if not answer["results"]:
        screen.say("nothing found")
        return
    screen.show(hits_table(answer["results"]))
    screen.say(f"\n{len(answer['results'])} found in {answer['milliseconds']:,.1f} ms")
