"""A model change and the way back, as people read them."""

import pytest

from tests.unit.report.figures import figures
from vectorshelf import report

PLANNED = {
    "from": {"model": "small", "dimensions": 1536},
    "to": {"model": "large", "dimensions": 2000},
    "table": "public.products",
    "fills": "public.products__next",
    "keeps": "public.products__previous",
    "made": False,
    "reason": "not reached",
}
ANSWER = {
    "catalog": "shop",
    "table": "public.products",
    "serving": {"model": "small", "dimensions": 1536, "as_of": "2026-11-20T02:00:00+00:00"},
    "previous": {"model": "large", "dimensions": 2000, "as_of": "2026-11-22T02:00:00+00:00"},
    "file_agrees": True,
}


def test_a_plan_says_from_what_to_what_how_large_and_what_stays():
    shown = report.plain(figures(status="planned", model_change=PLANNED))
    assert (
        "to change from small (1,536) to large (2,000): public.products__next, 314 MB with its index, is filled while "
        "public.products serves, then takes its place; the old table stays as public.products__previous"
    ) in shown


def test_a_change_that_is_made_names_the_way_back():
    shown = report.plain(figures(model_change={**PLANNED, "made": True, "reason": ""}))
    assert "changed from small (1,536) to large (2,000); the old table stays as public.products__previous" in shown
    assert "vectorshelf rollback shop" in shown


def test_a_change_that_is_not_made_says_why():
    shown = report.plain(figures(model_change={**PLANNED, "reason": "a newer one is there"}))
    assert "readers still have the old one: a newer one is there" in shown
    assert "vectorshelf rollback" not in shown


def test_a_run_without_a_change_says_nothing_of_it():
    assert "model " not in report.plain(figures())


@pytest.mark.parametrize(("agrees", "advice"), [(True, "brings the table up to date"), (False, "change it back, or")])
def test_a_way_back_says_what_serves_as_of_when_and_what_the_next_run_does(agrees, advice):
    shown = report.rolled_back({**ANSWER, "file_agrees": agrees})
    assert "public.products has vectors of small (1,536 dimensions) again, as of 2026-11-20 02:00 UTC" in shown
    assert advice in shown


@pytest.mark.parametrize(("dropped", "said"), [(["a", "b"], "dropped a, b"), ([], "no table of shop stands by")])
def test_what_was_forgotten_is_named(dropped, said):
    assert report.forgotten({"catalog": "shop", "dropped": dropped}) == said
