"""What a budget makes of one request: pure arithmetic on dollars."""

from decimal import Decimal

import pytest

from vectorshelf.store.budget import Caps, Price, Spending, over, promised, verdict

PRICE = Price(likely=Decimal(1), most=Decimal(4))


def spending(run=0, run_held=0, month=0, month_held=0):
    return Spending(Decimal(run), Decimal(run_held), Decimal(month), Decimal(month_held))


@pytest.mark.parametrize(
    ("cap", "spent", "held", "found"),
    [
        (None, 1e9, 1e9, "hold"),
        (10, 0, 0, "hold"),
        (10, 6, 0, "hold"),  # exactly all of it, at most
        (10, 0, 6, "hold"),
        (10, 0, 7, "wait"),  # fits once those under way turn out cheaper
        (10, 7, 0, "split"),  # likely to fit, not surely
        (10, 9, 0, "split"),
        (10, 9.5, 0, "stop"),
        (10, 12, 0, "stop"),  # the cap was lowered
        (0, 0, 0, "stop"),
    ],
)
def test_a_request_is_sent_only_when_it_fits_at_its_most(cap, spent, held, found):
    assert verdict(PRICE, spending(run=spent, run_held=held), Caps(run_usd=cap)) == found
    assert verdict(PRICE, spending(month=spent, month_held=held), Caps(month_usd=cap)) == found


def test_the_stricter_of_two_budgets_decides():
    assert verdict(PRICE, spending(run=0, month=10), Caps(10, 10)) == "stop"
    assert verdict(PRICE, spending(run=8, month=0, month_held=9), Caps(10, 10)) == "split"


def test_what_costs_nothing_needs_no_budget():
    free = Price(Decimal(0), Decimal(0))
    assert verdict(free, spending(run=5), Caps(0, 0)) == "hold"
    assert over(0.0, spending(run=5), Caps(0, 0)) is None


@pytest.mark.parametrize(
    ("cost", "caps", "says"),
    [
        (2.0, Caps(5, 5), None),
        (3.0, Caps(5, None), None),
        (3.5, Caps(5, 10), r"about $3.5000 on top of $2.0000 spent already, and the budget is $5.0000 for this run"),
        (
            3.5,
            Caps(50, 5),
            r"about $3.5000 on top of $4.0000 spent already, and the budget is $5.0000 for this calendar",
        ),
    ],
)
def test_a_plan_over_a_budget_says_which_and_by_how_much(cost, caps, says):
    found = over(cost, spending(run=2, month=4 if caps.month_usd == 5 and caps.run_usd == 50 else 2), caps)
    assert found is None if says is None else says in found


def test_a_plan_says_that_its_money_is_promised_to_others():
    held = spending(run=0, month=1, month_held=6)
    said = promised(4.0, held, Caps(10, 10))
    assert said is not None
    assert said.startswith("of the budget of $10.0000 for this calendar month, $1.0000 are spent and up to $6.0000 are")
    assert promised(3.0, held, Caps(10, 10)) is None, "it fits beside the promises"
    assert promised(9.5, held, Caps(10, 10)) is None, "that is over the budget, whatever is promised"
    assert promised(4.0, held, Caps()) is None


def test_small_money_never_looks_free():
    assert "$0.00000123" in (over(0.00000123, spending(), Caps(run_usd=0.000001)) or "")
