"""What every embedding model looks like from here, and how one is opened from a catalog's `embedding` section."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import SecretStr

from vectorshelf.catalog.model import Embedding
from vectorshelf.errors import ConfigurationError, TransientError
from vectorshelf.store.pacing import Observed

Vectors = NDArray[np.float32]

OFFICIAL_ENDPOINT = "https://api.openai.com/v1"


class RefusedError(TransientError):
    """HTTP 429 without a lasting reason: too many requests or tokens this minute. `observed` is what it told."""

    def __init__(self, message: str, observed: Observed) -> None:
        super().__init__(message, observed.retry_after)
        self.observed = observed


class NoAnswerError(TransientError):
    """The connection broke, or nothing came in time. The endpoint may have done the work, and may charge for it."""


class BadAnswerError(TransientError):
    """An answer that cannot be used as a whole: cut short, wrong size, not what was asked for. Never stored.

    `tokens` is the usage that it reports all the same; None when even that cannot be read.
    """

    def __init__(self, message: str, tokens: int | None = None) -> None:
        super().__init__(message)
        self.tokens = tokens


class WrongSizeError(BadAnswerError):
    """Vectors of another size than the serving table's."""


class RefusedParameterError(ConfigurationError):
    """The endpoint does not take one of the request's parameters (`dimensions`, `encoding_format`, `model`)."""


@dataclass(frozen=True)
class Dialect:
    """How an endpoint wants to be asked. Found out once, by the self-test, and carried with the run."""

    encoding: Literal["base64", "float"] = "base64"
    send_dimensions: bool = True


@dataclass(frozen=True)
class Embedded:
    """A model's answer: `vectors` (texts, dimensions) float32 in the order of the texts; NaN rows for items that were
    missing. `tokens` is the usage it reports, None if it reports none.
    """

    vectors: Vectors
    tokens: int | None
    observed: Observed = field(default_factory=Observed)


class Embedder(Protocol):
    """A model that turns texts into vectors.

    `embed` raises ConfigurationError (key, model, quota), RejectedTextsError (these texts), RefusedError or another
    TransientError (try again), and never retries by itself.
    """

    @property
    def name(self) -> str:
        """The provider and where it is, for messages and the rate limit's key. Holds no secret."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def dimensions(self) -> int:
        """Numbers per vector."""

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Vectors of `texts`, in their order."""

    async def close(self) -> None:
        """Give connections back."""


def endpoint_of(embedding: Embedding, base_url: str | None) -> str:
    """The URL the catalog's texts go to, or `local`. The catalog's own wins over the environment's."""
    if embedding.provider == "local":
        return "local"
    if base_url and "@" in base_url:  # it stands in messages and in the limit's key; the catalog file refuses one, too
        raise ConfigurationError(
            "OPENAI_BASE_URL (in Airflow: the host of openai_default) holds a login: give the URL without it, and the "
            "key as OPENAI_API_KEY"
        )
    return (embedding.base_url or base_url or OFFICIAL_ENDPOINT).rstrip("/")


def open_embedder(
    embedding: Embedding,
    *,
    api_key: SecretStr | None = None,
    base_url: str | None = None,
    dialect: Dialect | None = None,
) -> Embedder:
    """The embedder a catalog asks for. The libraries behind it are imported here, not at the top of any module.

    Raises ConfigurationError when a key or a library is missing. Nothing is sent yet.
    """
    if embedding.provider == "local":
        from vectorshelf.embed.local import LocalEmbedder  # noqa: PLC0415  # wordllama is heavy and optional

        return LocalEmbedder(embedding.model, embedding.dimensions)
    endpoint = endpoint_of(embedding, base_url)
    api_key = _sendable(api_key)
    if api_key is None and endpoint == OFFICIAL_ENDPOINT:
        raise ConfigurationError(
            "no key for the OpenAI endpoint: set OPENAI_API_KEY (in Airflow: the connection openai_default),"
            " or choose embedding.provider: local"
        )
    from vectorshelf.embed.openai_endpoint import OpenAIEmbedder  # noqa: PLC0415  # the client takes a second to import

    return OpenAIEmbedder(
        model=embedding.model,
        dimensions=embedding.dimensions,
        api_key=api_key or SecretStr("none"),
        endpoint=endpoint,
        timeout=embedding.timeout_seconds,
        dialect=dialect or Dialect(),
    )


def _sendable(api_key: SecretStr | None) -> SecretStr | None:
    """The key without the line break that a secrets file ends with; a header takes nothing but visible ASCII."""
    if api_key is None:
        return None
    key = api_key.get_secret_value().strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigurationError(
            "the API key holds a space, a line break or a character that no key has: copy it again into "
            "OPENAI_API_KEY (in Airflow: the password of the connection openai_default)"
        )
    return SecretStr(key) if key else None


async def query_vector(embedder: Embedder, text: str) -> Vectors:
    """The vector of one search text, shape (dimensions,). Raises as `embed` does, and TransientError if unusable."""
    from vectorshelf.embed.check import faults_of  # noqa: PLC0415  # check imports this module

    answer = await embedder.embed([text])
    [fault] = faults_of(answer.vectors, 1, embedder.dimensions, answer.tokens)
    if fault:
        raise BadAnswerError(f"the model gave no usable vector for the search text: {fault}")
    vector: Vectors = answer.vectors[0]
    return vector
