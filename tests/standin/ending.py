"""End what is under way, as a person does on the provider's site."""

import openai

from tests.standin.client import StandIn


def end_jobs(standin: StandIn) -> None:
    """Cancel every batch, after all of its lines were done."""
    standin.tell(batches={"done_share": 1.0})
    with openai.OpenAI(api_key="none", base_url=standin.base_url, max_retries=0) as client:
        for batch in client.batches.list():
            client.batches.cancel(batch.id)
