"""Keep a catalog's index: in a run after the load, and between runs. Recall is measured with texts as people type them.

The queries' vectors come from the table's own model. They cost about four tokens each, are asked for only when there
is something to measure, and are accounted for like every request, as shard -1.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from vectorshelf.catalog.model import Catalog
from vectorshelf.embed.delivery import Paid
from vectorshelf.embed.embedder import Dialect, Vectors
from vectorshelf.embed.prices import cost_usd
from vectorshelf.embed.tokens import estimated_tokens
from vectorshelf.errors import BrakeError, ConfigurationError, TransientError
from vectorshelf.pipeline import embedding
from vectorshelf.pipeline.context import Run, connected, serving_table, target_of
from vectorshelf.pipeline.money import NO_SHARD, Purse, price_of_catalog
from vectorshelf.pipeline.progress import SILENT, Progress
from vectorshelf.pipeline.request import RunRequest
from vectorshelf.settings import Settings
from vectorshelf.store import db, index_ahead, ledger, migrations, serving, spaces
from vectorshelf.store.budget import MoneyPromisedError
from vectorshelf.store.index import BuildProgress, IndexOutcome, IndexSpec, Sampling, Watch, ensure_index
from vectorshelf.store.index_build import sole_builder
from vectorshelf.store.merge import Difference
from vectorshelf.store.query_sample import sample_texts
from vectorshelf.store.recall import DEFAULT_BOUNDS
from vectorshelf.store.table import ServingTable


def after_load(run: Run, settings: Settings, progress: Progress, *, later: bool = False) -> IndexOutcome:
    """Build the index of the run's table or keep the one that is good enough.

    `later`: a new measurement, or a rebuild that only a person wants, may wait for other runs.
    """
    with db.transaction(run.conn) as cur:
        prepared = ledger.stage_counts(cur, run.run_id, "prepare") or {}
    purse = Purse.of(run, NO_SHARD)
    asker = _Asker(run.conn, run.run_id, run.catalog, run.table, run.space, purse, settings, progress, prepared)
    sampling = Sampling(asker.queries, later=later)
    return _ensure(asker, sampling, shelf=run.change.shelf, rebuild=run.request.rebuild_index and not later)


def maintain(catalog: Catalog, settings: Settings, progress: Progress = SILENT) -> dict[str, Any]:
    """Measure the catalog's index, changed or not, and rebuild it where that is needed. Loads and embeds no product.

    The catalog's budget holds. Returns the outcome's figures with the catalog's name. A catalog that was never loaded
    into this database has nothing to maintain.
    """
    table = serving_table(catalog)
    with connected(settings, f"maintain {catalog.name}") as conn:
        migrations.migrate(conn)
        with db.transaction(conn) as cur:
            if not serving.is_there(cur, table):
                return {"catalog": catalog.name, **asdict(IndexOutcome("none", "never loaded", catalog.index.type))}
            if (target := target_of(cur, catalog)).replaces is not None:
                reason = f"left to the run that changes {target.replaces.label} to the model of the catalog file"
                return {"catalog": catalog.name, **asdict(IndexOutcome("none", reason, catalog.index.type))}
            serving.ensure_table(cur, catalog.name, table)
            space = spaces.space_of(cur, catalog.embedding.model, catalog.embedding.dimensions)
        request = RunRequest(catalog=catalog, as_of=datetime.now(UTC))
        run_id = f"maintain-{request.run_id}"
        purse = Purse.before(conn, request, run_id, space)
        asker = _Asker(conn, run_id, catalog, table, space, purse, settings, progress)
        progress.start("index", None, "")
        outcome = _ensure(asker, Sampling(asker.queries, again=True), shelf=catalog.name)
    progress.finish("index", f"{outcome.action}: {outcome.reason}")
    return {"catalog": catalog.name, **asdict(outcome)}


def lacking_memory(run: Run, difference: Difference) -> str | None:
    """What to change, when the server is known to lack the memory for the index that this load will call for."""
    return index_ahead.lacking_memory(
        run.conn,
        run.table,
        _spec(run.catalog),
        catalog=run.change.shelf,
        rows=difference.before + difference.new - difference.deleted,
        changes=difference.new + difference.changed + difference.deleted,
        rebuild=run.request.rebuild_index,
    )


def _spec(catalog: Catalog) -> IndexSpec:
    return IndexSpec(**catalog.index.model_dump(include={"type", "lists", "recall_target"}))


def _ensure(asker: "_Asker", sampling: Sampling, *, shelf: str, rebuild: bool = False) -> IndexOutcome:
    catalog, follower = asker.catalog, _Follower(asker.progress)
    with sole_builder(asker.conn, asker.table, follower.note):  # under which no other table takes this one's name
        _check_in_place(asker)
        return ensure_index(
            asker.conn,
            asker.table,
            _spec(catalog),
            run_id=asker.run_id,
            catalog=shelf,
            rebuild=rebuild,
            sampling=sampling,
            watch=Watch(follower.note, follower.look),
        )


def _check_in_place(asker: "_Asker") -> None:
    """Raise TransientError when the catalog's model was changed, or changed back, while we waited for our turn."""
    with db.transaction(asker.conn) as cur:
        target = target_of(cur, asker.catalog)
    if target.table != asker.table or not target.stands:
        raise TransientError(f"{asker.table.label} has changed places with another table meanwhile: run again")


@dataclass
class _Asker:
    """Asks the model for the vectors of search texts, on the account of one run."""

    conn: db.Connection
    run_id: str
    catalog: Catalog
    table: ServingTable
    space: int
    purse: Purse | None
    settings: Settings
    progress: Progress
    prepared: dict[str, Any] = field(default_factory=dict)
    _vectors: list[Vectors] = field(default_factory=list)
    _typed: list[str] | None = None

    def __post_init__(self) -> None:
        """Read the file of queries now: one that is missing must stop the run before an index is built."""
        if self.catalog.index.queries is not None:
            self._typed = typed_queries(Path(self.catalog.index.queries), DEFAULT_BOUNDS.queries)

    def queries(self) -> Vectors | None:
        """Vectors of search texts, shape (n, dimensions); None when the budget has nothing left for them.

        Paid for once, also when an index is measured, rebuilt and measured again.
        """
        if self._vectors:
            return np.concatenate(self._vectors)
        texts = self._texts()
        if not texts:
            return None
        try:
            embedding.deliver(
                self.catalog,
                [(sha256(text.encode()).digest(), text) for text in texts],
                self,
                self.settings,
                dialect=self._dialect(),
                tokens=estimated_tokens(texts),
                purse=self.purse,
                # As long as its own requests may be under way. Others' are not waited for: it is measured again.
                money_patience=self.catalog.embedding.timeout_seconds,
            )
        except (BrakeError, MoneyPromisedError) as error:
            if sum(map(len, self._vectors)) < DEFAULT_BOUNDS.least:
                self.progress.note("index", f"recall is measured with products in place of search texts: {error}")
                return None
            self.progress.note("index", f"recall is measured with fewer search texts: {error}")
        return np.concatenate(self._vectors) if self._vectors else None

    def _texts(self) -> list[str]:
        """The catalog's own queries; where they are few, words of its products as well: a handful proves no recall."""
        typed = self._typed or []
        if not typed:
            return sample_texts(self.conn, self.table, DEFAULT_BOUNDS.queries)
        lacking = DEFAULT_BOUNDS.least - len(typed)
        return typed if lacking <= 0 else [*typed, *sample_texts(self.conn, self.table, lacking)]

    def save(self, sha256s: Sequence[bytes], vectors: Vectors, paid: Paid) -> None:
        """Keep the vectors in memory; account for them. Without their bytes: so short texts calibrate no estimate."""
        self._vectors.append(vectors)
        cost = cost_usd(paid.tokens, price_of_catalog(self.catalog))
        request = ledger.PaidRequest(
            self.run_id,
            self.catalog.name,
            NO_SHARD,
            self.space,
            paid.texts,
            paid.tokens,
            0,
            cost,
            paid.seconds,
            paid.hold,
        )
        with db.transaction(self.conn) as cur:
            ledger.record_request(cur, request)

    def reject(self, sha256: bytes, text: str, reason: str) -> None:
        """A query that the model refuses measures nothing; no product is lost by it."""
        self.progress.note("index", f"a query was refused, measuring without it: {reason}")

    def _dialect(self) -> Dialect:
        account = embedding.Account(self.conn, self.run_id, self.catalog, self.space)
        return embedding.dialect_of(account, self.prepared, self.purse, self.settings)


def typed_queries(path: Path, most: int) -> list[str]:
    """The file's distinct lines, blank ones apart; `most` of them, evenly spread, when there are more."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"index.queries: {path} cannot be read as UTF-8 text ({type(error).__name__}): "
            "put a file with one search text per line there, or remove the key"
        ) from error
    texts = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not texts:
        raise ConfigurationError(f"index.queries: {path} holds no text: write one search text per line, or remove it")
    return texts if len(texts) <= most else [texts[number * len(texts) // most] for number in range(most)]


class _Follower:
    """Looks at a build become a stage's bar per phase; log lines become notes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.note: Callable[[str], None] = lambda line: progress.note("index", line)
        self._phase: str | None = None
        self._done = 0
        self._waits_for: str | None = None

    def look(self, seen: BuildProgress) -> None:
        """Postgres counts each phase from zero."""
        if seen.phase != self._phase:
            self._phase, self._done = seen.phase, 0
            self._progress.start("index", seen.total or None, f"({seen.phase})")
        if seen.done > self._done:
            self._progress.advance("index", seen.done - self._done)
            self._done = seen.done
        if seen.waits_for and seen.waits_for != self._waits_for:
            self.note(f"waiting for the open transaction of {seen.waits_for}")
        self._waits_for = seen.waits_for
