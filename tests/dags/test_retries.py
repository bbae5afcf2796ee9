"""Which errors are tried again, and when: decisions of the policy, without a scheduler."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from vectorshelf.errors import (
    BrakeError,
    ConfigurationError,
    SourceError,
    SourceMissingError,
    TransientError,
    VectorshelfError,
)

pytestmark = pytest.mark.usefixtures("airflow")


def decide(error, run_type="manual"):
    from vectorshelf_retries import ByReaction

    return ByReaction().evaluate(error, 1, 3, {"dag_run": SimpleNamespace(run_type=run_type)})


@pytest.mark.parametrize("error", [ConfigurationError("key"), SourceError("cut short"), BrakeError("too many")])
def test_what_only_a_person_can_change_fails_at_once(error):
    assert decide(error).action.value == "fail"
    assert decide(error, "scheduled").action.value == "fail"


def test_a_retry_waits_as_long_as_the_server_asked():
    decision = decide(TransientError("slow down", retry_after=77.5))
    assert (decision.action.value, decision.retry_delay) == ("retry", timedelta(seconds=77.5))


def test_a_server_that_asks_for_a_day_is_tried_again_after_an_hour():
    assert decide(TransientError("slow down", retry_after=86_400.0)).retry_delay == timedelta(hours=1)


@pytest.mark.parametrize("error", [TransientError("reset"), VectorshelfError("?"), RuntimeError("?"), TimeoutError()])
def test_anything_else_follows_the_tasks_own_backoff(error):
    decision = decide(error)
    assert (decision.action.value, decision.retry_delay) == ("default", None)


def test_a_nightly_run_waits_for_a_late_file():
    from vectorshelf_retries import LATE_FILE

    decision = decide(SourceMissingError("no file"), "scheduled")
    assert (decision.action.value, decision.retry_delay) == ("retry", LATE_FILE)


@pytest.mark.parametrize("run_type", ["manual", "backfill"])
def test_who_asks_for_a_file_that_is_not_there_is_told_at_once(run_type):
    assert decide(SourceMissingError("no file"), run_type).action.value == "fail"


def test_the_policy_needs_no_context():
    from vectorshelf_retries import ByReaction

    assert ByReaction().evaluate(SourceMissingError("no file"), 1, 3).action.value == "fail"
