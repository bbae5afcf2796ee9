"""Stage and merge small made-up catalogs straight through the store, without a file or a model."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from vectorshelf.store import db, fence, ledger, merge, serving, spaces, staging
from vectorshelf.store.merge import Change, Merged
from vectorshelf.store.table import ServingTable

TABLE = ServingTable("public", "products", 4)
DAY_ONE = datetime(2026, 11, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Item:
    """A product as a source has it."""

    text: str
    price: int = 1
    deleted: bool = False
    dated: datetime | None = None


def day(number: int) -> datetime:
    """02:00 UTC of the numbered day."""
    return DAY_ONE + timedelta(days=number - 1)


def vector_of(text: str) -> np.ndarray:
    """Four float32 numbers that depend on the text alone."""
    digest = hashlib.sha256(text.encode()).digest()
    return np.frombuffer(digest[:16], dtype=np.uint8).reshape(4, 4).sum(axis=1).astype(np.float32) + 1


class Shelf:
    """One catalog in one test database; `load` is what extract, embed and load do to it."""

    def __init__(self, conn: db.Connection, catalog: str = "shop", table: ServingTable = TABLE) -> None:
        self.conn, self.catalog, self.table, self.runs = conn, catalog, table, 0
        with db.transaction(conn) as cur:
            serving.ensure_table(cur, catalog, table)
            self.space = spaces.space_of(cur, "model-a", table.dimensions)

    def change(self, number: int, *, snapshot: bool = True, whole: bool | None = None) -> Change:
        """Open a run dated on the numbered day, with nothing staged yet."""
        self.runs += 1
        run_id = f"{self.catalog}-{self.runs}"
        with db.transaction(self.conn) as cur:
            ledger.open_run(cur, run_id, self.catalog, day(number), "{}")
            run_no = ledger.get_run(cur, run_id).run_no
        return Change(
            self.catalog,
            run_id,
            staging.Names(run_no),
            self.table,
            self.space,
            "model-a",
            day(number),
            snapshot=snapshot,
            whole=snapshot if whole is None else whole,
            max_delete_fraction=1.0,
            max_quarantine_fraction=1.0,
        )

    def stage(self, change: Change, items: Mapping[str, Item] | Iterable[tuple[str, Item]]) -> int:
        """Fill the run's staging table; ids may repeat when pairs are given."""
        pairs = items.items() if isinstance(items, Mapping) else items
        rows = [
            (
                line,
                id_,
                item.text,
                "things",
                json.dumps({"price": item.price}),
                item.text,
                sha256(item.text),
                item.deleted,
                item.dated,
            )
            for line, (id_, item) in enumerate(pairs, start=2)
        ]
        with db.transaction(self.conn) as cur:
            staging.create(cur, change.names)
            staging.add(cur, change.names, rows)
            if not change.snapshot:
                staging.keep_last(cur, change.names)
            return staging.seal(cur, change.names)

    def embed(self, items: Mapping[str, Item]) -> None:
        """Put every item's vector into the store, as embed would have."""
        with db.transaction(self.conn) as cur:
            for item in items.values():
                cur.execute(
                    "INSERT INTO vectorshelf.vectors (space, sha256, embedding) VALUES (%s, %s, %s::vector)"
                    " ON CONFLICT DO NOTHING",
                    (self.space, sha256(item.text), str(vector_of(item.text).tolist())),
                )

    def merge(self, change: Change, *, allow_deletes: bool = False) -> Merged:
        """Run the load's transaction."""
        with db.transaction(self.conn) as cur:
            return merge.merge(cur, change, allow_deletes=allow_deletes)

    def load(
        self,
        number: int,
        items: Mapping[str, Item],
        *,
        snapshot: bool = True,
        whole: bool | None = None,
        **limits: float,
    ) -> Merged:
        """Stage, embed and merge in one go."""
        change = replace(self.change(number, snapshot=snapshot, whole=whole), **limits)
        self.stage(change, items)
        self.embed(items)
        return self.merge(change)

    def rows(self) -> dict[str, tuple[str, int, bytes]]:
        """id → (name, price, text_hash) of the serving table."""
        with db.transaction(self.conn) as cur:
            cur.execute(
                "SELECT id, name, (attributes ->> 'price')::integer, text_hash, embedding::text FROM public.products"
            )
            found = cur.fetchall()
        for _, name, _, _, embedding in found:
            assert json.loads(embedding) == vector_of(name).tolist(), f"{name} carries another text's vector"
        return {id_: (name, price, bytes(digest)) for id_, name, price, digest, _ in found}

    def loaded_as_of(self) -> datetime | None:
        """Where the fence stands."""
        with db.transaction(self.conn) as cur:
            return fence.read(cur, self.catalog, self.table.label).loaded_as_of


def sha256(text: str) -> bytes:
    """The store's key of a text."""
    return hashlib.sha256(text.encode()).digest()


def as_rows(items: Mapping[str, Item]) -> dict[str, tuple[str, int, bytes]]:
    """What `Shelf.rows` must show when exactly these items are on the shelf."""
    return {id_: (item.text, item.price, sha256(item.text)) for id_, item in items.items() if not item.deleted}
