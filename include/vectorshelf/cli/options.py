"""Arguments and options that several commands share."""

from typing import Annotated

import typer

CatalogArgument = Annotated[str, typer.Argument(metavar="CATALOG", help="A catalog's name, or the path of its file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]
