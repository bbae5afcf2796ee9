"""OpenAI's files and batches endpoints: their limits, and jobs that are slow, expire, fail, or are made by mistake.

Files lie on disk and results are computed while they are downloaded, so that the stand-in stays small.
"""

import asyncio
import hashlib
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from tests.standin.vectors import item_of, vectors_of

if TYPE_CHECKING:
    from tests.standin.server import Server


@dataclass
class File:
    """An uploaded file, or (with `batch`) a result that is computed when it is read."""

    id: str
    name: str
    path: Path | None
    size: int
    created: int
    batch: "Job | None" = None
    errors: bool = False


@dataclass
class Line:
    """Where a line stands in its input file, and what will become of it."""

    offset: int
    length: int
    custom_id: str
    fate: str  # done, failed, rejected, late, garbage


@dataclass
class Job:
    """One batch. It ends `delay` seconds after its creation, when somebody looks."""

    id: str
    number: int
    file: File
    metadata: dict[str, str]
    created: float
    delay: float
    status: str = "validating"
    lines: list[Line] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    output: File | None = None
    failed: File | None = None
    ended: float | None = None


class Batches:
    """All files and jobs of one stand-in."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.reset()

    def reset(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="vs-standin-")
        self.files: dict[str, File] = {}
        self.jobs: dict[str, Job] = {}
        self.counts: Counter[str] = Counter()
        self.numbers = 0

    @property
    def told(self) -> Any:
        return self.server.control.batches

    # -- files --------------------------------------------------------------------------------------------------------

    async def upload(self, request: Request) -> Response:
        async with request.form(max_part_size=1 << 30) as form:
            if form.get("purpose") != "batch":
                return refused(400, "Invalid value for 'purpose'.")
            sent = form["file"]
            path = Path(self.folder.name) / self.name("file")
            size = 0
            with path.open("wb") as file:
                while chunk := await sent.read(1 << 20):  # type: ignore[union-attr]
                    size += file.write(chunk)
            if size > self.told.max_bytes:
                path.unlink()
                return refused(413, "File is too large.")
            self.counts["uploads"] += 1
            kept = File(path.name, str(sent.filename), path, size, int(time.time()))  # type: ignore[union-attr]
        self.files[kept.id] = kept
        if self.misbehaves("upload", self.counts["uploads"]):
            return refused(500, "The server had an error.")
        return JSONResponse(shown_file(kept))

    def name(self, kind: str) -> str:
        self.numbers += 1
        return f"{kind}-{self.numbers:06d}"

    def list_files(self, request: Request) -> Response:
        found = [file for file in reversed(self.files.values()) if file.path]
        return page([shown_file(file) for file in found], request)

    def delete(self, file_id: str) -> Response:
        found = self.files.pop(file_id, None)
        if found is None:
            return refused(404, f"No such File object: {file_id}")
        if found.path:
            found.path.unlink(missing_ok=True)
        return JSONResponse({"id": file_id, "object": "file", "deleted": True})

    def content(self, file_id: str) -> Response:
        found = self.files.get(file_id)
        if found is None or found.batch is None:
            return refused(404, f"No such File object: {file_id}")
        self.counts["downloads"] += 1
        return StreamingResponse(self.results(found), media_type="application/octet-stream")

    async def results(self, file: File) -> AsyncIterator[bytes]:
        job = file.batch
        assert job
        assert job.file.path
        number = self.counts["downloads"]
        with job.file.path.open("rb") as source:
            # In another order than they came in, as the real ones may be.
            for place, line in enumerate(sorted(job.lines, key=lambda line: hash_of(line.custom_id))):
                if (line.fate in {"done", "garbage"}) == file.errors:
                    continue
                if self.told.cut_downloads >= number and place >= len(job.lines) // 2:
                    raise RuntimeError("the connection breaks off in the middle of a result")
                source.seek(line.offset)
                yield self.result(line, orjson.loads(source.read(line.length))["body"])
                await asyncio.sleep(0)

    def result(self, line: Line, body: dict[str, Any]) -> bytes:
        shown: dict[str, Any] = {"id": f"batch_req_{line.custom_id}", "custom_id": line.custom_id}
        if line.fate == "late":
            error = {"code": "batch_expired", "message": "This request could not be executed in time."}
            return orjson.dumps({**shown, "response": None, "error": error}) + b"\n"
        if line.fate in {"failed", "rejected"}:
            status = 500 if line.fate == "failed" else 400
            said = {"error": {"message": "The server had an error." if status == 500 else "The input was rejected."}}
            return orjson.dumps({**shown, "response": {"status_code": status, "body": said}, "error": None}) + b"\n"
        if line.fate == "garbage":
            answer = {"status_code": 200, "body": {"object": "list", "data": "?"}}
            return orjson.dumps({**shown, "response": answer, "error": None}) + b"\n"
        texts = body["input"]
        vectors = vectors_of(body["model"], texts, body.get("dimensions", 1536))
        items = b",".join(
            item_of(index, row, body.get("encoding_format") == "base64") for index, row in enumerate(vectors)
        )
        tokens = self.server.tokens_of(texts)
        head = orjson.dumps(shown)[:-1]
        usage = b'{"prompt_tokens":%d,"total_tokens":%d}' % (tokens, tokens)
        return (
            head + b',"response":{"status_code":200,"request_id":"r","body":{"object":"list","data":[' + items
            + b'],"usage":' + usage + b'}},"error":null}\n'
        )  # fmt: skip

    # -- batches ------------------------------------------------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        body = orjson.loads(await request.body())
        file = self.files.get(body["input_file_id"])
        if file is None or file.path is None:
            return refused(400, "Invalid 'input_file_id'.")
        if body.get("endpoint") != "/v1/embeddings" or body.get("completion_window") != "24h":
            return refused(400, "Invalid endpoint or completion window.")
        self.counts["creates"] += 1
        trouble = self.misbehaves("create", self.counts["creates"])
        if trouble and trouble.startswith("before_"):
            return await self.trouble(trouble, request)
        job = Job(self.name("batch"), len(self.jobs), file, body.get("metadata") or {}, time.time(), self.told.delay)
        self.validate(job)
        self.jobs[job.id] = job
        if trouble:
            return await self.trouble(trouble, request)
        return JSONResponse(self.shown(job))

    def misbehaves(self, what: str, number: int) -> str | None:
        """What the script has for this call (counted from 1)."""
        script = self.told.uploads if what == "upload" else self.told.creates
        return script[number - 1] if number <= len(script) and script[number - 1] != "ok" else None

    async def trouble(self, kind: str, request: Request) -> Response:
        self.counts[f"trouble_{kind}"] += 1
        status = kind.rpartition("_")[2]
        if status == "reset":
            self.server.break_off(request)
            return Response(status_code=500)
        return refused(int(status), "Not now.")

    def validate(self, job: Job) -> None:
        """Find the lines, and decide what will become of each."""
        assert job.file.path
        inputs = offset = 0
        names: set[str] = set()
        with job.file.path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                try:
                    line = orjson.loads(raw)
                    texts = line["body"]["input"]
                    name = line["custom_id"]
                    known = line["method"] == "POST" and line["url"] == "/v1/embeddings" and name not in names
                except (orjson.JSONDecodeError, KeyError, TypeError):
                    known = False
                if not known:
                    said = f"line {number}: JSON, method, url or custom_id"
                    job.errors.append({"code": "invalid_json_line", "message": said, "line": number})
                    break
                names.add(name)
                inputs += len(texts)
                job.lines.append(Line(offset, len(raw), name, self.fate(job, name, texts)))
                offset += len(raw)
        if inputs > self.told.max_inputs:
            said = f"{inputs} inputs, at most {self.told.max_inputs}."
            job.errors.append({"code": "too_many_inputs", "message": said})
        if job.number in self.told.fail_jobs:
            job.errors.append({"code": "token_limit_exceeded", "message": "Enqueued token limit reached."})
        if job.errors:
            return
        self.counts["jobs"] += 1
        self.counts["inputs"] += inputs

    def fate(self, job: Job, name: str, texts: list[str]) -> str:
        share = hash_of(name) / 2**32
        marker = self.server.control.rejected
        if marker is not None and any(marker in text for text in texts):
            return "rejected"
        if job.number in {*self.told.expire_jobs, *self.told.cancel_jobs} and share > self.told.done_share:
            return "late"
        if (share * 997) % 1 < self.told.failed_lines:
            return "failed"
        return "garbage" if (share * 991) % 1 < self.told.garbage_lines else "done"

    def progress(self, job: Job) -> None:
        """What has happened to the job by now."""
        if job.ended:
            return
        elapsed = time.time() - job.created
        if job.errors:
            job.status, job.ended = "failed", time.time()
        elif elapsed < job.delay:
            job.status = "validating" if elapsed < job.delay / 4 else "in_progress"
        else:
            self.finish(job)

    def finish(self, job: Job, status: str = "completed") -> None:
        if job.number in self.told.expire_jobs:
            status = "expired"
        if job.number in self.told.cancel_jobs:
            status = "cancelled"
        job.status, job.ended = status, time.time()
        assert job.file.path
        with job.file.path.open("rb") as source:
            for line in job.lines:
                if line.fate not in {"done", "garbage"}:
                    continue
                source.seek(line.offset)
                texts = orjson.loads(source.read(line.length))["body"]["input"]
                self.server.asked.update(texts)
                self.counts["texts"] += len(texts)
                self.counts["tokens"] += self.server.tokens_of(texts)
        fates = {line.fate in {"done", "garbage"} for line in job.lines}
        if True in fates:
            job.output = self.result_file(job, "output", False)
        if False in fates:
            job.failed = self.result_file(job, "errors", True)

    def result_file(self, job: Job, name: str, errors: bool) -> File:
        file = File(self.name("file"), f"{job.id}_{name}.jsonl", None, 0, int(time.time()), job, errors)
        self.files[file.id] = file
        return file

    def retrieve(self, batch_id: str) -> Response:
        self.counts["looks"] += 1
        job = self.jobs.get(batch_id)
        if job is None:
            return refused(404, f"No batch found with id '{batch_id}'.")
        self.progress(job)
        return JSONResponse(self.shown(job))

    def cancel(self, batch_id: str) -> Response:
        job = self.jobs.get(batch_id)
        if job is None:
            return refused(404, f"No batch found with id '{batch_id}'.")
        if not job.ended:
            for line in job.lines:
                line.fate = "late" if hash_of(line.custom_id) / 2**32 > self.told.done_share else line.fate
            self.finish(job, "cancelled")
        return JSONResponse(self.shown(job))

    def list_batches(self, request: Request) -> Response:
        self.counts["lists"] += 1
        return page([self.shown(job) for job in reversed(self.jobs.values())], request)

    def shown(self, job: Job) -> dict[str, Any]:
        done = sum(line.fate in {"done", "garbage"} for line in job.lines) if job.ended else 0
        return {
            "id": job.id,
            "object": "batch",
            "endpoint": "/v1/embeddings",
            "completion_window": "24h",
            "input_file_id": job.file.id,
            "status": job.status,
            "created_at": int(job.created),
            "expires_at": int(job.created) + 86_400,
            f"{'completed' if job.status not in {'expired', 'cancelled', 'failed'} else job.status}_at": int(job.ended)
            if job.ended
            else None,
            "output_file_id": job.output.id if job.output else None,
            "error_file_id": job.failed.id if job.failed else None,
            "errors": {"object": "list", "data": job.errors} if job.errors else None,
            "request_counts": {"total": len(job.lines), "completed": done, "failed": 0},
            "metadata": job.metadata if self.told.metadata else None,
        }

    def figures(self) -> dict[str, Any]:
        """`jobs` that were accepted and will be charged; `twice`: jobs for one of our job names beyond the first."""
        names = Counter(job.metadata.get("vectorshelf_job", job.id) for job in self.jobs.values() if not job.errors)
        states = Counter(job.status for job in self.jobs.values())
        left = sum(file.path is not None for file in self.files.values())
        return {**self.counts, "twice": sum(names.values()) - len(names), "states": states, "uploads_left": left}


def hash_of(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])


def refused(status: int, message: str) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status)


def shown_file(file: File) -> dict[str, Any]:
    return {
        "id": file.id, "object": "file", "bytes": file.size, "created_at": file.created, "filename": file.name,
        "purpose": "batch", "status": "processed",
    }  # fmt: skip


def page(found: list[dict[str, Any]], request: Request) -> Response:
    """`limit` items after the one named by `after`."""
    limit, after = int(request.query_params.get("limit", 20)), request.query_params.get("after")
    start = next((place + 1 for place, item in enumerate(found) if item["id"] == after), 0)
    shown = found[start : start + limit]
    edges = {"first_id": shown[0]["id"] if shown else None, "last_id": shown[-1]["id"] if shown else None}
    return JSONResponse({"object": "list", "data": shown, "has_more": start + limit < len(found), **edges})


def add_routes(app: FastAPI, server: "Server") -> None:
    """Files and batches below /v1."""
    batches = server.batches

    async def present(request: Request) -> None:
        if batches.told.absent:
            raise HTTPException(batches.told.absent)
        keys = server.control.keys
        if keys and request.headers.get("authorization", "").removeprefix("Bearer ") not in keys:
            raise HTTPException(401)

    router = APIRouter(prefix="/v1", dependencies=[Depends(present)])
    router.post("/files")(batches.upload)
    router.get("/files")(batches.list_files)
    router.delete("/files/{file_id}")(batches.delete)
    router.get("/files/{file_id}/content")(batches.content)
    router.post("/batches")(batches.create)
    router.get("/batches")(batches.list_batches)
    router.get("/batches/{batch_id}")(batches.retrieve)
    router.post("/batches/{batch_id}/cancel")(batches.cancel)
    app.include_router(router)
