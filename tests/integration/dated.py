"""What history must say, worked out in plain Python from the snapshots alone, and what it does say."""

from collections.abc import Mapping
from datetime import datetime

from tests.integration.products import Item, Shelf, as_rows, day, sha256
from vectorshelf.store import db

Rows = dict[str, tuple[str, int, bytes]]


def state(shelf: Shelf, number: float) -> Rows:
    """id → (name, price, text_hash) that history has at 02:00 of the numbered day, with the vector looked up."""
    return state_at(shelf, day(int(number)))


def state_at(shelf: Shelf, moment: datetime) -> Rows:
    with db.transaction(shelf.conn) as cur:
        cur.execute(
            "SELECT h.id, h.name, (h.attributes ->> 'price')::integer, h.sha256"
            " FROM vectorshelf.history_date(%(catalog)s, %(moment)s) d"
            " JOIN vectorshelf.history h ON h.catalog = %(catalog)s AND h.valid_from <= d.as_of AND h.valid_to > d.as_of"
            " JOIN vectorshelf.vectors v ON v.space = d.space AND v.sha256 = h.sha256",
            {"catalog": shelf.catalog, "moment": moment},
        )
        return {id_: (name, price, bytes(digest)) for id_, name, price, digest in cur.fetchall()}


def stretches(shelf: Shelf) -> list[tuple[str, str, str, str, int]]:
    """(id, valid_from, valid_to, name, price) of every row, the dates as the server writes them in UTC."""
    with db.transaction(shelf.conn) as cur:
        cur.execute("SET LOCAL timezone = 'UTC'")
        cur.execute(
            "SELECT id, valid_from::text, valid_to::text, name, (attributes ->> 'price')::integer"
            " FROM vectorshelf.history WHERE catalog = %s",
            (shelf.catalog,),
        )
        return sorted(cur.fetchall())


def expected_stretches(snapshots: Mapping[int, Mapping[str, Item]]) -> list[tuple[str, str, str, str, int]]:
    """The same from the newest snapshot of each loaded day: the longest stretches in which a product is unchanged."""
    days = sorted(snapshots)
    bounds = ["-infinity", *(f"{day(number):%Y-%m-%d %H:%M:%S}+00" for number in days[1:]), "infinity"]
    found = []
    for id_ in sorted({id_ for items in snapshots.values() for id_ in items}):
        items = [snapshots[number].get(id_) for number in days]
        start = 0
        for place in range(1, len(days) + 1):
            if place == len(days) or items[place] != items[start]:
                if items[start] is not None:
                    found.append((id_, bounds[start], bounds[place], items[start].text, items[start].price))
                start = place
    return sorted(found)


def rows_of(items: Mapping[str, Item]) -> Rows:
    """What `state` must show when exactly these items were on sale."""
    return as_rows(items)


__all__ = ["expected_stretches", "rows_of", "sha256", "state", "state_at", "stretches"]
