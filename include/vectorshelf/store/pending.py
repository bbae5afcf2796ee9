"""The texts a run must still embed: distinct, not in the store, not in quarantine, cut into shards."""

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg2 import sql

from vectorshelf.store import fence, staging
from vectorshelf.store.db import Connection, Cursor, query, transaction
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


def pending_texts(conn: Connection, run_no: int, shard: int, space: int, catalog: str) -> Iterator[tuple[bytes, str]]:
    """Stream (sha256, text) of what the shard still lacks, a page per short transaction.

    What another try or another run has stored meanwhile is left out, so nothing is paid for twice.
    """
    names = staging.Names(run_no)
    after = 0
    while True:
        with transaction(conn) as cur:
            statement = sql.SQL(query("pending_page")).format(pending=names.pending)
            cur.execute(
                statement,
                {"shard": shard, "space": space, "catalog": catalog, "after": after, "limit": PAGE_TEXTS},
            )
            rows = cur.fetchall()
        for _, digest, text in rows:
            yield bytes(digest), text
        if not rows:
            return
        after = rows[-1][0]
