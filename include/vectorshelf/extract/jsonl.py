"""Read JSON lines: one object a line. A line that is none is a reject; a JSON array in one piece is refused."""

import json
from collections.abc import Iterator

import orjson

from vectorshelf.errors import SourceError
from vectorshelf.extract.decoding import ReadLine, is_marked, undecodable
from vectorshelf.extract.product import Product, Reject, rejected
from vectorshelf.extract.records import Records
from vectorshelf.extract.shape import Shape, absence

_KEYS_KEPT = 1000


def read_json_lines(read: ReadLine, encoding: str, shape: Shape) -> Iterator[Product | Reject]:
    """Products and rejects in the file's order.

    Raises SourceError at the end when a column the catalog names was in no line: an object may leave a key out, but
    a key that never comes is a wrong name.
    """
    records, keys = Records(shape), Keys(shape)
    for line, raw in enumerate(iter(read, ""), start=1):
        if raw.isspace():
            continue
        if keys.lines == 0 and raw.lstrip().startswith("["):
            raise SourceError(
                f"{shape.label} is a JSON array, not JSON lines: write one object a line (jq -c '.[]' does)"
            )
        keys.lines += 1
        try:
            row = _object(raw)
        except ValueError as error:
            reason = undecodable(encoding) if is_marked(raw) else str(error)
            yield rejected(line, None, reason, raw)
            continue
        keys.note(row, deleted=records.is_deleted(row))
        yield records.read(line, row, raw)
    keys.check()


class Keys:
    """Which needed columns have been seen in a stream whose rows may each have other keys."""

    def __init__(self, shape: Shape) -> None:
        self.lines = 0
        self._shape = shape
        self._unseen = {column: key for column, key in shape.needed.items() if column != shape.deleted}
        self._seen: dict[str, None] = {}
        self._rows = 0

    def note(self, row: dict[str, object], *, deleted: bool) -> None:
        """Put down the keys of one object; one that only deletes need not have them."""
        self._rows += not deleted
        if self._unseen:
            self._unseen = {column: key for column, key in self._unseen.items() if column not in row}
            if len(self._seen) < _KEYS_KEPT:
                self._seen |= dict.fromkeys(row)

    def check(self) -> None:
        """Raise SourceError for columns that never came."""
        if self._rows and self._unseen:
            raise SourceError(absence(self._shape.label, self._unseen, self._seen))


def _object(raw: str) -> dict[str, object]:
    """The object of one line. Raises ValueError, saying why, when there is none."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        value = _with_nan(raw, error)
    if not isinstance(value, dict):
        raise ValueError(f"is {json.dumps(value)[:40]}, not a JSON object")  # noqa: TRY004 one reaction: a reject
    return value


def _with_nan(raw: str, error: orjson.JSONDecodeError) -> object:
    """Python's own writer makes NaN and Infinity, which are not JSON: read them, as null."""
    if "NaN" in raw or "Infinity" in raw:
        try:
            return orjson.loads(orjson.dumps(json.loads(raw)))
        except (ValueError, TypeError, RecursionError):
            pass
    raise ValueError(f"is not valid JSON ({error})") from error
