"""A run over its budget waits for a person: the task `approve`, under Required Actions in the Airflow UI.

Only DAGs of catalogs with `over_budget: ask` have it. It waits in the database, not in a worker, and holds no slot.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.context import Context

from vectorshelf.errors import BrakeError
from vectorshelf_connections import settings

if TYPE_CHECKING:
    from airflow.sdk.execution_time.hitl import HITLUser

APPROVE, REJECT = "Approve", "Reject"
CAP = "cap_usd"

PATIENCE = timedelta(hours=20)
"""How long a run waits: it must be out of the way of the next night's, which will ask with that night's figures."""


class BudgetApproval(HITLOperator):
    """Asks when the plan of `run` is over a budget, and gives the run the cap it is answered. Else done at once.

    Rejected or unanswered, it raises BrakeError: the run fails, nothing was paid, the table stays as it is.
    """

    template_fields: Sequence[str] = ("run", "subject", "body")

    def __init__(self, *, run: str, **kwargs: Any) -> None:  # noqa: ANN401  Airflow's own arguments
        cap = Param(
            0.0,
            type="number",
            minimum=0,
            title="Cap, US dollars",
            description="What this run may cost, all its tries together.",
            source="task",
        )
        kwargs |= {"options": [APPROVE, REJECT], "params": {CAP: cap}, "response_timeout": PATIENCE}
        super().__init__(subject="May this run cost more than its budget?", **kwargs)
        self.run = run

    def execute(self, context: Context) -> Any:  # noqa: ANN401  nothing, or it does not return
        """Ask, and wait; or find that there is nothing to ask."""
        from vectorshelf import pipeline

        asks = pipeline.question(self.run, settings())
        if asks is None:
            self.log.info("within the budget: nobody is asked")
            return None
        self.subject, self.body = asks.subject, asks.body
        self.params[CAP] = asks.suggested_usd
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:  # noqa: ANN401  JSON
        """Somebody answered, or nobody did."""
        from vectorshelf import pipeline

        answer = super().execute_complete(context, event)
        by = _name(answer["responded_by_user"])
        if answer["chosen_options"] != [APPROVE]:
            raise BrakeError(f"{by} rejected what the run would cost; nothing was paid. Clear this task to ask again")
        cap = answer["params_input"].get(CAP)
        if cap is None:  # answered through the API, without the form
            asks = pipeline.question(self.run, settings())
            cap = asks.suggested_usd if asks else 0.0
        pipeline.approve(self.run, float(cap), by, settings())
        self.log.info("%s approved up to $%s", by, f"{float(cap):,.4f}")
        return {"approved_usd": float(cap), "by": by}

    def process_trigger_event_error(self, event: dict[str, Any]) -> None:
        """Nobody answered in time."""
        if event["error_type"] == "timeout":
            raise BrakeError(f"nobody answered within {PATIENCE}; nothing was paid. Clear this task to ask again")
        super().process_trigger_event_error(event)


def _name(user: "HITLUser | None") -> str:
    return cast("str", user["name"] or user["id"]) if user else "somebody"
