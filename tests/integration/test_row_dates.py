"""`columns.updated_at`: in a delta catalog a row's own date decides, whatever the dates of the files."""

import pytest

from tests.integration.shop import Shop


@pytest.fixture
def shop(tmp_path, database_url) -> Shop:
    return Shop(
        tmp_path,
        database_url,
        mode="delta",
        columns={"id": "sku", "name": "title", "category": None, "deleted": "gone", "updated_at": "changed"},
        max_quarantine_fraction=1.0,
    )


def changes(shop: Shop, day: int, *rows: tuple[str, str, str, str]) -> dict:
    """Run the file of a day: (sku, title, gone, changed)."""
    lines = ["sku,title,gone,changed", *(",".join(row) for row in rows)]
    (shop.folder / f"2026-11-{day:02}.csv").write_text("\n".join(lines) + "\n")
    return shop.run(day)


def test_a_later_file_with_an_older_row_changes_nothing(shop):
    changes(shop, 1, ("1", "lamp", "", "2026-10-31T20:00"))
    figures = changes(shop, 2, ("1", "old lamp", "", "2026-10-31T10:00"), ("2", "desk", "", "2026-10-31T10:00"))
    assert (figures["new"], figures["changed"], figures["unchanged"]) == (1, 0, 1)
    assert shop.names() == ["lamp", "desk"]


def test_an_earlier_file_with_a_newer_row_wins(shop):
    changes(shop, 2, ("1", "old lamp", "", "2026-10-31T10:00"))
    assert changes(shop, 1, ("1", "lamp", "", "2026-10-31T20:00"))["changed"] == 1
    assert shop.names() == ["lamp"]


def test_a_deletion_is_dated_by_its_row_too(shop):
    changes(shop, 2, ("1", "", "true", "2026-10-31T20:00"))
    assert changes(shop, 3, ("1", "lamp", "", "2026-10-31T10:00"))["new"] == 0
    assert changes(shop, 1, ("1", "lamp", "", "2026-10-31T21:00"))["new"] == 1


def test_of_two_rows_of_an_id_in_one_file_the_one_dated_later_stays(shop):
    changes(shop, 1, ("1", "lamp", "", "2026-10-31T20:00"), ("1", "old lamp", "", "2026-10-31T10:00"))
    assert shop.names() == ["lamp"]


def test_rows_without_a_date_that_can_be_read_go_to_quarantine(shop):
    figures = changes(shop, 1, ("1", "lamp", "", "yesterday"), ("2", "desk", "", ""), ("3", "jug", "", "2026-10-31"))
    assert (figures["extracted"], figures["quarantined"]) == (1, 2)
    reasons = [reason for (reason,) in shop.query("SELECT reason FROM vectorshelf.quarantine ORDER BY line")]
    assert reasons[0].startswith("updated_at 'yesterday' is no date")
    assert reasons[1].startswith("updated_at is empty")
