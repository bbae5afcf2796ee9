"""The texts a run must still embed: distinct, not in the store, not in quarantine, cut into shards."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from psycopg2 import sql

from vectorshelf.store import fence, staging
from vectorshelf.store.claims import Claimant, be_impatient
from vectorshelf.store.db import Connection, Cursor, transaction
from vectorshelf.store.merge import Change

PAGE_TEXTS = 2048
"""The most texts an embeddings request takes. Shards are whole multiples of it, so that only the last ends in a
partial request, and pages are as long, so that one is read per full request."""

SHARD_TEXTS = 3 * PAGE_TEXTS
"""An Airflow task costs about a second, so a shard is worth many seconds of embedding."""

MAX_SHARDS = 500
"""Airflow maps at most 1,024 tasks by default (`[core] max_map_length`); half of it leaves room."""


@dataclass(frozen=True)
class Pending:
    """What embedding will take: per shard the distinct texts and their UTF-8 bytes, and how many others the store
    already has.
    """

    shards: list[tuple[int, int]]
    reused: int

    @property
    def texts(self) -> int:
        """Of all shards."""
        return sum(texts for texts, _ in self.shards)

    @property
    def shard_texts(self) -> list[int]:
        """Texts of each shard, in order."""
        return [texts for texts, _ in self.shards]


def collect(cur: Cursor, change: Change) -> Pending:
    """Write the run's pending table anew and describe it.

    A snapshot older than the table is compared with the store only: its vectors serve history, not the table.
    """
    superseded = change.snapshot and fence.read(cur, change.catalog, change.table.label).is_past(change.as_of)
    limits = {"shard_texts": SHARD_TEXTS, "max_shards": MAX_SHARDS, "page_texts": PAGE_TEXTS}
    values = {**change.values, **limits, "superseded": superseded}
    staging.run_statement(cur, "collect_pending", change.names, values, table=change.table.identifier)
    staging.run_statement(cur, "describe_pending", change.names, values)
    shards = cur.fetchall()
    cur.execute("SELECT count(*) FROM wanted WHERE stored")
    [reused] = cur.fetchone() or (0,)
    return Pending(shards, reused)


def count_longer(cur: Cursor, change: Change, size: int) -> int:
    """How many of the run's pending texts have more than `size` UTF-8 bytes."""
    statement = sql.SQL("SELECT count(*) FROM {} WHERE octet_length(text) > %s").format(change.names.pending)
    cur.execute(statement, (size,))
    [count] = cur.fetchone() or (0,)
    return int(count)


class Others(NamedTuple):
    """What of a shard somebody else embeds: how many texts, `who`, a `pulse` that moves while requests are answered."""

    texts: int
    who: str | None = None
    pulse: int | None = None


class ShardTexts:
    """The texts that one shard lacks, claimed page by page as they are read. Iterate it as often as something is left.

    Pages are short transactions. What another try or another run has stored meanwhile is left out, and what it is
    embedding at this moment is left to it: nothing is paid for twice.
    """

    def __init__(
        self, conn: Connection, run_no: int, shard: int, space: int, catalog: str, claimant: Claimant | None = None
    ) -> None:
        self._conn = conn
        self._names = staging.Names(run_no)
        self._values = {"shard": shard, "space": space, "catalog": catalog}
        self._claimant = claimant or Claimant(conn)

    def __iter__(self) -> Iterator[tuple[bytes, str]]:
        """(sha256, text), each of them this session's to embed."""
        with transaction(self._conn) as cur:
            staging.run_statement(cur, "shard_bounds", self._names, self._values)
            first, last = cur.fetchone() or (None, None)
        if first is None:
            return
        for start in range(first, last + 1, PAGE_TEXTS):
            for digest, text in self._page(start):
                yield bytes(digest), text

    def others(self) -> Others:
        """Give up the claims of what is done by now, and count what is left: it is others' to embed, or was."""
        with transaction(self._conn) as cur:
            self._claimant.release(cur)
            staging.run_statement(cur, "count_left", self._names, self._values)
            (left,) = cur.fetchone() or (0,)
            if not left:
                return Others(0)
            staging.run_statement(cur, "who_claims", self._names, {**self._values, **self._claimant.values})
            who, pulse = cur.fetchone() or (None, None)
        return Others(int(left), who, pulse)

    def _page(self, first: int) -> list[tuple[memoryview, str]]:
        """What of the page that begins at position `first` lacks a vector and is ours. Positions have no gaps."""
        values = {**self._values, **self._claimant.values, "first": first, "last": first + PAGE_TEXTS - 1}
        with transaction(self._conn) as cur:
            be_impatient(cur)
            staging.run_statement(cur, "claim_page", self._names, values)
            staging.run_statement(cur, "claimed_page", self._names, values)
            return cur.fetchall()
