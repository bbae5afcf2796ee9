"""What stands in a batch's files, when a run should use batches, and how long to wait between looks. All of it pure.

An input line holds many texts: 50,000 a job are allowed whatever the lines, and a line is what fails, expires and is
committed as one. 256 texts of 1,536 dimensions are 2 MiB of answer in base64, so memory stays low.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from vectorshelf.embed.embedder import BadAnswerError, Dialect
from vectorshelf.embed.packing import Text

LINE_TEXTS = 256
MAX_INPUTS = 50_000
"""Of a job, over all its lines (OpenAI, "Create batch")."""

MAX_BYTES = 190_000_000
"""Of a file. The limit is 200 MB; the rest is for what a megabyte is."""

SAVED_USD = 1.0
SLOW_MINUTES = 60.0
"""`auto` takes batches from either on: what the half price saves, or what the ordinary requests would take."""

FIRST_WAIT = 5.0
_LONGEST_WAIT, _GROWTH = 300.0, 1.5
_OK = 200

Mode = Literal["auto", "always", "never"]
Kind = Literal["manual", "scheduled", "backfill"]


@dataclass(frozen=True)
class Choice:
    """Whether the run's texts go through the Batch API, and why (for people)."""

    use: bool
    reason: str


def choose(mode: Mode, kind: Kind, texts: int, cost_usd: float, minutes: float) -> Choice:
    """What to do with `texts` pending texts that ordinary requests embed for `cost_usd` dollars in `minutes` minutes.

    A scheduled run has a deadline, its next interval, and a job may take all of its 24 hours: `auto` keeps it out.
    """
    if mode == "never" or texts == 0:
        return Choice(False, "embedding.batch: never" if mode == "never" else "nothing to embed")
    if mode == "always":
        return Choice(True, "embedding.batch: always")
    if kind == "scheduled":
        return Choice(False, "a scheduled run does not wait up to 24 hours for a batch")
    saved = cost_usd / 2
    if saved >= SAVED_USD:
        return Choice(True, f"half price saves about ${saved:,.2f}")
    if minutes >= SLOW_MINUTES:
        return Choice(True, f"ordinary requests would take about {minutes:,.0f} minutes at the current limits")
    return Choice(False, f"half price would save ${saved:,.2f} only, and ordinary requests take {minutes:,.0f} minutes")


def wait_of(attempt: int, first: float = FIRST_WAIT) -> float:
    """Seconds before look number `attempt` (from 1) at jobs that are under way."""
    return min(_LONGEST_WAIT, first * _GROWTH ** min(attempt - 1, 50))


def in_jobs(
    requests: Iterable[list[Text]], *, max_inputs: int = MAX_INPUTS, max_bytes: int = MAX_BYTES
) -> Iterator[tuple[int, int, list[Text]]]:
    """(job, line, texts) for a stream of lines: jobs and a job's lines are counted from 0, none is over its limits."""
    job = line = inputs = size = 0
    for texts in requests:
        length = len(line_of("0" * 40, "m" * 64, 9999, Dialect(), [text.text for text in texts]))
        if line and (inputs + len(texts) > max_inputs or size + length > max_bytes):
            job, line, inputs, size = job + 1, 0, 0, 0
        yield job, line, texts
        line, inputs, size = line + 1, inputs + len(texts), size + length


def line_of(custom_id: str, model: str, dimensions: int, dialect: Dialect, texts: Sequence[str]) -> bytes:
    """One line of an input file, with its line break: an ordinary request and a name to know its answer by."""
    body: dict[str, object] = {"model": model, "input": list(texts), "encoding_format": dialect.encoding}
    if dialect.send_dimensions:
        body["dimensions"] = dimensions
    return orjson.dumps({"custom_id": custom_id, "method": "POST", "url": "/v1/embeddings", "body": body}) + b"\n"


def custom_id(job: str, line: int) -> str:
    """The name of a job's line."""
    return f"{job}-{line}"


@dataclass(frozen=True)
class Result:
    """What a line of a result file says: which `line` of our job, and the answer's `body`, or None and the `fault`."""

    line: int
    body: bytes | None
    fault: str = ""


def result_of(raw: bytes, job: str) -> Result:
    """Raises BadAnswerError when the line is not JSON, or is about no line of this job."""
    try:
        found = orjson.loads(raw)
        name, _, number = found["custom_id"].rpartition("-")
        line = int(number)
        response, error = found.get("response"), found.get("error")
        status = response["status_code"] if response else None
        body = response.get("body") if response else None
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as reason:
        raise BadAnswerError("a line of the batch's result is not what the Batch API writes") from reason
    if name != job:
        raise BadAnswerError("a line of the batch's result is about another job")
    if status == _OK and not error:
        return Result(line, orjson.dumps(body))
    return Result(line, None, _fault(status, error, body))


def _fault(status: int | None, error: object, body: object) -> str:
    said = error or (body.get("error") if isinstance(body, dict) else None)
    words = (said.get("message") or said.get("code")) if isinstance(said, dict) else said
    return " ".join(f"{status or ''} {words or 'no reason given'}".split())[:300]


def lines_in(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a byte stream, without their breaks and without empty ones. Holds one line at a time."""
    parts: list[bytes] = []
    for chunk in chunks:
        *complete, rest = chunk.split(b"\n")
        for end in complete:
            parts.append(end)
            if line := b"".join(parts).strip():
                yield line
            parts = []
        parts.append(rest)
    if line := b"".join(parts).strip():
        yield line
