"""A small good catalog for the tests to spoil."""

from pathlib import Path

GOOD = """\
name: shop
source: {path: data/products.csv}
table: products
"""


def written(folder: Path, content: str | bytes = GOOD, name: str = "shop.yaml") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
