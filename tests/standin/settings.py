"""What the stand-in can be told through /control: limits, quirks, and faults by script."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

FaultKind = Literal[
    "refuse",  # 429, with `retry_after` if given
    "status",  # the HTTP status in `status`
    "reset_before",  # the connection is reset before the request is looked at
    "reset_after",  # the work is done and charged; the connection is reset in the middle of the body
    "slow",  # the answer comes `seconds` late
    "stalled",  # headers and half of the body, then silence for `seconds`
    "truncated",  # a complete HTTP answer with half of the JSON
    "shuffled",  # items in another order, each with its right index
    "missing",  # one item left out
    "extra",  # one item more than texts
    "wrong_dimension",  # half of the numbers
    "nan",  # one vector holds a NaN
    "zero",  # one vector is all zeros
    "quota",  # 429 insufficient_quota
    "invalid_key",  # 401
    "not_found",  # 404 model_not_found
    "forbidden",  # 403
]


class Fault(BaseModel):
    """One fault: on the next `times` requests, or on a share of all of them."""

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    times: int | None = None  # None: no end
    probability: float = 1.0
    after: int = 0  # requests that pass first
    status: int = 500
    retry_after: float | None = None
    seconds: float = 1.0
    text: str | None = None  # only requests with a text that contains this


Trouble = Literal["ok", "before_429", "before_500", "before_reset", "after_429", "after_500", "after_reset"]
"""Of a call: refused, or done and then answered as if it had not been."""


class Batching(BaseModel):
    """The Batch API. Jobs are numbered from 0 in the order they are accepted."""

    model_config = ConfigDict(extra="forbid")

    absent: int = 0  # this HTTP status for everything: there is no Batch API
    delay: float = 0.0  # seconds that a job takes
    max_inputs: int = 50_000
    max_bytes: int = 200 * 1024 * 1024
    metadata: bool = True  # false: forgotten
    failed_lines: float = 0.0  # the share of lines that end with a 500
    garbage_lines: float = 0.0  # and of those whose body is none of ours
    done_share: float = 0.5  # of the lines of a job that expires or is cancelled
    expire_jobs: list[int] = []
    cancel_jobs: list[int] = []
    fail_jobs: list[int] = []
    creates: list[Trouble] = []  # what happens to the first, second, ... "create"
    uploads: list[Trouble] = []
    cut_downloads: int = 0  # so many downloads break off half-way


class Control(BaseModel):
    """Everything adjustable. A change takes effect with the next request."""

    model_config = ConfigDict(extra="forbid")

    requests_per_minute: float | None = None  # None: not limited, and no headers about it
    tokens_per_minute: float | None = None
    enforce: Literal["window", "bucket"] = "window"
    rate_headers: bool = True
    retry_after_header: bool = True
    tokens_per_byte: float = 0.25
    keys: list[str] = []  # empty: any key
    latency: float = 0.0
    base64: Literal["yes", "refused", "ignored"] = "yes"
    dimensions: Literal["yes", "refused", "ignored"] = "yes"
    order: Literal["kept", "reversed"] = "kept"  # reversed: and the index lies
    norm: float = 1.0
    usage: bool = True
    rejected: str | None = None  # a text that contains this is refused with 400
    max_texts: int = 2048
    max_tokens: int = 300_000
    max_tokens_per_text: int = 8192
    faults: list[Fault] = []
    batches: Batching = Batching()
    seed: int = 0
