"""One line in vectorshelf.index_log for every visit to an index: what was done, why, and the recall curve."""

from dataclasses import dataclass
from typing import Literal

from psycopg2.extras import Json

from vectorshelf.store.db import Cursor, query
from vectorshelf.store.index_decision import IndexType, State
from vectorshelf.store.recall import Measurement

Action = Literal["built", "rebuilt", "kept", "none"]


@dataclass(frozen=True)
class IndexOutcome:
    """What was done and why. `probes` is hnsw.ef_search for hnsw; `recall` is at 10 results, as last measured."""

    action: Action
    reason: str
    type: IndexType
    lists: int | None = None
    probes: int | None = None
    recall: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Visit:
    """Who looks at which catalog's index, and the recall it should have."""

    run_id: str
    catalog: str
    recall_target: float


def write_line(
    cur: Cursor, visit: Visit, outcome: IndexOutcome, state: State, index: int | None, found: Measurement | None = None
) -> int:
    """Append a line about the index with this oid; return the line's number."""
    values = {
        "catalog": visit.catalog,
        "run_id": visit.run_id,
        "action": outcome.action,
        "reason": outcome.reason,
        "type": outcome.type,
        "rows": state.rows,
        "index": index,
        "changed": state.changed,
        "lists": outcome.lists,
        "probes": outcome.probes,
        "recall": outcome.recall,
        "recall_target": visit.recall_target,
        "curve": Json(found.as_json()) if found else None,
        "seconds": outcome.seconds,
    }
    cur.execute(query("log_index"), values)
    (line,) = cur.fetchone() or (0,)
    return int(line)


def complete_line(cur: Cursor, line: int, outcome: IndexOutcome, found: Measurement) -> None:
    """Add what was measured after the build that the line is about."""
    values = {
        "line": line,
        "reason": outcome.reason,
        "probes": outcome.probes,
        "recall": outcome.recall,
        "curve": Json(found.as_json()),
        "seconds": outcome.seconds,
    }
    cur.execute(query("log_measured"), values)
