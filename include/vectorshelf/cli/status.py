"""`vectorshelf status [CATALOG]`: each catalog at a glance."""

from typing import TYPE_CHECKING, Annotated

import typer

from vectorshelf.cli.options import JsonOption
from vectorshelf.cli.place import database, environment, named
from vectorshelf.cli.reply import Reply

if TYPE_CHECKING:
    from vectorshelf.catalog import Catalog
    from vectorshelf.settings import Settings


def status(
    catalog: Annotated[
        str | None, typer.Argument(metavar="CATALOG", help="Only this one. [all]", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Rows, last run, recall and cost of each catalog."""
    with Reply(as_json) as reply:
        from vectorshelf import pipeline
        from vectorshelf.cli import screen

        settings = environment()
        catalogs = _all(settings) if catalog is None else [named(catalog, settings)]
        with database(settings) as place:
            answer = pipeline.status(catalogs, place)

        def show() -> None:
            from vectorshelf.report.terminal import status_table

            screen.show(status_table(answer["catalogs"]) if catalogs else f"no catalog files in {settings.catalogs}")

        reply.give(answer, show)


def _all(settings: "Settings") -> "list[Catalog]":
    """Every usable catalog; the unusable ones are named on standard error and hide nothing."""
    from vectorshelf.catalog import load_folder

    loaded = load_folder(settings.catalogs)
    for path in loaded.errors:
        typer.echo(f"{path} cannot be used: vectorshelf check {path}", err=True)
    return list(loaded.catalogs.values())
