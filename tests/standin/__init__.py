"""A stand-in for OpenAI's embeddings endpoint: real HTTP on loopback, its limits, its errors, and faults on request.

`python -m tests.standin` runs it; `tests.standin.running()` starts it as a process of its own and controls it.
"""

from tests.standin.client import StandIn, running

__all__ = ["StandIn", "running"]
