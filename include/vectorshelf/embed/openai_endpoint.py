"""Any OpenAI-compatible embeddings endpoint, through the official client, which retries nothing by itself here.

Vectors travel as base64 and become float32 rows without passing through Python numbers.
"""

import asyncio
import binascii
from collections.abc import Sequence
from typing import Any

import numpy as np
import openai
import orjson
from openai import AsyncOpenAI
from pydantic import SecretStr

from vectorshelf.embed.check import placed
from vectorshelf.embed.embedder import (
    BadAnswerError,
    Dialect,
    Embedded,
    NoAnswerError,
    RefusedError,
    RefusedParameterError,
    Vectors,
)
from vectorshelf.embed.headers import observed_in, retry_after_of
from vectorshelf.errors import ConfigurationError, RejectedTextsError, TransientError, VectorshelfError

_OUT_OF_MONEY = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "access_terminated"}
_OF_THE_REQUEST = {"model", "dimensions", "encoding_format", "user"}
_REJECTED_TEXTS = {400, 413, 422}
_TRANSIENT = {409, 425}
_PERHAPS_DONE = {408, 502, 504, *range(520, 530)}
"""Said by what stands before the endpoint, which may be at work all the same, and charge for it."""

_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500


class OpenAIEmbedder:
    """One model behind one endpoint. `timeout` is for a whole request, in seconds."""

    def __init__(
        self,
        *,
        model: str,
        dimensions: int,
        api_key: SecretStr,
        endpoint: str,
        timeout: float,
        dialect: Dialect,
    ) -> None:
        self._model = model
        self._dimensions = dimensions
        self._endpoint = endpoint
        self._key = api_key
        self._timeout = timeout
        self._dialect = dialect
        self._client = AsyncOpenAI(
            api_key=api_key.get_secret_value(), base_url=endpoint, max_retries=0, timeout=timeout
        )

    @property
    def name(self) -> str:
        """The endpoint's URL."""
        return self._endpoint

    @property
    def model(self) -> str:
        """The model's name."""
        return self._model

    @property
    def dimensions(self) -> int:
        """Numbers per vector that were asked for."""
        return self._dimensions

    @property
    def dialect(self) -> Dialect:
        """How the endpoint is asked."""
        return self._dialect

    def speaking(self, dialect: Dialect) -> "OpenAIEmbedder":
        """The same endpoint, over the same connections, asked in another way."""
        other = object.__new__(OpenAIEmbedder)
        other.__dict__.update(self.__dict__, _dialect=dialect)
        return other

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """One HTTP request. What came back is in the order of `texts`; missing items are NaN rows."""
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._client.embeddings.with_raw_response.create(
                    model=self._model,
                    input=list(texts),
                    encoding_format=self._dialect.encoding,
                    dimensions=self._dimensions if self._dialect.send_dimensions else openai.omit,
                )
        except TimeoutError as error:
            raise NoAnswerError(f"{self._endpoint} did not answer within {self._timeout:g} s") from error
        except openai.APIStatusError as error:
            refusal = self._reaction(error)
        except openai.APIError as error:
            raise NoAnswerError(
                f"{self._endpoint} could not be reached or broke off: {type(error).__name__}"
            ) from error
        else:
            vectors, tokens = decoded(response.content, len(texts))
            return Embedded(vectors, tokens, observed_in(response.headers))
        # Out here it has no cause and no context: a server that refuses a key may repeat it, and the client's error
        # holds the server's words as they came, for a traceback to show.
        raise refusal

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _reaction(self, error: openai.APIStatusError) -> VectorshelfError:
        status, said, headers = error.status_code, self._said(error), error.response.headers
        if error.code in _OUT_OF_MONEY or error.type in _OUT_OF_MONEY:
            return ConfigurationError(
                f"{self._endpoint} has no quota left for this key ({error.code}): add credit or raise its limit"
            )
        if status in _REJECTED_TEXTS:
            parameter = error.param if error.param in _OF_THE_REQUEST else None
            return (
                RefusedParameterError(f"{self._endpoint} refuses embedding.{parameter}: {said}")
                if parameter
                else RejectedTextsError(said)
            )
        if status == _TOO_MANY_REQUESTS:
            observed = observed_in(headers, refused=True)
            return RefusedError(f"{self._endpoint} refused for now (429): {said}", observed)
        if status in _PERHAPS_DONE:
            return NoAnswerError(f"{self._endpoint} did not answer through its gateway ({status}): {said}")
        if status >= _SERVER_ERRORS or status in _TRANSIENT:
            return TransientError(f"{self._endpoint} failed ({status}): {said}", retry_after_of(headers))
        return ConfigurationError(f"{self._endpoint} {self._remedies(status, said)}")

    def _remedies(self, status: int, said: str) -> str:
        """What a person must change. The server's words about a key stay unsaid: they may hold part of it."""
        known = {
            401: "does not accept the API key: set a valid OPENAI_API_KEY (or openai_default)",
            403: f"forbids this key the model {self._model}: {said}: grant access or change the key",
            404: f"has no model {self._model} at this URL: {said}: set embedding.model or base_url",
        }
        return known.get(status, f"refused the request ({status}): {said}: check base_url and embedding.model")

    def _said(self, error: openai.APIStatusError) -> str:
        """The server's own words in one line, without the key in case it repeats it."""
        message = error.body.get("message") if isinstance(error.body, dict) else None
        words = " ".join(str(message or error.message).split())
        return words.replace(self._key.get_secret_value(), "…")[:500]  # not the other way round: half a key is one, too


def decoded(body: bytes, count: int) -> tuple[Vectors, int | None]:
    """The vectors and the usage in a response body, `count` texts having been asked for.

    Takes base64 and lists of numbers, whatever was asked for. Raises BadAnswerError for a body that is neither, with
    the usage where it could be read: the work was done, and is charged.
    """
    tokens: int | None = None
    try:
        answer = orjson.loads(body)
        tokens = _usage(answer)
        items = answer["data"]
        rows = [_row(item["embedding"]) for item in items]
        indexes = [_index(item, place) for place, item in enumerate(items)]
    except (orjson.JSONDecodeError, binascii.Error, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadAnswerError("the model's answer was cut short or is not the embeddings API's JSON", tokens) from error
    if not rows:
        raise BadAnswerError(f"the model returned no vectors for {count} texts", tokens)
    if len({len(row) for row in rows}) != 1:
        raise BadAnswerError(
            "the model returned vectors of different sizes in one answer: nothing of it was stored", tokens
        )
    try:
        return placed(indexes, np.stack(rows), count), tokens
    except OverflowError as error:
        raise BadAnswerError("the model's answer names an index beyond any text", tokens) from error
    except BadAnswerError as error:
        raise BadAnswerError(str(error), tokens) from error


def _usage(answer: dict[str, Any]) -> int | None:
    """Tokens as the answer has them. None, not 0: whatever was embedded had some."""
    usage = answer.get("usage") or {}
    told = (usage.get("total_tokens"), usage.get("prompt_tokens"))
    return next((tokens for tokens in told if type(tokens) is int and tokens > 0), None)


def _index(item: dict[str, Any], place: int) -> int:
    """Where the item belongs. Servers that do not say, or say null, keep the order."""
    index = item.get("index")
    if index is None:
        return place
    if not isinstance(index, int):
        raise TypeError(f"an index is a whole number, not {type(index).__name__}")
    return index


def _row(embedding: object) -> Vectors:
    if isinstance(embedding, str):
        return np.frombuffer(binascii.a2b_base64(embedding), dtype="<f4")
    if not isinstance(embedding, list):
        raise TypeError(f"an embedding is a list of numbers or base64, not {type(embedding).__name__}")
    return np.array(embedding, dtype=np.float32)  # null is NaN
