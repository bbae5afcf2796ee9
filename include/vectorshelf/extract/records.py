"""Rows of typed values, as JSON lines, parquet and SQL give them, into products."""

from collections.abc import Mapping

from vectorshelf.catalog.text import sha256_of
from vectorshelf.extract.product import Product, Reject, complaint, rejected
from vectorshelf.extract.shape import Shape, is_true
from vectorshelf.extract.values import id_text, is_blank, is_scalar, json_text, text_of

Row = Mapping[str, object]


class Records:
    """Makes products of one source's rows. A key that a row lacks is a value it lacks."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._mapped = shape.mapped

    def read(self, line: int, row: Row, raw: str | None = None) -> Product | Reject:
        """The row as a product, or why it is none. `raw` is the row's own text, if it has one."""
        key = id_text(row.get(self._shape.id))
        try:
            product = self._product(line, key, row)
            reason = complaint(product)
        except ValueError as error:
            reason = str(error)
        return product if reason is None else rejected(line, key, reason, shown(row) if raw is None else raw)

    def is_deleted(self, row: Row) -> bool:
        """Whether the row says that its product is gone."""
        return self._shape.deleted is not None and is_true(text_of(row.get(self._shape.deleted)))

    def _product(self, line: int, key: str | None, row: Row) -> Product:
        """Raises ValueError, saying why, when a value is of no use where it is."""
        shape, deleted = self._shape, self.is_deleted(row)
        if key is None:
            raise ValueError(f"the id is {_kind(row[shape.id])}: it must be text or a whole number")
        named = row.get(shape.name)
        if not is_scalar(named):
            raise ValueError(f"the name is {_kind(named)}: it must be text")
        name = text_of(named).strip()
        category = "" if shape.category is None else text_of(row.get(shape.category)).strip()
        if "\x00" in key + name + category:
            raise ValueError("holds a NUL character, which no text in Postgres can: remove it")
        columns = shape.template.columns
        text = "" if deleted else shape.template.render({column: text_of(row.get(column)) for column in columns})
        others = {column: row[column] for column in row if column not in self._mapped and not is_blank(row[column])}
        dated = None if shape.updated_at is None else shape.date_of(row.get(shape.updated_at))
        return Product(line, key, name, category, json_text(others), text, sha256_of(text), deleted, dated)


def shown(row: Row) -> str:
    """A row as text for people."""
    try:
        return json_text(row)
    except ValueError:
        return repr(dict(row))


def _kind(value: object) -> str:
    return {bool: "true or false", dict: "an object", list: "a list", float: "a fraction"}.get(
        type(value), f"a {type(value).__name__}"
    )
