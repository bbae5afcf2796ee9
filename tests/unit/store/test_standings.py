"""Which table a run writes, decided from what stands."""

from datetime import UTC, datetime

import pytest

from vectorshelf.store.index_names import IndexNames
from vectorshelf.store.standings import Standing, choose_target
from vectorshelf.store.table import ServingTable, fitted

TABLE = ServingTable("public", "products", 128)
THEN = datetime(2026, 11, 1, tzinfo=UTC)


def standing(table: str, model: str | None, dimensions: int | None) -> Standing:
    return Standing(f"public.{table}", THEN, "run", model, dimensions)


@pytest.mark.parametrize(
    "serving",
    [
        None,
        standing("products", "b", 128),
        standing("products", None, 128),  # nothing was loaded yet
        standing("products", "a", None),  # dropped by hand, or without a column for vectors
        standing("elsewhere", "a", 64),  # the catalog has moved to another table
    ],
)
def test_the_table_itself_when_it_may_take_the_vectors(serving):
    found = {} if serving is None else {"serving": serving}
    target = choose_target(found, TABLE, "b")
    assert (target.table, target.replaces, target.stands) == (TABLE, None, True)


@pytest.mark.parametrize("serving", [standing("products", "a", 128), standing("products", "b", 64)])
@pytest.mark.parametrize(
    ("waiting", "stands"),
    [
        (None, False),
        (standing("products__next", "b", 128), True),
        (standing("products__next", "c", 128), False),
        (standing("products__next", "b", 256), False),
        (standing("elsewhere__next", "b", 128), False),
    ],
)
def test_another_one_when_its_vectors_cannot_be_compared(serving, waiting, stands):
    found = {"serving": serving} | ({"next": waiting} if waiting else {})
    target = choose_target(found, TABLE, "b")
    assert (target.table.label, target.table.dimensions, target.stands) == ("public.products__next", 128, stands)
    assert target.replaces == ServingTable("public", "products", serving.dimensions)


def test_every_name_fits_and_differs():
    table = ServingTable("public", "t" * 48, 4)
    standbys = [table, table.standby("next"), table.standby("previous")]
    names = [name for one in standbys for name in (*IndexNames.of(one).all, one.name, one.search_name)]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 63


def test_a_name_that_is_too_long_keeps_its_beginning_and_whole_characters():
    name = fitted("ü" * 40)
    assert name.startswith("ü" * 26)
    assert len(name.encode()) <= 63
    assert fitted("ü" * 41) != name
