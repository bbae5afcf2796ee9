"""One limit for everybody: requests and tokens per minute of an endpoint and model, held in Postgres.

Reserve before the call, settle with the real usage after it. Each reservation is one short transaction that locks the
endpoint's row, reads the last minute, and takes a place in the queue; waiting happens outside of it. The clock is the
database's. A holder that dies leaves nothing behind but the place it took, which passes like any other.
"""

from dataclasses import replace
from typing import Any, NamedTuple

from vectorshelf.store.db import Connection, Cursor, query, transaction
from vectorshelf.store.pacing import TRAVEL, WINDOW, Account, Limits, Observed, Sent, after, earliest_start, share_used


class Grant(NamedTuple):
    """A place in the queue: send after `wait` seconds, if the generation is still the same by then."""

    reservation: int
    wait: float
    generation: int


class Limiter:
    """The shared limit of one endpoint and model, over a connection of its own. Not for use by two threads at once.

    Raises TransientError when the database goes away; the caller's request has not been sent then.
    """

    def __init__(self, conn: Connection, endpoint: str, model: str, configured: Limits) -> None:
        self._conn = conn
        self._key = {"endpoint": endpoint, "model": model}
        self._configured = configured
        self._known = Account()
        with transaction(conn) as cur:
            cur.execute(
                "INSERT INTO vectorshelf.rate_limits (endpoint, model) VALUES (%(endpoint)s, %(model)s)"
                " ON CONFLICT DO NOTHING",
                self._key,
            )

    def reserve(self, tokens: float) -> Grant:
        """Take the next place for a request of about `tokens` tokens."""
        with transaction(self._conn) as cur:
            account, generation = self._account(cur)
            history = self._history(cur)
            wait = earliest_start(history, tokens, account.effective(self._configured), account.blocked_for)
            cur.execute(
                "INSERT INTO vectorshelf.rate_reservations (endpoint, model, at, tokens) VALUES"
                " (%(endpoint)s, %(model)s, clock_timestamp() + make_interval(secs => %(wait)s), %(tokens)s)"
                " RETURNING reservation",
                {**self._key, "wait": wait, "tokens": tokens},
            )
            [reservation] = _one(cur)
        return Grant(reservation, wait, generation)

    def still_holds(self, grant: Grant) -> bool:
        """Whether nothing has changed since the grant. If something has, its place is given back: reserve again."""
        with transaction(self._conn) as cur:
            cur.execute(
                "SELECT generation FROM vectorshelf.rate_limits WHERE endpoint = %(endpoint)s AND model = %(model)s",
                self._key,
            )
            [generation] = _one(cur)
            if generation == grant.generation:
                return True
            self._forget(cur, grant)
            return False

    def give_back(self, grant: Grant) -> None:
        """The request will not be sent."""
        with transaction(self._conn) as cur:
            self._forget(cur, grant)

    def settle(self, grant: Grant, tokens: float | None, observed: Observed, seconds: float = 0.0) -> None:
        """The request was answered after `seconds`: replace the estimate by the real `tokens` (None: unknown, the
        estimate stays) and the promised time by the real one, and let everybody know what the response said of the
        limit. A refusal used none of the tokens. The real time is the latest that the endpoint may have counted it.
        """
        used = 0.0 if observed.refused else tokens
        with transaction(self._conn) as cur:
            cur.execute(
                "UPDATE vectorshelf.rate_reservations SET tokens = coalesce(%s, tokens),"
                " at = greatest(at, clock_timestamp() - make_interval(secs => %s)) WHERE reservation = %s",
                (used, max(0.0, seconds - TRAVEL), grant.reservation),
            )
            if self._teaches(observed):
                self._learn(cur, observed, grant.generation)

    def effective(self) -> Limits:
        """What one minute allows now."""
        with transaction(self._conn) as cur:
            account, _ = self._account(cur)
        return account.effective(self._configured)

    def _teaches(self, observed: Observed) -> bool:
        """Spares the row's lock in the ordinary case: nothing in this response that the row did not hold."""
        return observed.refused or after(self._known, observed) != self._known

    def _learn(self, cur: Cursor, observed: Observed, generation: int | None = None) -> None:
        account, current = self._account(cur)
        if generation is not None and generation != current:
            # Sent before the latest news, which already says why it was refused.
            observed = replace(observed, refused=False)
        used = share_used(self._history(cur), account.effective(self._configured)) if observed.refused else 1.0
        learnt = after(account, observed, used)
        if learnt != account:
            cur.execute(query("rate_account_update"), {**self._key, **_columns(learnt)})
            self._known = learnt

    def _history(self, cur: Cursor) -> list[Sent]:
        cur.execute(query("rate_history"), {**self._key, "window": WINDOW})
        return [Sent(*row) for row in cur.fetchall()]

    def _account(self, cur: Cursor) -> tuple[Account, int]:
        cur.execute(query("rate_account"), self._key)
        *known, generation = _one(cur)
        self._known = Account(*known)
        return self._known, generation

    @staticmethod
    def _forget(cur: Cursor, grant: Grant) -> None:
        cur.execute("DELETE FROM vectorshelf.rate_reservations WHERE reservation = %s", (grant.reservation,))


def _columns(account: Account) -> dict[str, float | None]:
    return {
        "server_requests": account.server_requests,
        "server_tokens": account.server_tokens,
        "factor": account.factor,
        "factor_age": account.factor_age,
        "blocked_for": account.blocked_for,
    }


def _one(cur: Cursor) -> tuple[Any, ...]:
    row = cur.fetchone()
    if row is None:
        raise LookupError("vectorshelf.rate_limits lost its row while in use: it must not be emptied during a run")
    return row
