"""Which failures of a task are worth another try, and when. Never decides how often: that is the task's `retries`."""

from datetime import timedelta

from airflow.sdk import RetryDecision, RetryPolicy
from airflow.sdk.definitions.context import Context

from vectorshelf.errors import BrakeError, ConfigurationError, SourceError, SourceMissingError, TransientError

LONGEST_WAIT = timedelta(hours=1)
"""However long a server asks to be left alone: after an hour a person who looks should see it tried again."""

LATE_FILE = timedelta(minutes=10)
"""How long a nightly run waits before it looks again for a file that is not there."""


class ByReaction(RetryPolicy):
    """One reaction for each class of error: what only a person can change fails at once.

    Whatever else goes wrong follows the task's own retries and exponential backoff.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Fail, wait as long as the server asked, or leave it to the task's backoff."""
        if isinstance(exception, SourceMissingError) and _nobody_is_watching(context):
            return RetryDecision.retry(LATE_FILE, "the source's file may only be late")
        if isinstance(exception, ConfigurationError | SourceError | BrakeError):
            return RetryDecision.fail(f"{type(exception).__name__}: another try would meet the same")
        if isinstance(exception, TransientError) and exception.retry_after is not None:
            asked = timedelta(seconds=exception.retry_after)
            return RetryDecision.retry(min(asked, LONGEST_WAIT), "as long as the server asked, an hour at most")
        return RetryDecision.default()


def _nobody_is_watching(context: Context | None) -> bool:
    """A scheduled run waits for a late file. Somebody who clicks, or backfills a past date, wants to know now."""
    return context is not None and context["dag_run"].run_type == "scheduled"
