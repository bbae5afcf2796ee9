"""What a backfill would cost, as lines for people."""

from collections.abc import Mapping
from typing import Any

from vectorshelf.report.phrases import count, counted, duration, money


def forecast_table(answer: Mapping[str, Any]) -> str:
    """A line per date, the total, and the command that makes the runs."""
    lines = [f"{'as of (UTC)':<18}{'products':>10}{'texts':>9}{'tokens':>12}  dollars"]
    lines += [_line(plan) for plan in answer["dates"]]
    took = f", {duration(60 * answer['minutes'])} at the catalog's limits" if answer["minutes"] else ""
    lines.append(
        f"in all {counted(answer['texts'], 'text')} to embed in {counted(answer['requests'], 'request')} with about "
        f"{counted(answer['tokens'], 'token')} for {money(answer['cost_usd'])}{took}; nothing was changed or paid for"
    )
    if runs := sum(plan["batch"] for plan in answer["dates"]):
        lines.append(
            f"{count(runs)} of the runs {'goes' if runs == 1 else 'go'} through the Batch API, within 24 hours each, "
            f"which saves {money(answer['batch_saves_usd'])}"
        )
    if answer["backfill"]:
        lines += [
            "in Airflow, whose dates are where a run's interval begins (the runs of a paused DAG stay queued):",
            f"  {answer['backfill']}",
        ]
    return "\n".join(lines)


def _line(plan: Mapping[str, Any]) -> str:
    figures = (
        f"{count(plan['products']):>10}{count(plan['texts']):>9}{count(plan['tokens']):>12}  {money(plan['cost_usd'])}"
    )
    note = f"  {plan['note']}" if plan["note"] else ""
    return f"{plan['as_of'][:16].replace('T', ' '):<18}{figures}{note}"
