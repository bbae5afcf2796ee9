"""Where a command works: settings from the environment, the catalog that was named, a database that is up."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vectorshelf.catalog import Catalog
    from vectorshelf.settings import Settings


def environment() -> "Settings":
    """Settings from the environment and `.env`."""
    from vectorshelf.settings import Settings

    return Settings.from_environment()


def named(catalog: str, settings: "Settings") -> "Catalog":
    """The catalog of that name or path. Raises ConfigurationError, with the names there are."""
    from vectorshelf.catalog import find_catalog

    return find_catalog(catalog, settings.catalogs)


@contextmanager
def database(settings: "Settings") -> Iterator["Settings"]:
    """Settings with a database: DATABASE_URL, or the embedded Postgres for as long as the block lasts."""
    if settings.database_url is not None:
        yield settings
        return
    from vectorshelf import embedded

    with embedded.running(settings.home) as url:
        yield settings.model_copy(update={"database_url": url})
