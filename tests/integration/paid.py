"""A catalog that pays: generated products, embedded at 64 dimensions by the stand-in server over real HTTP."""

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from tests.integration.shop import Row, Shop
from tests.standin import StandIn
from vectorshelf.embed.selftest import TEXTS as SELF_TEST

PRODUCTS = int(os.environ.get("VECTORSHELF_PRODUCTS", "2000"))
"""How large the runs are. The figures that the project states are of 20,000."""

USD_PER_MILLION = 1_000.0
"""A thousandth of a dollar a token, so that caps are round numbers."""


def paid_shop(folder: Path, url: SecretStr, standin: StandIn, **catalog: object) -> Shop:
    """Requests of at most 25 texts, no pause between them, one product in 1,000 dollars a million tokens."""
    section = {
        "base_url": standin.base_url,
        "dimensions": 64,
        "max_texts_per_request": 25,
        "requests_per_minute": 1_000_000,
        "tokens_per_minute": 1_000_000_000,
        "timeout_seconds": 5,
        "usd_per_million_tokens": USD_PER_MILLION,
        **dict(catalog.pop("embedding", {})),
    }
    return Shop(folder, url, **{"embedding": section, "index": {"type": "none"}, **catalog})


def products(count: int, word: str = "thing") -> list[Row]:
    """Distinct products with texts of about 40 bytes."""
    return [(str(n), f"{word} number {n} of this shop's shelves", f"shelf {n % 97}", "1.00") for n in range(count)]


def digest(shop: Shop) -> tuple[int, str]:
    """Rows of the serving table, and one hash of all of them to the last bit of their vectors."""
    columns = "id, name, category, attributes::text, model, as_of, encode(text_hash, 'hex')"
    row = f"md5(concat_ws('|', {columns}, encode(vector_send(embedding), 'hex')))"
    [found] = shop.query(f"SELECT count(*), md5(string_agg({row}, '' ORDER BY id)) FROM products")
    return found


def asked(standin: StandIn) -> dict[str, int]:
    """How often the server accepted each text, without those of the self-test."""
    return {text: times for text, times in standin.texts().items() if text not in SELF_TEST}


def sent_again(standin: StandIn, texts: Sequence[str] | None = None) -> int:
    """How many texts the server accepted more often than once, each counted that often."""
    return sum(times - 1 for text, times in asked(standin).items() if texts is None or text in texts)


def charged(standin: StandIn) -> float:
    """What the server would put on the bill, in dollars."""
    return standin.figures()["tokens"] * USD_PER_MILLION / 1_000_000
