"""Open a run by its id: the connection, and everything the ledger says about what it is to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from pydantic import SecretStr

from vectorshelf.catalog.model import Catalog
from vectorshelf.errors import ConfigurationError
from vectorshelf.pipeline.request import RunRequest
from vectorshelf.settings import Settings
from vectorshelf.store import db, ledger, spaces, staging, standings
from vectorshelf.store.merge import Change
from vectorshelf.store.session import notice_lost_clients
from vectorshelf.store.standings import Target
from vectorshelf.store.table import ServingTable


@dataclass(frozen=True)
class Run:
    """One run in hand. The catalog is the one the run was opened with, whatever the file says by now."""

    row: ledger.RunRow
    request: RunRequest
    space: int
    conn: db.Connection
    target: Target

    @property
    def run_id(self) -> str:
        """The run's id in the ledger."""
        return self.row.run_id

    @property
    def catalog(self) -> Catalog:
        """The catalog as it was when the run was opened."""
        return self.request.catalog

    @property
    def table(self) -> ServingTable:
        """The table the run writes: the one that serves, or the one that is to take its place."""
        return self.target.table

    @property
    def names(self) -> staging.Names:
        """The run's staging tables."""
        return staging.Names(self.row.run_no)

    @property
    def change(self) -> Change:
        """What the run means to its table."""
        return Change(
            catalog=self.catalog.name,
            run_id=self.run_id,
            names=self.names,
            table=self.table,
            space=self.space,
            model=self.catalog.embedding.model,
            as_of=self.request.as_of,
            snapshot=self.catalog.mode == "snapshot",
            whole=self.request.whole,
            max_delete_fraction=self.catalog.max_delete_fraction,
            max_quarantine_fraction=self.catalog.max_quarantine_fraction,
            history=self.catalog.history,
            replaces=self.target.replaces,
        )

    def looked_up_again(self) -> "Run":
        """The same run, with the table that it writes as things stand now."""
        with db.transaction(self.conn) as cur:
            return replace(self, target=target_of(cur, self.catalog))


@contextmanager
def connected(settings: Settings, what: str) -> Iterator[db.Connection]:
    """A connection to the catalog database that says in pg_stat_activity what it is for."""
    with db.connect(database_url(settings), application_name=f"vectorshelf {what}"[:63]) as conn:
        yield conn


@contextmanager
def opened(run_id: str, stage: str, settings: Settings) -> Iterator[Run]:
    """The run and a connection of its own."""
    with connected(settings, f"{stage} {run_id}") as conn:
        notice_lost_clients(conn)  # a killed task must not leave its merge running and its locks held
        with db.transaction(conn) as cur:
            row = ledger.get_run(cur, run_id)
            request = RunRequest.model_validate(row.request)
            embedding = request.catalog.embedding
            space = spaces.space_of(cur, embedding.model, embedding.dimensions)
            target = target_of(cur, request.catalog)
        yield Run(row, request, space, conn, target)


def target_of(cur: db.Cursor, catalog: Catalog) -> Target:
    """The table that a run of this catalog writes."""
    return standings.target(cur, catalog.name, serving_table(catalog), catalog.embedding.model)


def serving_table(catalog: Catalog) -> ServingTable:
    """The catalog's table as the store knows it."""
    schema, name = catalog.table_parts
    storage = "vector" if catalog.index.type == "none" else catalog.index.storage
    return ServingTable(schema, name, catalog.embedding.dimensions, catalog.index.metric, storage)


def database_url(settings: Settings) -> SecretStr:
    """The URL, which the face has filled in by now. Raises ConfigurationError when it has not."""
    if settings.database_url is None:
        raise ConfigurationError("no database: set DATABASE_URL, or start the embedded one with `vectorshelf db start`")
    return settings.database_url
