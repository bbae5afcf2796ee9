"""Read parquet in small batches, so that one huge row group needs no more memory than many small ones."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO
from typing import TYPE_CHECKING, Any, BinaryIO

from vectorshelf.errors import SourceError
from vectorshelf.extract.product import Product, Reject, rejected
from vectorshelf.extract.records import Records
from vectorshelf.extract.shape import Shape, unique_names

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 1000
_BUFFER_BYTES = 1 << 18
_COPY_BYTES = 1 << 20


def read_parquet(stream: BufferedReader, shape: Shape) -> Iterator[Product | Reject]:
    """Products and rejects in the file's order, `line` being the row's number.

    Parquet is read from its end, so what is no plain local file goes through a temporary one on disk.
    Raises SourceError when the file is cut short, damaged or without the mapped columns.
    """
    records = Records(shape)
    with _seekable(stream) as file:
        for number, row in enumerate(_rows(file, shape), start=1):
            if isinstance(row, dict):
                yield records.read(number, row)
            else:
                yield rejected(number, None, f"holds a value that cannot be read: {row}", f"row {number}")


def _rows(file: BinaryIO, shape: Shape) -> Iterator[dict[str, object] | str]:
    """Rows, or why one could not be had."""
    import pyarrow as pa  # noqa: PLC0415 half a second that csv need not pay
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        source = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False, coerce_int96_timestamp_unit="us")
        shape.check_unrepeated(source.schema_arrow.names)
        shape.check(source.schema_arrow.names)
        names = unique_names(source.schema_arrow.names)
        for batch in source.iter_batches(_BATCH_ROWS, use_threads=False):
            yield from _rows_of(_in_microseconds(batch.rename_columns(names)))
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"{shape.label} is no whole parquet file, so it was cut short or damaged: transfer it again ({error})"
        ) from error


def _rows_of(batch: "pa.RecordBatch") -> Iterator[dict[str, object] | str]:
    try:
        yield from batch.to_pylist(maps_as_pydicts="lossy")
    except (ValueError, OverflowError):  # a year past 9999, text that is not UTF-8: find the row
        for position in range(batch.num_rows):
            yield _row(batch.slice(position, 1))


def _row(batch: "pa.RecordBatch") -> dict[str, object] | str:
    try:
        rows: list[dict[str, Any]] = batch.to_pylist(maps_as_pydicts="lossy")
    except (ValueError, OverflowError) as error:
        return str(error)
    return rows[0]


def _in_microseconds(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    """Python's times end at microseconds; pyarrow refuses nanoseconds instead of cutting them."""
    import pyarrow as pa  # noqa: PLC0415

    for position, field in enumerate(batch.schema):
        coarser = _coarser(field.type)
        if coarser is not None:
            column = batch.column(position).cast(coarser, safe=False)
            batch = batch.set_column(position, pa.field(field.name, coarser), column)
    return batch


def _coarser(type_: "pa.DataType") -> "pa.DataType | None":
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_timestamp(type_) and type_.unit == "ns":
        return pa.timestamp("us", type_.tz)
    if pa.types.is_duration(type_) and type_.unit == "ns":
        return pa.duration("us")
    return pa.time64("us") if pa.types.is_time64(type_) and type_.unit == "ns" else None


@contextmanager
def _seekable(stream: BufferedReader) -> Iterator[BinaryIO]:
    if isinstance(stream.raw, FileIO):
        yield stream
        return
    with tempfile.TemporaryFile(prefix="vectorshelf-", suffix=".parquet") as copy:
        shutil.copyfileobj(stream, copy, _COPY_BYTES)
        copy.seek(0)
        yield copy
