"""`vectorshelf db start|stop|url`: the embedded Postgres by hand."""

import typer

from vectorshelf.cli.place import environment
from vectorshelf.cli.reply import Reply
from vectorshelf.errors import VectorshelfError

app = typer.Typer(help="The embedded Postgres.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def start() -> None:
    """Start it, and keep it up until `vectorshelf db stop`."""
    with Reply():
        from vectorshelf import embedded
        from vectorshelf.cli import screen

        settings = environment()
        url = embedded.start(settings.home)
        screen.say(f"the embedded Postgres is up: {url.get_secret_value()}")
        if settings.database_url is not None:
            typer.echo("DATABASE_URL is set: the other commands use that one, not this", err=True)


@app.command()
def stop() -> None:
    """Stop it, disconnecting whoever uses it. The data stay."""
    with Reply():
        from vectorshelf import embedded
        from vectorshelf.cli import screen

        was_up = embedded.stop(environment().home)
        screen.say("the embedded Postgres is stopped" if was_up else "the embedded Postgres was not running")


@app.command()
def url() -> None:
    """Print the URL that commands use, password and all.

    For psql and other tools: psql "$(vectorshelf db url)".
    """
    with Reply():
        from vectorshelf import embedded
        from vectorshelf.cli import screen

        settings = environment()
        found = settings.database_url or embedded.url(settings.home)
        if found is None:
            raise VectorshelfError("the embedded Postgres is not running: vectorshelf db start")
        screen.say(found.get_secret_value())
