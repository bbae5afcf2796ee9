"""Pending texts through the provider's Batch API: planned, submitted once, looked at, collected. Half the price.

`advance` does whatever can be done now and returns; who calls it waits and calls it again (the command line in the
foreground, Airflow in its triggerer). Killed anywhere and called again, by this run or by another that needs the same
texts, it goes on: nothing is submitted twice, stored twice or charged twice. What batches do not bring, the ordinary
requests of `embed` do.
"""

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vectorshelf.catalog.model import Catalog
from vectorshelf.embed.batch_job import Batch, NoBatchesError, RefusedJobError
from vectorshelf.embed.batch_lines import (
    LINE_TEXTS,
    MAX_INPUTS,
    Choice,
    Kind,
    Result,
    choose,
    custom_id,
    in_jobs,
    line_of,
    result_of,
    wait_of,
)
from vectorshelf.embed.check import faults_of
from vectorshelf.embed.embedder import BadAnswerError, Dialect, endpoint_of
from vectorshelf.embed.packing import Packer, RequestSize, Text
from vectorshelf.embed.prices import batch_price, cost_usd, price_of
from vectorshelf.embed.tokens import byte_length, bytes_of, calibrated, estimated
from vectorshelf.errors import BrakeError, ConfigurationError, TransientError, VectorshelfError
from vectorshelf.pipeline import embedding, money
from vectorshelf.pipeline.context import Run, opened
from vectorshelf.pipeline.progress import SILENT, Progress
from vectorshelf.settings import Settings
from vectorshelf.store import batches, budget, db, ledger
from vectorshelf.store.batches import Job, Line, Look, Promise
from vectorshelf.store.claims import Claimant
from vectorshelf.store.pending import ShardTexts
from vectorshelf.store.writers import choose_method

if TYPE_CHECKING:
    from vectorshelf.embed.batch_endpoint import BatchEndpoint

_NOTHING = np.empty((0, 1), dtype=np.float32)

SETTLE_SECONDS = 120.0
"""After an unanswered "create", how long the provider's list may take to show the batch before it is made again."""

_MOMENT = 60.0  # seconds: a promise of money whose line was never written falls away after that
_LISTS_FROM = 86_400.0


@dataclass(frozen=True)
class Standing:
    """How the run's batches stand. `open` jobs are waited for; `watched` are those that the provider has."""

    open: int
    watched: list[str]
    endpoint: str
    texts: int
    stored: int
    notes: list[str] = field(default_factory=list)


def decision(run: Run, texts: int, cost: float, minutes: float) -> dict[str, object]:
    """For the plan's counts: whether this run's texts go through batches, and why."""
    found = choice(run.catalog, run.request.kind, texts, cost, minutes)
    return {"batch": found.use, "batch_reason": found.reason}


def choice(catalog: Catalog, kind: Kind, texts: int, cost: float, minutes: float) -> Choice:
    """Whether `texts` that cost so many dollars and minutes by ordinary requests go through batches, and why."""
    found = choose(catalog.embedding.batch, kind, texts, cost, minutes)
    if found.use and catalog.embedding.provider == "local":
        return Choice(False, "the local model has no batches")
    return found


def advance(
    run_id: str, settings: Settings, progress: Progress = SILENT, *, settle: float = SETTLE_SECONDS,
    max_inputs: int = MAX_INPUTS,
) -> Standing:  # fmt: skip
    """Plan once; then move every job the run waits for as far as it goes now."""
    from vectorshelf.embed.batch_endpoint import BatchEndpoint  # noqa: PLC0415  # the client takes a second to import

    started = time.monotonic()
    with opened(run_id, "batch", settings) as run, batches.alone(run.conn, f"batches of {run_id}") as mine:
        endpoint = endpoint_of(run.catalog.embedding, settings.openai_base_url)
        if not mine:
            return Standing(1, [], endpoint, 0, 0, ["another process is at it"])
        if run.catalog.embedding.provider == "local":
            return Standing(0, [], endpoint, 0, 0)
        dialect = _dialect(run, settings)
        notes = _planned(run, endpoint, max_inputs, progress)
        with db.transaction(run.conn) as cur:
            looks = batches.of_run(cur, run_id, run.catalog.name, run.names, run.space)
        with BatchEndpoint(endpoint, settings.openai_api_key, run.catalog.embedding.timeout_seconds) as api:
            courier = _Courier(run, api, dialect, settle, progress, notes)
            try:
                for look in looks:
                    courier.deliver(look)
            except ConfigurationError:  # until a person has changed something, ordinary requests must not wait for them
                batches.drop_unsent(run.conn, run_id)
                raise
            stored = courier.stored
        standing = _standing(run, [look.job for look in looks if look.awaited], endpoint, stored, notes)
        _record(run, standing, time.monotonic() - started)
        return standing


def wait(
    run_id: str, settings: Settings, progress: Progress = SILENT, *, sleep: Callable[[float], None] = time.sleep
) -> Standing:
    """See the run's batches through in the foreground. Stopped anywhere, a later run goes on with the same jobs."""
    attempt, shown, stored = 0, "", 0
    progress.start("batch", None, "texts")
    while True:
        standing = advance(run_id, settings, progress)
        stored += standing.stored
        if not standing.open:
            progress.finish("batch", f"{stored:,} texts")
            return standing
        said = f"{standing.open} jobs with {standing.texts:,} texts at the provider, for 24 hours at most"
        attempt = attempt + 1 if said == shown else 1
        if said != shown:
            progress.note("batch", said)
        shown = said
        sleep(wait_of(attempt))


def settle(run: Run, settings: Settings, progress: Progress = SILENT) -> bool:
    """Fetch what has ended of the catalog's jobs, and drop what a run that is over never sent. True when there was any:
    its texts and its money are free now.
    """
    from vectorshelf.embed.batch_endpoint import BatchEndpoint  # noqa: PLC0415  # the client takes a second to import

    with db.transaction(run.conn) as cur:
        before = batches.of_catalog(cur, run.catalog.name)
    if not before:
        return False
    endpoint = endpoint_of(run.catalog.embedding, settings.openai_base_url)
    with BatchEndpoint(endpoint, settings.openai_api_key, run.catalog.embedding.timeout_seconds) as api:
        courier = _Courier(run, api, Dialect(), SETTLE_SECONDS, progress, [])
        for look in before:
            courier.deliver(look)
    with db.transaction(run.conn) as cur:
        return batches.of_catalog(cur, run.catalog.name) != before


def _dialect(run: Run, settings: Settings) -> Dialect:
    """As the self-test found it: before jobs are sent it must have passed, if need be now."""
    with db.transaction(run.conn) as cur:
        prepared = ledger.stage_counts(cur, run.run_id, "prepare") or {}
        planned = ledger.stage_counts(cur, run.run_id, "plan") or {}
    if not planned.get("batch") and not prepared.get("dialect"):
        return Dialect()  # it sends nothing of its own
    account = embedding.Account(run.conn, run.run_id, run.catalog, run.space)
    return embedding.dialect_of(account, prepared, money.Purse.of(run, money.NO_SHARD), settings)


def _standing(run: Run, names: list[str], endpoint: str, stored: int, notes: list[str]) -> Standing:
    with db.transaction(run.conn) as cur:
        jobs = [job for job in (batches.read(cur, name) for name in names) if job and job.state not in _OVER]
    watched = [job.batch_id for job in jobs if job.batch_id and job.endpoint == endpoint]
    return Standing(len(jobs), watched, endpoint, sum(job.texts for job in jobs), stored, notes)


_OVER = {"collected", "ended"}


def _record(run: Run, standing: Standing, seconds: float) -> None:
    """Add the time up, and leave what was noted by earlier looks in place."""
    with db.transaction(run.conn) as cur:
        before = ledger.stage_counts(cur, run.run_id, "batch") or {}
        counts = {
            **before,
            "stored": before.get("stored", 0) + standing.stored,
            "open": standing.open,
            "notes": list(dict.fromkeys([*before.get("notes", []), *standing.notes]))[-20:],
        }
        ledger.record_stage(cur, run.run_id, "batch", -1, seconds, counts)


# -- planning -------------------------------------------------------------------------------------------------------


def _planned(run: Run, endpoint: str, max_inputs: int, progress: Progress) -> list[str]:
    """Claim the run's texts for jobs, once per opening of the run; returns notes. Interrupted, it starts over."""
    with db.transaction(run.conn) as cur:
        if (ledger.stage_counts(cur, run.run_id, "batch") or {}).get("planned"):
            return []
        plan = ledger.stage_counts(cur, run.run_id, "plan") or {}
        looks = batches.of_run(cur, run.run_id, run.catalog.name, run.names, run.space)
    for look in looks:
        _drop_unfinished(run.conn, look.job)
    notes = [f"{'batches' if plan.get('batch') else 'ordinary requests'}: {plan.get('batch_reason')}"]
    progress.note("batch", notes[0])
    claimant = Claimant(run.conn)  # no ordinary request takes a text between its being read here and its being in a job
    if plan.get("batch"):
        try:
            for _, lines in groupby(_lines(run, claimant, max_inputs), key=lambda found: found[0]):
                _new_job(run, endpoint, (request for _, _, request in lines))
        except (BrakeError, budget.MoneyPromisedError) as error:
            notes.append(f"the budget leaves no more for batches, ordinary requests go on: {error}")
    with db.transaction(run.conn) as cur:
        ledger.record_stage(cur, run.run_id, "batch", -1, 0.0, {"planned": True, "notes": notes})
        claimant.release(cur)
    return notes


def _drop_unfinished(conn: db.Connection, name: str) -> None:
    """What a planner left that was killed. One that lives holds the job's lock."""
    with batches.alone(conn, batches.lock_of(name)) as mine, db.transaction(conn) as cur:
        job = batches.read(cur, name)
        if mine and job and job.state == "planning":
            batches.drop(cur, name)


def _lines(run: Run, claimant: Claimant, max_inputs: int) -> Iterator[tuple[int, int, list[Text]]]:
    """The run's free texts as (job, line, texts). Those that are too long or empty are left to the ordinary path."""
    with db.transaction(run.conn) as cur:
        shards = batches.shards(cur, run.names)
        ratio = calibrated(*ledger.past_usage(cur, run.space))
    found = chain.from_iterable(
        ShardTexts(run.conn, run.row.run_no, shard, run.space, run.catalog.name, claimant) for shard in shards
    )
    most = bytes_of(run.catalog.embedding.max_tokens_per_text)
    fitting = (Text(sha256, text) for sha256, text in found if byte_length(text) <= most and text.strip())
    per_line = min(LINE_TEXTS, run.catalog.embedding.max_texts_per_request)
    yield from in_jobs(Packer(fitting, RequestSize(texts=per_line), lambda: ratio), max_inputs=max_inputs)


def _new_job(run: Run, endpoint: str, requests: Iterator[list[Text]]) -> None:
    """Claim the texts of one job, line by line, each with its money."""
    name = uuid.uuid4().hex
    claimed = 0
    with batches.alone(run.conn, batches.lock_of(name)):
        with db.transaction(run.conn) as cur:
            batches.open_job(cur, name, run.run_id, run.catalog.name, endpoint, run.space)
            ratio = calibrated(*ledger.past_usage(cur, run.space))
            job = batches.read(cur, name)
        part = job.part if job else 0
        try:
            for line, request in enumerate(requests):
                size = sum(byte_length(text.text) for text in request)
                tokens = estimated(size, len(request), ratio)
                promise = _promised(run, part, len(request), tokens, size)
                with db.transaction(run.conn) as cur:
                    texts = [(text.sha256, text.text) for text in request]
                    claimed += batches.add_line(
                        cur, name, run.space, line, texts, (size, tokens), promise, batches.GIVE_UP_SECONDS
                    )
        finally:  # out of money: what has been claimed goes; killed: the state stays `planning`
            with db.transaction(run.conn) as cur:
                if claimed:
                    batches.move(cur, name, "planned")
                else:
                    batches.drop(cur, name)


def _promised(run: Run, part: int, texts: int, tokens: int, size: int) -> Promise | None:
    """Money for one line at half price; None without a budget. Costs nothing unless its line is written."""
    caps = money.caps_of(run.request, run.row.approved_usd)
    if not caps.any:
        return None
    most = Decimal(str(_dollars(run, max(texts, size))))
    likely = Decimal(str(_dollars(run, tokens)))
    asked = budget.Asked(
        run.run_id, run.catalog.name, part, run.space, texts, tokens, size,
        budget.Price(likely, most, unheard=Decimal(0)), _MOMENT,
    )  # fmt: skip
    return Promise(budget.hold(run.conn, asked, caps), most)


def _dollars(run: Run, tokens: int) -> float:
    return cost_usd(tokens, batch_price(money.price_of_catalog(run.catalog)))


def _charged(run: Run, job: Job, line: Line, tokens: int) -> float:
    """What the provider charges for a line's tokens: at the price of the job's catalog, as it was when it was made."""
    if (job.space, job.catalog) == (run.space, run.catalog.name):
        return _dollars(run, tokens)
    if line.presumed is not None:
        return float(line.presumed) * tokens / max(len(line.sha256s), line.size)
    with db.transaction(run.conn) as cur:
        then = ledger.get_run(cur, job.run_id).request["catalog"]["embedding"]
    override = then.get("usd_per_million_tokens") if then["model"] == job.model else None  # it may have been run again
    try:
        return cost_usd(tokens, batch_price(price_of(job.model, override)))
    except ConfigurationError:  # a server of one's own: the catalog's price is the nearest
        return _dollars(run, tokens)


def _file_of(job: Job) -> str:
    """What the job's input file is called at the provider."""
    return f"vectorshelf-{job.job}.jsonl"


# -- one job --------------------------------------------------------------------------------------------------------


@dataclass
class _Courier:
    """Moves jobs, one at a time, each under its lock."""

    run: Run
    api: "BatchEndpoint"
    dialect: Dialect
    settle: float
    progress: Progress
    notes: list[str]
    stored: int = 0

    def deliver(self, look: Look) -> None:
        """As far as the job goes now. What the provider refuses for now is left for the next look.

        Raises ConfigurationError for a job that the run waits for; another's trouble does not stop the run.
        """
        try:
            self._delivered(look)
        except VectorshelfError as error:
            if look.awaited or self.run.conn.closed:
                raise
            self._note(f"another run's job was left as it is: {error}")

    def _delivered(self, look: Look) -> None:
        name = look.job
        with batches.alone(self.run.conn, batches.lock_of(name)) as mine:
            job = self._read(name) if mine else None
            if job is None:
                return
            try:
                self._move(job, look)
            except NoBatchesError as error:
                self._release(job, f"{error}: ordinary requests take its texts")
            except RefusedJobError as error:
                current = self._read(name) or job
                unsure = self._lines_left(name) if current.batch_id else []
                self._release(current, f"{error}: ordinary requests take its texts", unsure)
            except TransientError as error:
                self._note(f"{error}; the job is looked at again")
            self._give_up(name)

    def _move(self, job: Job, look: Look) -> None:
        if job.state in batches.UNSENT and not look.awaited:
            if look.orphan:  # nobody wants it any more, and it holds texts and money
                self._forget(job)
            return
        if job.state == "planning":  # nobody holds its lock: its planner is dead
            self._drop(job)
            return
        if job.endpoint != self.api.url:
            return  # whoever works with that endpoint sees it through, or its time runs out
        if job.state in {"planned", "uploading"}:
            job = self._uploaded(job)
        if job.state in {"uploaded", "creating"}:
            job = self._submitted(job, look)
        if job.state == "submitted":
            job = self._collected(job)
        if job.state == "collected":
            self._tidied(job)

    def _uploaded(self, job: Job) -> Job:
        name = _file_of(job)
        if job.state == "uploading":
            self.api.delete_uploads(name)
        with db.transaction(self.run.conn) as cur:
            batches.move(cur, job.job, "uploading")
        with tempfile.TemporaryDirectory(prefix="vectorshelf-batch-") as folder:
            path = Path(folder) / name
            self._write(job, path)
            file_id = self.api.upload(path)
        with db.transaction(self.run.conn) as cur:
            batches.move(cur, job.job, "uploaded", file_id=file_id)
        return replace(job, state="uploaded", file_id=file_id)

    def _write(self, job: Job, path: Path) -> None:
        with path.open("wb") as file, db.transaction(self.run.conn) as cur:
            for line in batches.line_numbers(cur, job.job):
                texts = batches.texts_of(cur, job.job, line)
                named = custom_id(job.job, line)
                file.write(line_of(named, job.model, job.dimensions, self.dialect, texts))

    def _submitted(self, job: Job, look: Look) -> Job:
        """Make the batch, unless an earlier try did and did not live, or was not told, to note it."""
        assert job.file_id is not None  # noqa: S101 - of these states
        batch: Batch | None = None
        if job.state == "creating":
            batch = self.api.find(job.job, job.file_id, job.moved_at.timestamp() - _LISTS_FROM)
            if batch is None and job.in_state < self.settle:
                return job  # it may only not be listed yet
            if batch is None and (not look.awaited or job.age >= batches.GIVE_UP_SECONDS):  # it never was made
                if look.awaited or look.orphan:
                    self._forget(job)
                return job
        if batch is None:
            with db.transaction(self.run.conn) as cur:
                batches.about_to_create(cur, job.job)
            batch = self.api.create(job.file_id, job.job)
        with db.transaction(self.run.conn) as cur:
            batches.move(cur, job.job, "submitted", batch_id=batch.id, status=batch.status)
        return replace(job, state="submitted", batch_id=batch.id)

    def _collected(self, job: Job) -> Job:
        assert job.batch_id is not None  # noqa: S101 - of this state
        batch = self.api.look(job.batch_id)
        if batch.status != job.status:
            with db.transaction(self.run.conn) as cur:
                batches.seen(cur, job.job, batch.status)
            self._note(f"job {job.part + 1} of run {job.run_id}: {batch.status}")
        if not batch.ended:
            return job
        refused: dict[int, str] = {}
        for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
            refused |= self._read_results(job, batch, file_id)
        left = self._lines_left(job.job)
        # A batch that is complete has done all its lines: one that says nothing may have been charged.
        unsure = [line for line in left if line not in refused] if batch.status == "completed" else []
        self._release(job, self._summary(job, batch, left, refused), unsure)
        for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
            self.api.delete_file(file_id)
        return replace(job, state="collected")

    def _read_results(self, job: Job, batch: Batch, file_id: str) -> dict[int, str]:
        """Store what a result file brings, a line at a time; returns the lines that failed, with reasons."""
        refused: dict[int, str] = {}
        for raw in self.api.lines(file_id):
            try:
                result = result_of(raw, job.job)
            except BadAnswerError as error:
                self._note(str(error))
                continue
            if result.body is None:
                refused[result.line] = result.fault
            else:
                self._store(job, batch, result, result.body)
        return refused

    def _store(self, job: Job, batch: Batch, result: Result, body: bytes) -> None:
        """Commit what is good of one line. What is not, ordinary requests ask for again."""
        from vectorshelf.embed.openai_endpoint import decoded  # noqa: PLC0415  # the client takes a second to import

        run = self.run
        with db.transaction(run.conn) as cur:
            line = batches.line_of(cur, job.job, result.line)
        if line is None:
            return  # an earlier look stored it
        count = len(line.sha256s)
        tokens, good, vectors = line.tokens, [], None
        try:
            vectors, used = decoded(body, count)
            tokens = line.tokens if used is None else used
            good = [row for row, fault in enumerate(faults_of(vectors, count, job.dimensions)) if fault is None]
        except BadAnswerError as error:  # the work was done, and will be charged
            self._note(f"line {result.line} of job {job.part + 1}: {error}")
        paid = ledger.PaidRequest(
            job.run_id, job.catalog, job.part, job.space, len(good), tokens, line.size,
            _charged(run, job, line, tokens), batch.seconds, line.hold,
        )  # fmt: skip
        method = run.catalog.load.method
        resolved = choose_method(len(good)) if method == "auto" else method
        rows = vectors[good] if vectors is not None and good else _NOTHING
        if batches.save_line(run.conn, job.job, line.line, paid, [line.sha256s[row] for row in good], rows, resolved):
            self.stored += len(good)
            self.progress.advance("batch", len(good), tokens)

    def _tidied(self, job: Job) -> None:
        if job.file_id:
            self.api.delete_file(job.file_id)
        with db.transaction(self.run.conn) as cur:
            batches.move(cur, job.job, "ended")

    def _give_up(self, name: str) -> None:
        job = self._read(name)
        if job is None or job.state in _OVER or job.age < batches.GIVE_UP_SECONDS:
            return
        unsure = self._lines_left(name) if job.state in {"creating", "submitted"} else []
        self._release(job, "nothing was heard of it for two days: ordinary requests take its texts", unsure)

    def _forget(self, job: Job) -> None:
        """Drop a job that the provider does not have, and its file there."""
        if job.endpoint == self.api.url:
            if job.state == "uploading":
                self.api.delete_uploads(_file_of(job))
            elif job.file_id:
                self.api.delete_file(job.file_id)
        self._drop(job)

    def _drop(self, job: Job) -> None:
        with db.transaction(self.run.conn) as cur:
            batches.drop(cur, job.job)

    def _release(self, job: Job, note: str, unsure: list[int] | None = None) -> None:
        with db.transaction(self.run.conn) as cur:
            batches.release(cur, job.job, note, unsure or [])
        self._note(note)

    def _read(self, name: str) -> Job | None:
        with db.transaction(self.run.conn) as cur:
            return batches.read(cur, name)

    def _lines_left(self, name: str) -> list[int]:
        with db.transaction(self.run.conn) as cur:
            return batches.line_numbers(cur, name)

    def _summary(self, job: Job, batch: Batch, left: list[int], refused: dict[int, str]) -> str:
        current = self._read(job.job) or job
        lacking = current.texts - current.stored
        said = f"job {job.part + 1} of run {job.run_id} {batch.status}: {current.stored:,} of {current.texts:,} texts"
        if lacking:
            why = batch.fault or next(iter(refused.values()), "no result" if left else "unusable vectors")
            said += f"; ordinary requests take {lacking:,} ({why})"
        return said

    def _note(self, line: str) -> None:
        self.notes.append(line)
        self.progress.note("batch", line)
