"""The rows of a SQL query as products and rejects; `line` is the row's number in the result."""

from collections.abc import Iterator

from vectorshelf.extract.product import Product, Reject
from vectorshelf.extract.records import Records
from vectorshelf.extract.shape import Shape


def read_query(rows: Iterator[dict[str, object]], shape: Shape) -> Iterator[Product | Reject]:
    """Raises SourceError when the query does not return the columns the catalog names."""
    records = Records(shape)
    for number, row in enumerate(rows, start=1):
        if number == 1:
            shape.check(row)
        yield records.read(number, row)
