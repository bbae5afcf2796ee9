"""Who is embedding which text right now. What one session is about to pay for, no other session sends meanwhile.

A claim is a row with its holder's number; a holder is alive as long as its session holds the advisory lock of that
number. So a killed process leaves nothing behind that anybody would have to wait for, and no clock is involved.
"""

from vectorshelf.store.db import Connection, Cursor, query, transaction

_CLASS = int.from_bytes(b"vscl", "big")  # any constant that nothing else in the database locks


class Claimant:
    """One session that claims texts, over its connection, which must stay the same session: no pooler between them."""

    def __init__(self, conn: Connection) -> None:
        with transaction(conn) as cur:
            cur.execute("SELECT nextval('vectorshelf.claim_holders')")
            (number,) = cur.fetchone() or (0,)
            cur.execute("SELECT pg_advisory_lock(%s, %s)", (_CLASS, number))
            cur.execute("DELETE FROM vectorshelf.claims WHERE holder <> ALL (%s)", (live(cur),))
        self.number = int(number)

    def release(self, cur: Cursor) -> None:
        """Give all claims back: what was claimed is stored by now, or in quarantine."""
        cur.execute("DELETE FROM vectorshelf.claims WHERE holder = %s", (self.number,))


def live(cur: Cursor) -> list[int]:
    """The numbers of the holders that are alive."""
    cur.execute(query("live_claimants"), {"class": _CLASS})
    return [number for (number,) in cur.fetchall()]
