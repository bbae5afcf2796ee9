"""The same figures for a terminal, with rich: colours for what matters, bars for where the time went."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from vectorshelf.report.phrases import count, counted, duration, fraction, moment, money
from vectorshelf.report.run import Figures, headline, lines, next_steps, stages

_MARKS = {"success": ("✔", "green"), "planned": ("◌", "cyan"), "failed": ("✘", "red")}
_BAR = 24
_SHOWN = 60


def run_summary(figures: Figures, recall_target: float | None = None) -> RenderableType:
    """Headline, figures, a bar per stage, what to do next."""
    mark, colour = _MARKS.get(figures["status"], ("•", "white"))
    head = Text.assemble((f"{mark} ", colour), (headline(figures), "bold"))
    facts = _grid()
    for label, text in lines(figures, recall_target):
        facts.add_row(Text(label, "dim"), Text(text, "red" if label == "error" else ""))
    steps = [Text.assemble(("→ ", "cyan"), step) for step in next_steps(figures, recall_target)]
    blocks: list[RenderableType] = [facts, _stage_bars(figures), Group(*steps)]
    return Group("", head, "", *(Padding(block, (0, 0, 1, 2)) for block in blocks))


def status_table(catalogs: Iterable[Mapping[str, Any]]) -> Table:
    """One row per catalog: rows and their date, last run, quarantine, recall, money; history where one is kept."""
    entries = list(catalogs)
    dated = any(entry.get("history") for entry in entries)
    headers = ("catalog", "rows>", "as of", "last run", "quarantine>", "recall>", "target>", "this month>")
    table = _table(*headers, *(["history"] if dated else []))
    for entry in entries:
        recall, target = entry["recall"], entry["recall_target"]
        short = recall is not None and target is not None and recall < target
        table.add_row(
            Text(entry["name"], "bold"),
            count(entry["rows"]),
            moment(entry["table_as_of"]) if entry.get("table_as_of") else "-",
            _last_run(entry["last_run"]),
            Text(count(entry["quarantine"]), "yellow" if entry["quarantine"] else ""),
            Text(fraction(recall), "yellow" if short else ""),
            fraction(target),
            money(entry["spent_usd_month"]),
            *([_history(entry.get("history"))] if dated else []),
        )
    return table


def hits_table(hits: Sequence[Mapping[str, Any]]) -> Table:
    """Search results, best first."""
    table = _table("#>", "score>", "name", "category", "id", "attributes")
    for rank, hit in enumerate(hits, start=1):
        attributes = hit["attributes"] or {}
        table.add_row(
            str(rank),
            f"{hit['score']:.3f}",
            Text(_short(hit["name"]), "bold"),
            Text(_short(hit["category"])),
            Text(_short(str(hit["id"]))),
            Text(_short(", ".join(f"{key} {value}" for key, value in attributes.items())), "dim"),
        )
    return table


def quarantine_table(items: Sequence[Mapping[str, Any]]) -> Table:
    """What was put aside, newest first."""
    table = _table("line>", "id", "reason", "last seen", "row or text")
    for item in items:
        table.add_row(
            "" if item["line"] is None else count(item["line"]),
            Text(_short(str(item["id"] or ""))),
            Text(_printable(str(item["reason"]))),
            moment(item["last_seen"]),
            Text(_short(item["raw"] or ""), "dim"),
        )
    return table


def dates_table(dates: Sequence[Mapping[str, Any]]) -> Table:
    """The dates a catalog was loaded for, oldest first; a date without a model cannot be searched."""
    table = _table("as of", "products>", "model")
    for date in dates:
        known = date["model"] is not None
        model = f"{date['model']}, {date['dimensions']} dimensions" if known else "loaded without history"
        products = count(date["products"]) if known else "-"
        table.add_row(moment(date["as_of"]), products, Text(model, "" if known else "dim"))
    return table


def _stage_bars(figures: Figures) -> Table:
    grid = _grid()
    grid.add_column(justify="right")
    grid.add_column()
    for stage in stages(figures):
        bar = "█" * max(1, round(stage.share * _BAR))
        grid.add_row(Text(stage.name, "dim"), Text(bar, "cyan"), duration(stage.seconds), Text(stage.rate, "dim"))
    return grid


def _last_run(run: Mapping[str, Any] | None) -> Text:
    if run is None:
        return Text("never", "dim")
    mark, colour = _MARKS.get(run["status"], ("…", "cyan"))
    status = "skipped" if run.get("skipped") else run["status"]
    return Text.assemble((f"{mark} ", colour), f"{status}, as of {moment(run['as_of'])}")


def _history(span: Mapping[str, Any] | None) -> Text:
    if span is None:
        return Text("-", "dim")
    return Text(f"{counted(span['dates'], 'date')} from {moment(span['first'])}")


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _table(*headers: str) -> Table:
    """Columns by their headers; `>` at the end aligns to the right."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for header in headers:
        table.add_column(header.rstrip(">"), justify="right" if header.endswith(">") else "left", overflow="fold")
    return table


def _short(text: str) -> str:
    clean = _printable(text)
    return clean if len(clean) <= _SHOWN else clean[: _SHOWN - 1] + "…"


def _printable(text: str) -> str:
    """One line; control characters of a bad row stay out of the terminal."""
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))
