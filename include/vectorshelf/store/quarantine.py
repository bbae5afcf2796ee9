"""Rows and texts that could not be used, each with its reason, when it was first and last seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg2.extras import execute_values

from vectorshelf.store.db import Cursor, query
from vectorshelf.store.staging import Names, run_statement

SHOWN_IDS = 5
"""Of the products that share a refused text, so many are named."""

RAW_CHARACTERS = 2000
"""As much of the input as is kept: enough to recognise it, not enough to fill a disk."""


@dataclass(frozen=True)
class Rejected:
    """One thing to put aside. `fingerprint` (32 bytes) tells it from others of its catalog and kind.

    `space` is the model that refused a text; a row is refused whatever the model.
    """

    kind: Literal["row", "text"]
    fingerprint: bytes
    id: str | None
    line: int | None
    reason: str
    raw: str
    space: int = 0


@dataclass(frozen=True)
class Quarantined:
    """One thing that was put aside."""

    kind: str
    id: str | None
    line: int | None
    reason: str
    raw: str | None
    first_seen: datetime
    last_seen: datetime


def add(cur: Cursor, catalog: str, run_id: str, items: Sequence[Rejected]) -> None:
    """Put items aside; what is there already gets the new reason, line and date."""
    # One statement may not touch a row twice.
    unique = {(item.kind, item.fingerprint, item.space): item for item in items}
    execute_values(
        cur,
        query("quarantine_add"),
        [
            (catalog, item.kind, item.fingerprint, item.id, item.line, item.reason, raw, run_id, item.space)
            for item, raw in ((item, _storable(item.raw)) for item in unique.values())
        ],
    )


def name_products(cur: Cursor, names: Names, run_id: str) -> None:
    """Give the texts this run put aside, or met again, the ids of their products and the line of the first."""
    run_statement(cur, "name_products", names, {"run_id": run_id, "shown": SHOWN_IDS})


def forget_other_models(cur: Cursor, catalog: str, space: int) -> None:
    """Forget the texts that a model refused which the catalog's table no longer holds vectors of."""
    cur.execute(
        "DELETE FROM vectorshelf.quarantine WHERE catalog = %s AND kind = 'text' AND space <> %s", (catalog, space)
    )


def listing(cur: Cursor, catalog: str, limit: int) -> list[Quarantined]:
    """The newest first."""
    cur.execute(
        "SELECT kind, id, line, reason, raw, first_seen, last_seen FROM vectorshelf.quarantine"
        " WHERE catalog = %s ORDER BY last_seen DESC, line LIMIT %s",
        (catalog, limit),
    )
    return [Quarantined(*row) for row in cur.fetchall()]


def count(cur: Cursor, catalog: str) -> int:
    """Everything of the catalog that is put aside."""
    cur.execute("SELECT count(*) FROM vectorshelf.quarantine WHERE catalog = %s", (catalog,))
    (found,) = cur.fetchone() or (0,)
    return int(found)


def requeue(cur: Cursor, catalog: str) -> int:
    """Forget the catalog's quarantine, so that its next run tries everything again; returns how many."""
    cur.execute("DELETE FROM vectorshelf.quarantine WHERE catalog = %s", (catalog,))
    return cur.rowcount


def forget_rows_of_run(cur: Cursor, run_id: str) -> None:
    """Take back what this run was the first to put aside: its source is read again, or proved to be damaged."""
    cur.execute(
        "DELETE FROM vectorshelf.quarantine q USING vectorshelf.runs r"
        " WHERE r.run_id = %s AND q.run_id = r.run_id AND q.kind = 'row' AND q.first_seen >= r.started_at",
        (run_id,),
    )


def _storable(raw: str) -> str:
    """Text as Postgres can hold it: no NUL, no lone surrogates, at most RAW_CHARACTERS."""
    cut = raw[:RAW_CHARACTERS].replace("\x00", "\N{SYMBOL FOR NULL}")
    return cut.encode("utf-8", "replace").decode("utf-8")
