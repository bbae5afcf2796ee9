import io

import pytest
from rich.console import Console

from vectorshelf.cli.bars import Bars
from vectorshelf.cli.progress import Lines


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lines(total: int | None, steps: list[int], seconds: float = 1.0) -> list[str]:
    out, clock = io.StringIO(), Clock()
    progress = Lines(out, clock)
    progress.start("embed", total, "texts")
    for step in steps:
        clock.now += seconds
        progress.advance("embed", step)
    progress.finish("embed", "all done")
    return out.getvalue().splitlines()


def test_lines_come_at_every_tenth_with_the_time_left():
    found = lines(1000, [50] * 20)
    assert found[0] == "embed: 1,000 texts"
    assert found[1] == "embed: 100 of 1,000 texts, about 18 s left"
    assert found[-1] == "embed: all done (20 s)"
    assert len(found) == 1 + 9 + 1


def test_a_stage_of_unknown_length_says_something_now_and_then():
    assert lines(None, [5000] * 45) == ["embed: 100,000 texts", "embed: 200,000 texts", "embed: all done (45 s)"]


def test_tokens_are_shown_where_there_are_any():
    out = io.StringIO()
    progress = Lines(out, Clock())
    progress.start("embed", 10, "texts")
    progress.advance("embed", 5, tokens=1200)
    assert out.getvalue().splitlines()[1].startswith("embed: 5 of 10 texts, 1,200 tokens")


def test_nothing_to_do_is_one_line():
    assert lines(0, []) == ["embed: all done (0.00 s)"]


def bars(total: int | None) -> str:
    out = io.StringIO()
    with Bars(Console(file=out, force_terminal=True, width=120)) as progress:
        progress.start("extract", total, "rows")
        progress.advance("extract", 400, tokens=9000)
        progress._bars.refresh()
        progress.finish("extract", "412 products, 0 to quarantine")
    return out.getvalue()


def test_bars_show_how_much_of_how_much_and_leave_a_line():
    text = bars(412)
    assert "400 of 412 rows, 9,000 tokens" in text
    assert "412 products, 0 to quarantine" in text


def test_bars_live_without_a_total():
    assert "400 rows" in bars(None)


def test_bars_give_the_terminal_back_when_the_run_fails():
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt), Bars(Console(file=out, force_terminal=True)):
        raise KeyboardInterrupt
    assert out.getvalue().rfind("\x1b[?25h") > out.getvalue().rfind("\x1b[?25l") >= 0, "the cursor stayed hidden"
