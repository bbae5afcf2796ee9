"""One error class per reaction: fix the configuration, fix the input, lift the brake, or try again later.

Every message says what to do. Driver and client errors are wrapped in one of these at the border of the room
that met them, with their cause kept (`raise … from error`); secrets never enter a message.
"""


class VectorshelfError(Exception):
    """Root of everything this package raises on purpose."""


class ConfigurationError(VectorshelfError):
    """The catalog file, the environment, a key or a privilege is wrong. Never retried; exit code 2."""


class SourceError(VectorshelfError):
    """The source cannot be used (truncated, empty, mapped columns absent). Not retried; nothing was changed."""


class SourceMissingError(SourceError):
    """No file where the catalog says there should be one. It may only be late, so a scheduler may try again."""


class SkippedError(VectorshelfError):
    """There is nothing to load for this date, and the catalog says that this is well. Ends the run without a change."""


class BrakeError(VectorshelfError):
    """A guard stopped the run before it changed or paid for anything (mass delete, budget, too many rejects)."""


class TransientError(VectorshelfError):
    """Worth trying again: a network fault, a rate limit, a database that went away.

    `retry_after` is the number of seconds the other side asked for, or None.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RejectedTextsError(VectorshelfError):
    """The model refused this request because of its texts (HTTP 400): some of them are poison, the rest are not."""
