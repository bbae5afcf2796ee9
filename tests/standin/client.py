"""Start the stand-in in a process of its own, tell it what to do, and read what it was asked for."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class StandIn:
    """A running stand-in. `base_url` is what a catalog's `embedding.base_url` takes."""

    port: int
    pid: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def tell(self, **control: Any) -> None:
        """Set limits, quirks and faults (see `Control`); what is not named returns to its default."""
        self._call("tell", control)

    def reset(self) -> None:
        """Forget everything seen and told."""
        self._call("reset", {})

    def figures(self) -> dict[str, Any]:
        """Requests, tokens, statuses, faults, texts seen more than once."""
        return self._call("figures")

    def batches(self) -> dict[str, Any]:
        """Jobs, inputs, uploads and downloads of the Batch API, and jobs that were made twice."""
        return {"jobs": 0, "inputs": 0, **self.figures()["batches"]}

    def texts(self) -> dict[str, int]:
        """How often each text was accepted for embedding."""
        return self._call("texts")

    def _call(self, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/control/{what}", data, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)


@contextmanager
def running() -> Iterator[StandIn]:
    """A stand-in of one's own, gone at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.standin"], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield StandIn(int(process.stdout.readline()), process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)
