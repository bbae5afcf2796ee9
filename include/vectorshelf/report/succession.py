"""What a way back did, in words. Pure."""

from collections.abc import Mapping
from typing import Any

from vectorshelf.report.phrases import count, moment


def rolled_back(answer: Mapping[str, Any]) -> str:
    """Which table serves now, which one stands by, and what the next run will do."""
    name, serving, previous = answer["catalog"], answer["serving"], answer["previous"]
    lines = [
        f"{answer['table']} has vectors of {_space(serving)} again, as of {moment(serving['as_of'])}",
        f"those of {_space(previous)}, as of {moment(previous['as_of'])}, stand by as {answer['table']}__previous: "
        f"`vectorshelf rollback {name}` changes places again, `--forget` drops them",
        f"the deltas after {moment(answer['deltas_lost_since'])} are not in it: run those dates again (in Airflow, "
        "clear their runs); a delta does not bring the ones before it"
        if answer.get("deltas_lost_since")
        else "the next run brings the table up to date; what the store has is not paid for again"
        if answer["file_agrees"]
        else f"the catalog file names another model than {serving['model']}: change it back, or the next run of the "
        "whole catalog changes the model once more",
    ]
    return "\n".join(lines)


def forgotten(answer: Mapping[str, Any]) -> str:
    """Which tables are gone."""
    dropped = answer["dropped"]
    return f"dropped {', '.join(dropped)}" if dropped else f"no table of {answer['catalog']} stands by"


def _space(found: Mapping[str, Any]) -> str:
    return f"{found['model'] or 'no model'} ({count(found['dimensions'] or 0)} dimensions)"
