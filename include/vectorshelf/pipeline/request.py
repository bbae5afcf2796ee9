"""What a run is asked to do: the catalog as it was then, the date, and the options. Kept in the ledger."""

import hashlib
import secrets
from datetime import UTC
from typing import Literal
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vectorshelf.catalog.model import Catalog
from vectorshelf.errors import ConfigurationError


class RunRequest(BaseModel):
    """One run, before it has an id.

    `as_of` dates the data (the interval's end); `start` begins the interval of a SQL source (None: where the last
    successful run ended). `source` replaces the catalog's path. With `limit` only that many products are read, and
    nothing is deleted. `key` makes the id repeatable, so that a task that runs again finds its run.
    """

    model_config = ConfigDict(frozen=True)

    catalog: Catalog
    as_of: AwareDatetime
    start: AwareDatetime | None = None
    source: str | None = None
    limit: int | None = Field(default=None, ge=1)
    max_cost_usd: float | None = Field(default=None, ge=0)
    dry_run: bool = False
    rebuild_index: bool = False
    allow_delete: bool = False
    kind: Literal["manual", "scheduled", "backfill"] = "manual"
    """Who asked for it: `embedding.batch: auto` keeps scheduled runs, which have a deadline, out of the Batch API."""
    key: str | None = None

    def check_source(self) -> None:
        """Raise ConfigurationError when the run's own source carries a login: the ledger keeps requests as they are."""
        if self.source and urlsplit(self.source).password:
            raise ConfigurationError(
                "the source given for this run holds a password, and runs are kept in the ledger: leave the login out "
                "and let the storage's own credentials (environment, Airflow Connection) open it"
            )

    @property
    def run_id(self) -> str:
        """`<catalog>-<as_of in UTC>-<8 hex digits>`: of the key when there is one, else random."""
        suffix = hashlib.sha256(self.key.encode()).hexdigest()[:8] if self.key else secrets.token_hex(4)
        return f"{self.catalog.name}-{self.as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}-{suffix}"

    @property
    def whole(self) -> bool:
        """True when what is missing from the source is gone from the catalog."""
        return self.catalog.mode == "snapshot" and self.limit is None

    @property
    def budget_usd(self) -> float | None:
        """The smaller of the catalog's cap and this run's, or None without either."""
        caps = [cap for cap in (self.catalog.max_cost_usd, self.max_cost_usd) if cap is not None]
        return min(caps, default=None)
