"""OpenAI's files and batches endpoints, through the official client. Retries nothing by itself.

Raises ConfigurationError (key, quota, permission), TransientError (it may have been done, or will be another time),
RefusedJobError (this job, for good) and NoBatchesError (no such endpoints here).
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import openai
from openai import AsyncOpenAI, OpenAI
from openai.types import Batch as _Batch
from pydantic import SecretStr

from vectorshelf.embed.batch_job import ENDED, Batch, NoBatchesError, RefusedJobError
from vectorshelf.embed.batch_lines import FIRST_WAIT, lines_in, wait_of
from vectorshelf.embed.embedder import NoAnswerError, RefusedError
from vectorshelf.embed.headers import observed_in, retry_after_of
from vectorshelf.errors import ConfigurationError, TransientError, VectorshelfError

_KEY = "vectorshelf_job"
_PAGE = 100
_ABSENT = {404, 405, 501}
_DEFINITE = {400, 413, 422}
_CLOCKS_APART = 3600.0
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_TIMEOUT_CODES = {408, 409, 425}
_OUT_OF_MONEY = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "access_terminated"}


class BatchEndpoint:
    """The Batch API of one endpoint. A context manager: connections close at its end."""

    def __init__(self, url: str, key: SecretStr | None, timeout: float) -> None:
        self.url = url
        self._secret = (key or SecretStr("none")).get_secret_value()
        self._client = OpenAI(api_key=self._secret, base_url=url, max_retries=0, timeout=timeout)

    def __enter__(self) -> "BatchEndpoint":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def upload(self, path: Path) -> str:
        """Send an input file and return its id there. An upload costs nothing, so it may be repeated."""
        with self._reactions("files", absent=NoBatchesError):
            return self._client.files.create(file=path, purpose="batch").id

    def create(self, file_id: str, job: str) -> Batch:
        """Start a batch: from here on it costs money. On a TransientError it may have been started all the same."""
        with self._reactions("batches", absent=NoBatchesError):
            made = self._client.batches.create(
                input_file_id=file_id, endpoint="/v1/embeddings", completion_window="24h", metadata={_KEY: job}
            )
        return _seen(made)

    def find(self, job: str, file_id: str | None, not_before: float) -> Batch | None:
        """The batch that was made for this job, among those created since `not_before` (Unix seconds), if there is one.

        Known by its metadata, or by its input file where a server forgets metadata.
        """
        with self._reactions("batches", absent=NoBatchesError):
            for batch in self._client.batches.list(limit=_PAGE):  # newest first, page after page
                if (batch.metadata or {}).get(_KEY) == job or batch.input_file_id == file_id:
                    return _seen(batch)
                if batch.created_at < not_before - _CLOCKS_APART:
                    return None
        return None

    def look(self, batch_id: str) -> Batch:
        """How far the batch is. Raises RefusedJobError when the endpoint does not know it."""
        with self._reactions("batches", absent=RefusedJobError):
            return _seen(self._client.batches.retrieve(batch_id))

    def lines(self, file_id: str) -> Iterator[bytes]:
        """The lines of a result file as they come over the network."""
        with self._reactions("files", absent=RefusedJobError):  # noqa: SIM117  the reactions cover the stream
            with self._client.files.with_streaming_response.content(file_id) as response:
                yield from lines_in(response.iter_bytes(1 << 16))

    def delete_file(self, file_id: str) -> None:
        """Best effort: a file that stays costs nothing but room."""
        with suppress(openai.APIError):
            self._client.files.delete(file_id)

    def delete_uploads(self, name: str) -> None:
        """Delete the files of this name that an earlier try uploaded and did not live to note."""
        with suppress(openai.APIError):
            for file in self._client.files.list(purpose="batch"):
                if file.filename == name:
                    self._client.files.delete(file.id)

    @contextmanager
    def _reactions(self, what: str, *, absent: type[VectorshelfError]) -> Iterator[None]:
        try:
            yield
        except openai.APIStatusError as error:
            raise self._reaction(error, what, absent) from error
        except openai.APIError as error:
            raise NoAnswerError(f"{self.url} could not be reached or broke off: {type(error).__name__}") from error
        except OSError as error:
            raise NoAnswerError(f"{self.url} broke off: {type(error).__name__}") from error
        except Exception as error:
            if type(error).__module__.startswith(("httpx", "httpcore")):  # in mid-stream
                raise NoAnswerError(f"{self.url} broke off: {type(error).__name__}") from error
            raise

    def _reaction(self, error: openai.APIStatusError, what: str, absent: type[VectorshelfError]) -> VectorshelfError:
        status = error.status_code
        message = error.body.get("message") if isinstance(error.body, dict) else None
        said = " ".join(str(message or error.message).split())[:300].replace(self._secret, "…")
        if error.code in _OUT_OF_MONEY or error.type in _OUT_OF_MONEY:
            return ConfigurationError(f"{self.url} has no quota left for this key ({error.code}): add credit")
        if status in _ABSENT:
            return absent(f"{self.url} has no such {what} ({status})")
        if status in _DEFINITE:
            return RefusedJobError(f"{self.url} refuses the job ({status}): {said}")
        if status == _TOO_MANY_REQUESTS:
            return RefusedError(f"{self.url} refused for now (429)", observed_in(error.response.headers, refused=True))
        if status >= _SERVER_ERRORS or status in _TIMEOUT_CODES:
            return TransientError(f"{self.url} failed ({status}): {said}", retry_after_of(error.response.headers))
        return ConfigurationError(
            f"{self.url} does not let this key use its {what} ({status}): let it read and write files and "
            "batches, or set embedding.batch: never"
        )


async def until_one_ends(
    url: str, key: SecretStr | None, batch_ids: Sequence[str], patience: float, first_wait: float = FIRST_WAIT
) -> str:
    """Ask about these batches now and then, ever more rarely, until one has ended, and say which (or why not).

    Returns after `patience` seconds anyway, and when the endpoint answers with an error that waiting does not cure.
    Whoever waits for this looks for itself then.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
    attempt = 0
    secret = (key or SecretStr("none")).get_secret_value()
    async with AsyncOpenAI(api_key=secret, base_url=url, max_retries=0) as client:
        while True:
            left = until - loop.time()
            if left <= 0:
                return "time to look"
            attempt += 1
            await asyncio.sleep(min(wait_of(attempt, first_wait), left))
            for batch_id in batch_ids:
                try:
                    batch = await client.batches.retrieve(batch_id)
                except openai.APIStatusError as error:
                    if error.status_code < _SERVER_ERRORS and error.status_code != _TOO_MANY_REQUESTS:
                        return f"{batch_id}: HTTP {error.status_code}"
                except openai.APIError:
                    continue  # out of reach for now
                else:
                    if batch.status in ENDED:
                        return f"{batch_id}: {batch.status}"


def _seen(batch: _Batch) -> Batch:
    counts, faults = batch.request_counts, batch.errors.data if batch.errors else None
    ended = batch.completed_at or batch.expired_at or batch.cancelled_at or batch.failed_at or batch.created_at
    return Batch(
        batch.id,
        batch.status,
        batch.output_file_id,
        batch.error_file_id,
        counts.completed if counts else 0,
        counts.total if counts else 0,
        float(max(0, ended - batch.created_at)),
        "; ".join(str(fault.message or fault.code) for fault in faults[:3]) if faults else None,
    )
