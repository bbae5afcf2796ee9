"""The system's table of contents: one function per task, in order, and what people ask between runs."""

from vectorshelf.pipeline.approval import Question, approve, question
from vectorshelf.pipeline.batching import advance
from vectorshelf.pipeline.indexing import maintain
from vectorshelf.pipeline.progress import SILENT, Progress
from vectorshelf.pipeline.questions import quarantine_count, quarantine_list, quarantine_requeue, search, status
from vectorshelf.pipeline.request import RunRequest
from vectorshelf.pipeline.run import run
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
    "index",
    "load",
    "maintain",
    "plan",
    "prepare",
    "quarantine_count",
    "quarantine_list",
    "quarantine_requeue",
    "question",
    "report",
    "run",
    "search",
    "status",
    "vacuum",
]
