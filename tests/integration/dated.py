"""What history says of a date, and what it must say, worked out in plain Python from the snapshots alone."""

import json
from collections.abc import Mapping
from datetime import datetime

from tests.integration.products import Item, Shelf, day, vector_of
from vectorshelf.store import db

Stretch = tuple[str, str, str, str, int]

_STATE = """
SELECT h.id, h.name, (h.attributes ->> 'price')::integer, h.sha256, v.embedding::text
FROM vectorshelf.history_date(%(catalog)s, %(moment)s) d
JOIN vectorshelf.history h ON h.catalog = %(catalog)s AND h.valid_from <= d.as_of AND h.valid_to > d.as_of
LEFT JOIN vectorshelf.vectors v ON v.space = d.space AND v.sha256 = h.sha256
"""


def state(shelf: Shelf, number: int) -> dict[str, tuple[str, int, bytes]]:
    """What was on sale at 02:00 of the numbered day, in the form of `products.as_rows`; every vector is its text's."""
    return state_at(shelf, day(number))


def state_at(shelf: Shelf, moment: datetime) -> dict[str, tuple[str, int, bytes]]:
    """The same at any moment."""
    with db.transaction(shelf.conn) as cur:
        cur.execute(_STATE, {"catalog": shelf.catalog, "moment": moment})
        found = cur.fetchall()
    for _, name, _, _, embedding in found:
        assert json.loads(embedding) == vector_of(name).tolist(), f"{name} points at another text's vector"
    return {id_: (name, price, bytes(digest)) for id_, name, price, digest, _ in found}


def stretches(shelf: Shelf) -> list[Stretch]:
    """(id, valid_from, valid_to, name, price) of every row of history; dates as the server writes them in UTC."""
    with db.transaction(shelf.conn) as cur:
        cur.execute("SET LOCAL timezone = 'UTC'")
        cur.execute(
            "SELECT id, valid_from::text, valid_to::text, name, (attributes ->> 'price')::integer"
            " FROM vectorshelf.history WHERE catalog = %s",
            (shelf.catalog,),
        )
        return sorted(cur.fetchall())


def written(number: int) -> str:
    """02:00 of the numbered day as `stretches` writes it."""
    return f"{day(number):%Y-%m-%d %H:%M:%S}+00"


def expected_stretches(snapshots: Mapping[int, Mapping[str, Item]]) -> list[Stretch]:
    """The fewest rows that say it, from the newest snapshot of each loaded day."""
    days = sorted(snapshots)
    bounds = ["-infinity", *(written(number) for number in days[1:]), "infinity"]
    found: list[Stretch] = []
    for id_ in {id_ for items in snapshots.values() for id_ in items}:
        items = [snapshots[number].get(id_) for number in days]
        start = 0
        for place in range(1, len(days) + 1):
            if place == len(days) or items[place] != items[start]:
                item = items[start]
                if item is not None:
                    found.append((id_, bounds[start], bounds[place], item.text, item.price))
                start = place
    return sorted(found)
