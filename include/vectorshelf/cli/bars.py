"""Live progress with rich: what is done of how much, how fast, how long it will still take."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from vectorshelf.report.phrases import count, duration, rate


class Bars:
    """One bar for the stage that runs; each finished stage leaves a line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            _Amount(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._tokens = 0

    def __enter__(self) -> Self:
        self._bars.start()
        self.start("prepare", None, "")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Show the stage's bar; it swings when the total is not known."""
        self._clear()
        self._tokens = 0
        self._task = self._bars.add_task(stage, total=total, unit=unit)

    def advance(self, stage: str, amount: int, tokens: int = 0) -> None:
        """Move it."""
        self._tokens += tokens
        if self._task is not None:
            self._bars.update(self._task, advance=amount, tokens=self._tokens)

    def note(self, stage: str, line: str) -> None:
        """A line above the bar."""
        self._console.print(Text.assemble("  ", (f"{stage:<8}", "dim"), (line, "dim")))

    def finish(self, stage: str, summary: str) -> None:
        """Replace it with a line."""
        elapsed = self._bars.tasks[-1].elapsed or 0.0 if self._bars.tasks else 0.0
        self._clear()
        self._console.print(
            Text.assemble(("✔ ", "green"), (f"{stage:<8}", "dim"), f"{summary} ", (f"({duration(elapsed)})", "dim"))
        )

    def _clear(self) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None


class _Amount(TextColumn):
    """`12,000 of 19,406 texts, 312,000 tokens, 1,030 texts/s, 7.2 s left`."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        unit = task.fields.get("unit", "")
        if not task.completed:
            return Text("")
        parts = [f"{count(task.completed)}{f' of {count(task.total)}' if task.total else ''} {unit}"]
        parts += [f"{count(task.fields['tokens'])} tokens"] if task.fields.get("tokens") else []
        parts += [rate(task.speed, unit)] if task.speed else []
        parts += [f"{duration(task.time_remaining)} left"] if task.time_remaining else []
        return Text(", ".join(parts))
