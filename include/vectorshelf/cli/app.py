"""The commands and where they are. Parsing only: no room of the pipeline is imported here."""

from typing import Annotated

import typer

from vectorshelf import __version__
from vectorshelf.cli import check, db, history, plan, quarantine, rollback, run, search, status

app = typer.Typer(
    name="vectorshelf",
    help="Product catalogs become searchable vectors in Postgres.",
    epilog="CATALOG is a name among the files of VECTORSHELF_CATALOGS, or the path of a catalog file.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich's help takes 0.2 s to load, plain help 0.05
    pretty_exceptions_enable=False,  # `reply` turns every exception into a line and an exit code
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vectorshelf {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    pass


app.command("run")(run.run)
app.command("plan")(plan.plan)
app.command("search")(search.search)
app.command("status")(status.status)
app.command("check")(check.check)
app.command("rollback")(rollback.rollback)
app.add_typer(history.app, name="history")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(db.app, name="db")
