"""Budgets: money is promised before a request is sent and accounted for with its answer, so no cap is ever exceeded.

A promise holds the most its request may cost, under a lock that every shard and run of the catalog takes. Holders that
die leave their promise behind, and an answer that gets lost leaves one too: it goes on counting in full, because what
was sent is charged whether or not we lived to see the answer. The clock and the calendar are the database's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from vectorshelf.errors import BrakeError, TransientError
from vectorshelf.store.db import Connection, Cursor, query, transaction

Verdict = Literal["hold", "wait", "split", "stop"]


class MoneyPromisedError(TransientError):
    """What is left is promised to requests under way; most of them cost less, so ask again in a moment."""


class TooLargeError(BrakeError):
    """The request would probably fit the budget, but not surely: half of it may."""


@dataclass(frozen=True)
class Caps:
    """Dollars that a run, and a catalog in a calendar month, may cost. None: no limit."""

    run_usd: float | None = None
    month_usd: float | None = None

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return self.run_usd is not None or self.month_usd is not None


class Spending(NamedTuple):
    """Dollars spent so far, and the most that requests under way may cost, for the run and for its catalog's month."""

    run_spent: Decimal
    run_held: Decimal
    month_spent: Decimal
    month_held: Decimal


@dataclass(frozen=True)
class Price:
    """Dollars of one request: what it will `likely` cost, and the `most` it can be.

    `unheard` is what it counts as when nobody ever settles it; None: the most.
    """

    likely: Decimal
    most: Decimal
    unheard: Decimal | None = None


@dataclass(frozen=True)
class Asked:
    """A request about to be sent."""

    run_id: str
    catalog: str
    shard: int
    space: int
    texts: int
    tokens: int
    bytes: int
    price: Price
    seconds: float
    """How long an answer may take to be saved; a promise older than that is an orphan's."""


def verdict(price: Price, spending: Spending, caps: Caps) -> Verdict:
    """What to do with a request: hold the money and send it, wait for others, send half of it, or stop."""
    if price.most == 0:
        return "hold"
    found = [_verdict(price, spent, held, Decimal(str(cap))) for spent, held, cap, _ in _limits(spending, caps)]
    return max(found, key=_GRAVITY.index, default="hold")


_GRAVITY: Sequence[Verdict] = ("hold", "wait", "split", "stop")


def _verdict(price: Price, spent: Decimal, held: Decimal, cap: Decimal) -> Verdict:
    room = cap - spent
    if price.likely > room:
        return "stop"
    if price.most > room:
        return "split"
    return "wait" if price.most > room - held else "hold"


def over(cost: float, spending: Spending, caps: Caps) -> str | None:
    """Why `cost` more dollars are too many, with the figures; None when they are not."""
    more = Decimal(str(cost))
    for spent, _, cap, whose in _limits(spending, caps):
        if more > 0 and spent + more > Decimal(str(cap)):
            before = f" on top of {_dollars(spent)} spent already" if spent else ""
            return f"would cost about {_dollars(more)}{before}, and the budget is {_dollars(cap)} {whose}"
    return None


def promised(cost: float, spending: Spending, caps: Caps) -> str | None:
    """Why `cost` more dollars, which the budgets have room for, must wait for promises to be settled; None if not."""
    more = Decimal(str(cost))
    for spent, held, cap, whose in _limits(spending, caps):
        if more > 0 and spent + more <= Decimal(str(cap)) < spent + held + more:
            return (
                f"of the budget of {_dollars(cap)} {whose}, {_dollars(spent)} are spent and up to {_dollars(held)} are "
                "promised to requests and batch jobs under way, most of which will cost less"
            )
    return None


def _dollars(amount: float | Decimal) -> str:
    """Cents are enough from a cent on; something small never looks free."""
    return f"${amount:,.4f}" if amount >= Decimal("0.01") or amount == 0 else f"${amount:.8f}".rstrip("0")


def _limits(spending: Spending, caps: Caps) -> list[tuple[Decimal, Decimal, float, str]]:
    """(spent, held, cap, whose) of each budget there is."""
    found = [
        (spending.run_spent, spending.run_held, caps.run_usd, "for this run"),
        (spending.month_spent, spending.month_held, caps.month_usd, "for this calendar month"),
    ]
    return [(spent, held, cap, whose) for spent, held, cap, whose in found if cap is not None]


def spending_of(cur: Cursor, run_id: str, catalog: str) -> Spending:
    """All that the run has cost in all its tries, and all its catalog's runs have this month."""
    cur.execute(query("spending"), {"run_id": run_id, "catalog": catalog})
    row = cur.fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return Spending(*row)


def hold(conn: Connection, asked: Asked, caps: Caps) -> int:
    """Promise the request its money and return the promise's number, to be settled with the answer.

    Raises MoneyPromisedError, TooLargeError, or BrakeError with the figures when the budget is used up.
    """
    with transaction(conn) as cur:
        cur.execute("SET LOCAL lock_timeout = '60s'")  # a session that hangs in its transaction stops nobody for long
        cur.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"budget of {asked.catalog}",))
        spending = spending_of(cur, asked.run_id, asked.catalog)
        found = verdict(asked.price, spending, caps)
        if found == "wait":
            raise MoneyPromisedError(
                f"the next request has to wait: {promised(float(asked.price.most), spending, caps)}"
            )
        if found != "hold":
            reason = over(float(asked.price.likely if found == "stop" else asked.price.most), spending, caps)
            raise (TooLargeError if found == "split" else BrakeError)(
                f"the next request {reason}; what was paid for is stored. Raise max_cost_usd or max_cost_usd_per_month "
                "in the catalog file and start the run again: it goes on from there"
            )
        cur.execute(query("hold_money"), _values(asked))
        (number,) = cur.fetchone() or (0,)
        return int(number)


def _values(asked: Asked) -> dict[str, object]:
    price = asked.price
    plain = {name: value for name, value in vars(asked).items() if name != "price"}
    return {**plain, "most_usd": price.most, "unheard_usd": price.most if price.unheard is None else price.unheard}


def release(cur: Cursor, promise: int) -> None:
    """The request was refused, or not sent: nothing was charged."""
    cur.execute("DELETE FROM vectorshelf.requests WHERE request_id = %s AND held_until IS NOT NULL", (promise,))


def presume(cur: Cursor, promise: int) -> None:
    """No answer came, and none will: it counts as spent, at the most it can have cost."""
    cur.execute(
        "UPDATE vectorshelf.requests SET held_until = clock_timestamp()"
        " WHERE request_id = %s AND held_until IS NOT NULL",
        (promise,),
    )
