"""Rows of typed values, as JSON lines, parquet and SQL give them, into products."""

from collections.abc import Mapping

import orjson

from vectorshelf.catalog.text import sha256_of
from vectorshelf.extract.product import Product, Reject, checked, rejected
from vectorshelf.extract.shape import Shape, is_true
from vectorshelf.extract.values import id_text, is_blank, is_scalar, json_text, text_of

Row = Mapping[str, object]


class Records:
    """Makes products of one source's rows. A key that a row lacks is a value it lacks."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._mapped = shape.mapped

    def is_deleted(self, row: Row) -> bool:
        """Whether the row says that its product is gone."""
        deleted = self._shape.deleted
        return deleted is not None and is_true(text_of(row.get(deleted)))

    def read(self, line: int, row: Row, raw: str | None = None) -> Product | Reject:
        """The row as a product, or why it is none. `raw` is the row's own text, if it has one."""
        key = id_text(row.get(self._shape.id))
        try:
            product = self._product(line, key, row)
        except ValueError as error:
            return rejected(line, key, str(error), shown(row) if raw is None else raw)
        if isinstance(product, Product) and raw is None:
            ...
        return checked(product, shown(row) if raw is None else raw)
