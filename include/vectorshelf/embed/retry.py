"""When to try a request again: exponential backoff with jitter, never before the server's time. No clock here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Retries:
    """How stubborn one request is. Times in seconds.

    A wait longer than `patience` is not sat out in a worker: the error goes up, and the scheduler waits instead.
    """

    attempts: int = 8
    first: float = 0.5
    longest: float = 60.0
    patience: float = 300.0

    def delay(self, attempt: int, retry_after: float | None, random: float) -> float:
        """Seconds to wait after failed attempt number `attempt` (from 1). `random` is in [0, 1).

        Half of the backoff is fixed and half is jitter, so that those who failed together do not return together.
        What the server asked for is kept in full, and jittered upwards.
        """
        backoff = min(self.longest, self.first * 2.0 ** (attempt - 1))
        if retry_after is None:
            return backoff * (0.5 + random / 2)
        return retry_after + min(backoff, 1.0) * random
