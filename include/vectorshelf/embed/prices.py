"""What a million tokens cost, by model, as of a date. A catalog may override it (`usd_per_million_tokens`)."""

from datetime import date

from vectorshelf.errors import ConfigurationError

AS_OF = date(2026, 11, 22)
"""When the table was last compared with the provider's published prices."""

USD_PER_MILLION_TOKENS: dict[str, float] = {
    "text-embedding-3-small": 0.02,
    "text-embedding-3-large": 0.13,
    "text-embedding-ada-002": 0.10,
    "wordllama-l2-supercat": 0.0,
}


def price_of(model: str, override: float | None = None) -> float:
    """Dollars per million tokens. Raises ConfigurationError for a model the table does not know."""
    if override is not None:
        return override
    if model not in USD_PER_MILLION_TOKENS:
        raise ConfigurationError(
            f"no price is known for model {model!r}: set embedding.usd_per_million_tokens (0 for a server of your own)"
        )
    return USD_PER_MILLION_TOKENS[model]


def cost_usd(tokens: int, usd_per_million_tokens: float) -> float:
    """Dollars for `tokens` tokens."""
    return tokens * usd_per_million_tokens / 1_000_000


def batch_price(usd_per_million_tokens: float) -> float:
    """The same through the Batch API: half (the provider's published discount)."""
    return usd_per_million_tokens / 2
