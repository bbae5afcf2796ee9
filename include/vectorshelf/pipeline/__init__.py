"""The system's table of contents: one function per task, in order, and what people ask between runs."""

from vectorshelf.pipeline.approval import Question, approve, question
from vectorshelf.pipeline.batching import advance
from vectorshelf.pipeline.forecast import forecast
from vectorshelf.pipeline.indexing import maintain
from vectorshelf.pipeline.past import loaded_dates, prune_history, search_as_of
from vectorshelf.pipeline.progress import SILENT, Progress
from vectorshelf.pipeline.questions import quarantine_count, quarantine_list, quarantine_requeue, search, status
from vectorshelf.pipeline.request import RunRequest
from vectorshelf.pipeline.run import run
from vectorshelf.pipeline.succession import forget, rollback
from vectorshelf.pipeline.tasks import drop_staging, embed, extract, fail, index, load, plan, prepare, report, vacuum

__all__ = [
    "SILENT",
    "Progress",
    "Question",
    "RunRequest",
    "advance",
    "approve",
    "drop_staging",
    "embed",
    "extract",
    "fail",
    "forecast",
    "forget",
    "index",
    "load",
    "loaded_dates",
    "maintain",
    "plan",
    "prepare",
    "prune_history",
    "quarantine_count",
    "quarantine_list",
    "quarantine_requeue",
    "question",
    "report",
    "rollback",
    "run",
    "search",
    "search_as_of",
    "status",
    "vacuum",
]
