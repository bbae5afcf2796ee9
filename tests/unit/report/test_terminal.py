import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from tests.unit.report.figures import SUCCESS, figures
from vectorshelf import report
from vectorshelf.report import terminal


def shown(renderable, width: int = 200, **options) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, **options).print(renderable)
    return out.getvalue()


def test_the_summary_says_all_that_the_plain_report_says():
    text = shown(terminal.run_summary(SUCCESS, 0.95))
    for line in report.run.lines(SUCCESS, 0.95):
        assert line.text in text
    for step in report.next_steps(SUCCESS, 0.95):
        assert step in text


def test_the_longest_stage_has_the_longest_bar():
    rows = [line for line in shown(terminal.run_summary(SUCCESS)).splitlines() if "█" in line]
    bars = {line.split()[0]: line.count("█") for line in rows}
    assert max(bars, key=bars.__getitem__) == "index"
    assert min(bars.values()) >= 1


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_narrow_terminal_loses_no_figure(width):
    text = "".join(shown(terminal.run_summary(SUCCESS), width=width).split())
    assert "19,406read" in text
    assert "0.00002468" in text


def test_a_failed_run_is_red_and_shows_the_error():
    text = shown(terminal.run_summary(figures(status="failed", error="the [disk] is full")), force_terminal=True)
    assert "the [disk] is full" in text
    assert "\x1b[31m✘" in text


def test_status_shows_a_catalog_that_never_ran_beside_one_that_did():
    never = {
        "name": "new",
        "rows": 0,
        "last_run": None,
        "quarantine": 0,
        "recall": None,
        "recall_target": 0.95,
        "spent_usd_month": 0.0,
    }
    ran = {
        **never,
        "name": "shop",
        "rows": 1234567,
        "table_as_of": "2026-11-23T02:00:00+00:00",
        "last_run": {"status": "failed", "as_of": "2026-11-22T02:00:00+00:00"},
        "quarantine": 12,
        "recall": 0.912,
        "spent_usd_month": 1.5,
    }
    first, second = shown(terminal.status_table([never, ran])).splitlines()[1:]
    assert first.split() == ["new", "0", "-", "never", "0", "-", "0.950", "$0"]
    assert second.split() == [
        "shop",
        "1,234,567",
        "2026-11-23",
        "02:00",
        "UTC",
        "✘",
        "failed,",
        "as",
        "of",
        "2026-11-22",
        "02:00",
        "UTC",
        "12",
        "0.912",
        "0.950",
        "$1.50",
    ]


def test_input_cannot_paint_or_mark_up_the_terminal():
    hit = {
        "id": "1",
        "name": "[bold]x[/bold]\x1b[2J\x07",
        "category": "c\nd",
        "score": 0.5,
        "attributes": {"a": "\x1b]0;t\x07"},
    }
    text = shown(terminal.hits_table([hit]))
    assert "[bold]x[/bold]" in text
    assert not {"\x1b", "\x07"} & set(text)
    item = {
        "line": 1,
        "id": None,
        "reason": "empty name",
        "last_seen": datetime(2026, 1, 1, tzinfo=UTC),
        "raw": "a\x1b[31m,b",
    }
    assert "\x1b" not in shown(terminal.quarantine_table([item]))


def test_a_hit_without_attributes_is_a_row_too():
    hit = {"id": "1", "name": "lamp", "category": "home", "score": 0.51234, "attributes": None}
    assert shown(terminal.hits_table([hit])).splitlines()[1].split() == ["1", "0.512", "lamp", "home", "1"]
