"""From a catalog to its products: find the source, choose the reader, count what comes."""

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from datetime import datetime
from io import BufferedReader

from vectorshelf.catalog.model import Catalog
from vectorshelf.catalog.paths import format_of, render_path
from vectorshelf.errors import ConfigurationError, SkippedError, SourceError, SourceMissingError
from vectorshelf.extract.decoding import decoded, line_reader
from vectorshelf.extract.delimited import read_delimited
from vectorshelf.extract.faults import label_of
from vectorshelf.extract.jsonl import read_json_lines
from vectorshelf.extract.opening import Opener, opened
from vectorshelf.extract.parquet import read_parquet
from vectorshelf.extract.previous import previous_path
from vectorshelf.extract.product import Product, Reject
from vectorshelf.extract.query import read_query
from vectorshelf.extract.shape import Shape

Rows = Iterator[Product | Reject]
QueryRows = Callable[[], Iterator[dict[str, object]]]

_log = logging.getLogger(__name__)


def read_products(
    catalog: Catalog,
    *,
    as_of: datetime,
    start: datetime | None = None,
    source: str | None = None,
    opener: Opener | None = None,
    rows_of_query: QueryRows | None = None,
    limit: int | None = None,
    may_be_empty: bool = False,
) -> Rows:
    """Every row of the source as a product or a reject, in the source's order; at most `limit` products.

    `source` is a path that replaces the catalog's own, `opener` opens paths instead of fsspec, `rows_of_query` runs
    the query of a SQL source (it knows the interval; `start` says nothing to a file). A delta may have no rows, a
    snapshot only if it `may_be_empty`. Raises SourceError for a source that is missing, empty, cut short, damaged or
    without the mapped columns, perhaps after some rows: they must not be used then. Raises SkippedError when a missing
    one is no fault.
    """
    with ExitStack() as stack:
        if source is None and catalog.source.connection is not None:
            rows, label = _of_query(catalog, rows_of_query)
        else:
            rows, label = _of_file(catalog, as_of, source, opener, stack)
        seen = yield from _counted(rows, limit)
        if not seen and catalog.mode == "snapshot" and not may_be_empty:
            raise SourceError(
                f"{label} is empty: it has no rows, and a snapshot without rows would delete every product; "
                "nothing was changed. If the catalog really is empty now, allow deletions for this run"
            )


def _of_query(catalog: Catalog, rows_of_query: QueryRows | None) -> tuple[Rows, str]:
    connection = catalog.source.connection
    if rows_of_query is None:
        raise ConfigurationError(f"catalog {catalog.name} reads the connection {connection!r}, which is not configured")
    label = f"the query on {connection}"
    return read_query(rows_of_query(), Shape.of(catalog, label)), label


def _of_file(
    catalog: Catalog, as_of: datetime, source: str | None, opener: Opener | None, stack: ExitStack
) -> tuple[Rows, str]:
    path, stream = _opened(catalog, as_of, source, opener, stack)
    declared, label = catalog.source, label_of(path)
    shape = Shape.of(catalog, label)
    match (declared.format if source is None else None) or format_of(path) or declared.format:
        case "parquet":
            return read_parquet(stream, shape), label
        case "jsonl":
            read = line_reader(decoded(stream, declared.encoding, label), label)
            return read_json_lines(read, declared.encoding, shape), label
        case "csv" | "tsv" as kind:
            read = line_reader(decoded(stream, declared.encoding, label), label)
            return read_delimited(read, declared, shape, tabs=kind == "tsv"), label
        case None:
            raise ConfigurationError(
                f"{label}: the name does not tell its format: set source.format to csv, tsv, jsonl or parquet"
            )


def _opened(
    catalog: Catalog, as_of: datetime, source: str | None, opener: Opener | None, stack: ExitStack
) -> tuple[str, BufferedReader]:
    """The file of this date, or, with `missing: previous`, the newest one before it."""
    path = _path(catalog, as_of, source)
    try:
        return path, stack.enter_context(opened(path, opener, label_of(path)))
    except SourceMissingError as error:
        missing = catalog.source.missing if source is None else "fail"  # who names a file wants that one
        if missing == "skip":
            raise SkippedError(f"{label_of(path)} is not there (source.missing: skip)") from error
        earlier = previous_path(catalog, as_of) if missing == "previous" else None
        if earlier is None:
            raise
    _log.warning("%s is not there; reading %s instead (source.missing: previous)", label_of(path), label_of(earlier))
    return earlier, stack.enter_context(opened(earlier, opener, label_of(earlier)))


def _path(catalog: Catalog, as_of: datetime, source: str | None) -> str:
    if source is None:
        return render_path(catalog.source.path or "", as_of, catalog.tz)
    if "{as_of" not in source:  # a path given by hand may hold braces of its own
        return source
    try:
        return render_path(source, as_of, catalog.tz)
    except ValueError as error:
        raise ConfigurationError(f"the source {label_of(source)}: {error}") from error


def _counted(rows: Rows, limit: int | None) -> Generator[Product | Reject, None, int]:
    """Stop after `limit` products. Returns how many rows there were."""
    seen = products = 0
    for row in rows:
        seen, products = seen + 1, products + isinstance(row, Product)
        yield row
        if products == limit:
            break
    return seen
