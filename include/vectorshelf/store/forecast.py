"""Count the texts that several runs would embed, each once, in a temporary table. Changes nothing that stays."""

from collections.abc import Sequence

from psycopg2 import sql

from vectorshelf.store import ledger, overview
from vectorshelf.store.db import Cursor, query


class Wanted:
    """The distinct texts met so far that the store lacks. Lives as long as its connection."""

    def __init__(self, cur: Cursor, catalog: str, model: str, dimensions: int) -> None:
        """A database without our schema lacks every text."""
        self._values = {"catalog": catalog, "space": None}
        self.past_usage = (0, 0)
        known = overview.is_migrated(cur)
        if known:
            cur.execute(
                "SELECT space FROM vectorshelf.spaces WHERE model = %s AND dimensions = %s", (model, dimensions)
            )
            [self._values["space"]] = cur.fetchone() or (None,)
        if self._values["space"] is not None:
            self.past_usage = ledger.past_usage(cur, int(self._values["space"]))
        condition = sql.SQL(query("forecast_lacking")) if known else sql.SQL("true")
        self._add = sql.SQL(query("forecast_add")).format(lacking=condition)
        cur.execute("CREATE TEMPORARY TABLE forecast (sha256 bytea PRIMARY KEY)")

    def add(self, cur: Cursor, texts: Sequence[tuple[bytes, int]]) -> tuple[int, int]:
        """Of these (sha-256, UTF-8 bytes): how many are met for the first time and lacking, and their bytes."""
        digests, sizes = [digest for digest, _ in texts], [size for _, size in texts]
        cur.execute(self._add, {**self._values, "digests": digests, "sizes": sizes})
        count, size = cur.fetchone() or (0, 0)
        return int(count), int(size)
