"""A batch as the provider has it, and what may be wrong with one. The client behind it is imported by who opens it."""

from dataclasses import dataclass

from vectorshelf.errors import VectorshelfError

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
"""States a batch never leaves."""


class NoBatchesError(VectorshelfError):
    """This endpoint has no Batch API: ordinary requests are the way."""


class RefusedJobError(VectorshelfError):
    """The endpoint refuses this job, or does not know it (any more)."""


@dataclass(frozen=True)
class Batch:
    """A batch as the provider has it. `fault` says why it failed as a whole."""

    id: str
    status: str
    output_file_id: str | None
    error_file_id: str | None
    done: int
    total: int
    seconds: float
    fault: str | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ENDED
