"""Who is embedding which text right now. What one session is about to pay for, no other session sends meanwhile.

A claim is a row with its holder's number; a holder is alive as long as its session holds the advisory lock of that
number. So a killed process leaves nothing behind that anybody would have to wait for, and no clock is involved.
"""

from vectorshelf.store.db import Connection, Cursor, query, transaction

CLASS = int.from_bytes(b"vscl", "big")
"""Of the advisory locks. Any constant will do that nothing else in the database locks."""

PATIENCE = "60s"
"""How long a statement on claims may wait for another session's: one that hangs in its transaction stops nobody."""


class Claimant:
    """One session that claims texts, over its connection, which must stay the same session: no pooler between them."""

    def __init__(self, conn: Connection) -> None:
        with transaction(conn) as cur:
            cur.execute("SELECT nextval('vectorshelf.claim_holders')")
            (number,) = cur.fetchone() or (0,)
            self.number = int(number)
            cur.execute("SELECT pg_advisory_lock(%s, %s)", (CLASS, self.number))
            cur.execute(query("clear_claims"), self.values)

    @property
    def values(self) -> dict[str, int]:
        """The bound values that tell this session from others."""
        return {"class": CLASS, "holder": self.number}

    def release(self, cur: Cursor) -> None:
        """Give all claims back: what was claimed is stored by now, or in quarantine."""
        be_impatient(cur)
        cur.execute(query("release_claims"), self.values)


def be_impatient(cur: Cursor) -> None:
    """For this transaction: raise TransientError rather than wait for another session's for long."""
    cur.execute("SELECT set_config('lock_timeout', %s, true)", (PATIENCE,))
