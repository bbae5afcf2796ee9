"""`vectorshelf check [FILE]`: what is wrong or doubtful in catalog files, without touching sources or a database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vectorshelf.cli.place import environment
from vectorshelf.cli.reply import WRONG, Reply

if TYPE_CHECKING:
    from vectorshelf.catalog import Catalog, Checked


def check(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Only this file. [all of VECTORSHELF_CATALOGS]", show_default=False),
    ] = None,
) -> None:
    """Check catalog files; exit code 2 for an error."""
    with Reply():
        from vectorshelf.catalog import check_file, check_folder
        from vectorshelf.cli import screen

        folder = environment().catalogs
        checked = check_folder(folder) if file is None or file.is_dir() else [check_file(file)]
        if not checked:
            screen.say(f"no catalog files in {folder}")
        for one in checked:
            screen.say(_verdict(one))
        if not all(one.usable for one in checked):
            raise typer.Exit(WRONG)


def _verdict(checked: "Checked") -> str:
    found = [f"{finding.level}: {finding}" for finding in checked.findings]
    if checked.catalog is not None:
        found.insert(0, f"{checked.file}: ok, {_summary(checked.catalog)}")
    return "\n".join(found)


def _summary(catalog: "Catalog") -> str:
    """What the file says, so that a person sees whether it is what was meant."""
    embedding = catalog.embedding
    model = f"{embedding.provider} {embedding.model}, {embedding.dimensions} dimensions"
    when = f"{catalog.schedule} ({catalog.timezone})" if catalog.schedule else "without a schedule"
    return f"{catalog.name} into table {catalog.table}, {model}, {when}"
