"""Numbers that `halfvec` cannot hold (over 65,504 either way), wherever the server meets them: one remedy."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg2 import errors

from vectorshelf.errors import ConfigurationError
from vectorshelf.store.table import ServingTable


@contextmanager
def overflow_explained(table: ServingTable) -> Iterator[None]:
    """Turn the server's refusal to round a number into what to change.

    A load meets it only while an index of halves is there, so the remedy replaces that index before the next load.
    """
    try:
        yield
    except errors.NumericValueOutOfRange as error:
        raise ConfigurationError(
            f"a vector for {table.label} has a number over 65,504, which an index with index.storage: halfvec cannot "
            "hold, and nothing was changed: set index.storage to vector, run maintain_indexes (it replaces the "
            "index), then clear the failed task"
        ) from error
