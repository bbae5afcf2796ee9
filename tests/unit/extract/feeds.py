"""Evil files on demand, and the catalog that reads them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vectorshelf.catalog.model import Catalog
from vectorshelf.extract import Product, Reject, read_products

AS_OF = datetime(2026, 11, 20, 2, tzinfo=UTC)
HEADER = "sku,title,department,price\n"
GOOD = "1,Lamp,Home,9.50\n"


def catalog(path: Path | str, *, source: dict[str, Any] | None = None, **more: Any) -> Catalog:
    """A catalog whose id is `sku`, name `title` and category `department`."""
    return Catalog.model_validate(
        {
            "name": "feed",
            "source": {"path": str(path), **(source or {})},
            "columns": {"id": "sku", "name": "title", "category": "department"},
            "table": "products",
            **more,
        }
    )


class Feed:
    """Writes one file and reads it back as products and rejects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, data: str | bytes, name: str = "feed.csv") -> Path:
        path = self.folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def rows(self, data: str | bytes, name: str = "feed.csv", **more: Any) -> list[Product | Reject]:
        return list(read_products(catalog(self.write(data, name), **more), as_of=AS_OF))

    def products(self, data: str | bytes, name: str = "feed.csv", **more: Any) -> list[Product]:
        """The products of a file that has no rejects."""
        rows = self.rows(data, name, **more)
        assert not [row for row in rows if isinstance(row, Reject)]
        return [row for row in rows if isinstance(row, Product)]

    def ids_and_rejects(self, data: str | bytes, name: str = "feed.csv", **more: Any) -> tuple[list[str], list[Reject]]:
        rows = self.rows(data, name, **more)
        rejects = [row for row in rows if isinstance(row, Reject)]
        return [row.id for row in rows if isinstance(row, Product)], rejects
