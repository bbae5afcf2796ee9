"""A row's own date: what is read how, and that nothing else is guessed."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from vectorshelf.catalog.model import Catalog
from vectorshelf.extract.dated import row_date
from vectorshelf.extract.product import Product
from vectorshelf.extract.records import Records
from vectorshelf.extract.shape import Shape

BERLIN, NOW = ZoneInfo("Europe/Berlin"), datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-20T02:00:00Z", "2026-11-20T02:00:00+00:00"),
        ("2026-11-20 02:00:00+05:30", "2026-11-19T20:30:00+00:00"),
        (" 2026-11-20 02:00:00.25 ", "2026-11-20T01:00:00.250000+00:00"),
        ("2026-11-20", "2026-11-19T23:00:00+00:00"),
        (date(2026, 11, 20), "2026-11-19T23:00:00+00:00"),
        (datetime.fromisoformat("2026-11-20T02:00"), "2026-11-20T01:00:00+00:00"),
        (datetime(2026, 11, 20, 2, tzinfo=UTC), "2026-11-20T02:00:00+00:00"),
        ("2026-03-29T02:30", "2026-03-29T01:30:00+00:00"),  # the clocks skip it: past the gap
        ("2026-10-25T02:30", "2026-10-25T01:30:00+00:00"),  # the clocks show it twice: the later
    ],
)
def test_moments_are_read_in_the_catalogs_zone_unless_they_name_theirs(value, moment):
    assert row_date(value, BERLIN, NOW).isoformat() == moment


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "is empty"),
        (None, "is empty"),
        ("20.11.2026", "is no date"),
        ("13/01/2026", "is no date"),
        ("20261120", "is no date"),
        ("2026-1-5", "is no date"),
        ("2026-02-30", "is no date"),
        ("1763596800", "is no date"),
        (1763596800, "is no date"),
        (1763596800.5, "is no date"),
        (True, "is no date"),
        ("yesterday", "is no date"),
        ("0001-01-01", "no year of a catalog"),
        ("9999-12-31", "no year of a catalog"),
        ("2026-11-23", "in the future"),
        ("2026-11-22T11:00", "in the future"),
    ],
)
def test_anything_else_is_refused_with_the_reason(value, said):
    with pytest.raises(ValueError, match=said):
        row_date(value, BERLIN, NOW)


def test_a_row_with_a_bad_date_is_a_reject_and_the_column_is_no_attribute():
    catalog = Catalog.model_validate(
        {
            "name": "shop",
            "source": {"path": "x.jsonl"},
            "table": "t",
            "mode": "delta",
            "columns": {"category": None, "updated_at": "changed"},
        }
    )
    records = Records(Shape.of(catalog, "x.jsonl"))
    good = records.read(1, {"id": "1", "name": "lamp", "changed": "2025-11-20T02:00Z", "price": 3})
    assert isinstance(good, Product)
    assert (good.attributes, good.dated) == ('{"price":3}', datetime(2025, 11, 20, 2, tzinfo=UTC))
    bad = records.read(2, {"id": "2", "name": "desk", "changed": 1763596800})
    assert (bad.id, bad.reason[:33]) == ("2", "updated_at 1763596800 is no date:")
