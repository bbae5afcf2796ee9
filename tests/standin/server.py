"""The endpoint: OpenAI's request and response shape, its limits and errors, and the faults it was told to have."""

import asyncio
import math
import random
import socket
import struct
import time
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.standin.batches import Batches, add_routes
from tests.standin.limits import Allowance, Bucket, Window, duration
from tests.standin.settings import Control, Fault
from tests.standin.vectors import NATIVE, item_of, vectors_of

_IN_ANSWER = {"reset_after", "stalled", "truncated", "shuffled", "missing", "extra", "wrong_dimension", "nan", "zero"}


class RefusedError(Exception):
    """An answer that is an error, in OpenAI's shape."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None, **headers: str):
        super().__init__(message)
        kinds = {401: "authentication_error", 429: "rate_limit_error"}
        kind = "insufficient_quota" if code == "insufficient_quota" else kinds.get(status, "invalid_request_error")
        self.status = status
        self.headers = {key.replace("_", "-"): value for key, value in headers.items()}
        self.body = orjson.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})


class Accepted(NamedTuple):
    """A request that passed every check."""

    model: str
    texts: list[str]
    dimensions: int
    tokens: int
    as_base64: bool


class Server:
    """State of one stand-in: what it was told, and what it was asked for."""

    def __init__(self) -> None:
        self.batches = Batches(self)
        self.reset()

    def reset(self) -> None:
        self.asked: Counter[str] = Counter()  # how often each text was accepted for embedding
        self.counts: Counter[str] = Counter()
        self.per_second: Counter[int] = Counter()
        self.in_flight = self.most_in_flight = 0
        self.started = time.monotonic()
        self.batches.reset()
        self.tell(Control())

    def tell(self, control: Control) -> None:
        old: dict[str, Allowance] = getattr(self, "allowances", {})
        self.control = control
        self.random = random.Random(control.seed)
        self.fault_uses: Counter[int] = Counter()
        self.seen_since_told = 0
        wanted = {"requests": control.requests_per_minute, "tokens": control.tokens_per_minute}
        kind = Window if control.enforce == "window" else Bucket
        self.allowances: dict[str, Allowance] = {}
        for name, limit in wanted.items():
            if limit is None:
                continue
            kept = old.get(name)
            if isinstance(kept, kind):  # a limit changed in mid-run keeps what was already taken
                kept.limit = limit
            self.allowances[name] = kept if isinstance(kept, kind) else kind(limit)

    def fault(self, texts: list[str]) -> Fault | None:
        """The fault this request has, if any."""
        self.seen_since_told += 1
        for number, fault in enumerate(self.control.faults):
            if self.seen_since_told <= fault.after or (
                fault.times is not None and self.fault_uses[number] >= fault.times
            ):
                continue
            if fault.text is not None and not any(fault.text in text for text in texts):
                continue
            if self.random.random() < fault.probability:
                self.fault_uses[number] += 1
                self.counts[f"fault_{fault.kind}"] += 1
                return fault
        return None

    # -- what is refused ------------------------------------------------------------------------------------------

    def check_key(self, header: str) -> None:
        key = header.removeprefix("Bearer ")
        if self.control.keys and key not in self.control.keys:
            raise RefusedError(401, f"Incorrect API key provided: {key}.", code="invalid_api_key")

    def texts_of(self, body: dict[str, Any]) -> list[str]:
        texts = body.get("input")
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise RefusedError(400, "'$.input' is invalid.", param="input")
        if any(not text for text in texts):
            raise RefusedError(400, "'$.input' is invalid: input cannot be an empty string.")
        if len(texts) > self.control.max_texts:
            raise RefusedError(400, f"'$.input' is invalid: array too long, at most {self.control.max_texts}.")
        return texts

    def check_texts(self, texts: list[str], tokens: list[int]) -> None:
        longest, most = max(tokens), self.control.max_tokens_per_text
        if longest > most:
            raise RefusedError(
                400, f"This model's maximum context length is {most} tokens, however you requested {longest} tokens."
            )
        if sum(tokens) > self.control.max_tokens:
            raise RefusedError(
                400,
                f"Requested {sum(tokens)} tokens, max {self.control.max_tokens} tokens per request",
                code="max_tokens_per_request",
            )
        marker = self.control.rejected
        if marker is not None and any(marker in text for text in texts):
            raise RefusedError(400, "The input was rejected: it contains what this model does not take.")

    def size_of(self, body: dict[str, Any], model: str) -> int:
        native = NATIVE[model]
        asked = body.get("dimensions")
        if asked is None or self.control.dimensions == "ignored":
            return native
        if self.control.dimensions == "refused" or model == "text-embedding-ada-002":
            raise RefusedError(400, "This model does not support specifying dimensions.", param="dimensions")
        if not 1 <= asked <= native:
            raise RefusedError(400, f"Invalid value for 'dimensions': {asked}.", param="dimensions")
        return int(asked)

    def take(self, tokens: int) -> None:
        now = time.monotonic()
        amounts = {"requests": 1, "tokens": tokens}
        waits = {name: allowance.wait(amounts[name], now) for name, allowance in self.allowances.items()}
        name = max(waits, key=waits.__getitem__, default=None)
        if name is not None and waits[name] > 0:
            seconds = waits[name]
            asked = {"retry_after": str(math.ceil(seconds))} if self.control.retry_after_header else {}
            raise RefusedError(
                429,
                f"Rate limit reached on {name} per min. Please try again in {duration(seconds)}.",
                code="rate_limit_exceeded",
                **asked,
            )
        for name, allowance in self.allowances.items():
            allowance.take(amounts[name], now)

    @staticmethod
    def break_off(request: Request) -> None:
        reset(request)

    def tokens_of(self, texts: list[str]) -> int:
        ratio = self.control.tokens_per_byte
        return sum(max(1, math.ceil(len(text.encode("utf-8", "surrogatepass")) * ratio)) for text in texts)

    def rate_headers(self) -> dict[str, str]:
        if not self.control.rate_headers:
            return {}
        now = time.monotonic()
        headers = {}
        for name, allowance in self.allowances.items():
            headers[f"x-ratelimit-limit-{name}"] = f"{allowance.limit:.0f}"
            headers[f"x-ratelimit-remaining-{name}"] = f"{max(0, math.floor(allowance.remaining(now)))}"
            headers[f"x-ratelimit-reset-{name}"] = duration(allowance.reset(now))
        return headers

    # -- the request ----------------------------------------------------------------------------------------------

    async def embeddings(self, request: Request) -> Response:
        self.counts["requests"] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._embeddings(request)
        except RefusedError as error:
            self.counts[f"status_{error.status}"] += 1
            headers = {**self.rate_headers(), **error.headers}
            return Response(error.body, error.status, headers, media_type="application/json")
        finally:
            self.in_flight -= 1

    async def _embeddings(self, request: Request) -> Response:
        raw = await request.body()
        self.check_key(request.headers.get("authorization", ""))
        body = orjson.loads(raw)
        model = body.get("model")
        if model not in NATIVE:
            message = f"The model `{model}` does not exist or you do not have access to it."
            raise RefusedError(404, message, code="model_not_found")
        if body.get("encoding_format") == "base64" and self.control.base64 == "refused":
            raise RefusedError(400, "encoding_format must be 'float'.", param="encoding_format")
        texts, dimensions = self.texts_of(body), self.size_of(body, model)
        fault = self.fault(texts)
        if fault is not None and fault.kind not in _IN_ANSWER:
            refused = await self._before(fault, request)
            if refused is not None:
                return refused
        ratio = self.control.tokens_per_byte
        per_text = [max(1, math.ceil(len(text.encode("utf-8", "surrogatepass")) * ratio)) for text in texts]
        self.check_texts(texts, per_text)
        tokens = sum(per_text)
        self.take(tokens)
        self.asked.update(texts)
        self.counts.update(texts=len(texts), tokens=tokens)
        self.per_second[int(time.monotonic() - self.started)] += tokens
        if self.control.latency:
            await asyncio.sleep(self.control.latency)
        as_base64 = body.get("encoding_format") == "base64" and self.control.base64 == "yes"
        content = self._answer(Accepted(model, texts, dimensions, tokens, as_base64), fault)
        if fault is not None and fault.kind in {"reset_after", "stalled", "truncated"}:
            return await self._cut(content, fault, request)
        self.counts["status_200"] += 1
        return Response(content, headers=self.rate_headers(), media_type="application/json")

    async def _before(self, fault: Fault, request: Request) -> Response | None:
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return None
        if fault.kind == "reset_before":
            reset(request)
            return Response(status_code=500)
        asked = {"retry_after": f"{fault.retry_after:g}"} if fault.retry_after is not None else {}
        raise {
            "refuse": RefusedError(429, "Rate limit reached.", code="rate_limit_exceeded", **asked),
            "status": RefusedError(fault.status, "The server had an error.", **asked),
            "quota": RefusedError(429, "You exceeded your current quota.", code="insufficient_quota"),
            "invalid_key": RefusedError(401, "Incorrect API key provided.", code="invalid_api_key"),
            "not_found": RefusedError(404, "The model does not exist.", code="model_not_found"),
            "forbidden": RefusedError(403, "Project does not have access to the model.", code="model_not_found"),
        }[fault.kind]

    def _answer(self, accepted: Accepted, fault: Fault | None) -> bytes:
        model, texts, dimensions, tokens, as_base64 = accepted
        vectors = vectors_of(model, texts, dimensions)
        if self.control.norm != 1.0:
            vectors *= np.float32(self.control.norm)
        if self.control.order == "reversed":
            vectors = vectors[::-1]
        order = list(range(len(texts)))
        kind = fault.kind if fault else None
        if kind == "wrong_dimension":
            vectors = vectors[:, : max(1, dimensions // 2)]
        elif kind in {"nan", "zero"}:
            vectors[self.random.randrange(len(texts))] = np.nan if kind == "nan" else 0.0
        elif kind == "missing":
            order.pop(self.random.randrange(len(texts)))
        elif kind == "shuffled":
            self.random.shuffle(order)
        items = [item_of(index, vectors[index], as_base64) for index in order]
        if kind == "extra":
            items.append(item_of(len(texts), vectors[0], as_base64))
        usage = b',"usage":{"prompt_tokens":%d,"total_tokens":%d}' % (tokens, tokens) if self.control.usage else b""
        return b'{"object":"list","data":[%s],"model":"%s"%s}' % (b",".join(items), model.encode(), usage)

    async def _cut(self, content: bytes, fault: Fault, request: Request) -> Response:
        half = content[: len(content) // 2]
        if fault.kind == "truncated":
            return Response(half, headers=self.rate_headers(), media_type="application/json")
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n".encode()
        request.scope["transport"].write(head + half)
        await asyncio.sleep(fault.seconds if fault.kind == "stalled" else 0.02)
        reset(request)
        return Response(status_code=500)

    def figures(self) -> dict[str, Any]:
        repeated = {text: count for text, count in self.asked.items() if count > 1}
        return {
            **{name: self.counts[name] for name in ("requests", "texts", "tokens")},
            "distinct_texts": len(self.asked),
            "repeated_texts": len(repeated),
            "sent_again": sum(repeated.values()) - len(repeated),
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "status": {name[7:]: count for name, count in self.counts.items() if name.startswith("status_")},
            "faults": {name[6:]: count for name, count in self.counts.items() if name.startswith("fault_")},
            "tokens_per_second": dict(self.per_second),
            "seconds": time.monotonic() - self.started,
            "batches": self.batches.figures(),
        }


def reset(request: Request) -> None:
    """Reset the connection: the client sees ECONNRESET, as from a crashed server."""
    transport = request.scope["transport"]
    if transport.is_closing():  # the client gave up first
        return
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class WithTransport:
    """Hands each request its connection, so that faults can break it. uvicorn's own `receive` holds it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle = getattr(receive, "__self__", None)
        await self.app({**scope, "transport": getattr(cycle, "transport", None)}, receive, send)


def create_app() -> ASGIApp:
    """The endpoint below /v1, and /control to tell it what to do and to read what it saw."""
    server, app = Server(), FastAPI()

    @app.post("/v1/embeddings")
    async def embeddings(request: Request) -> Response:
        return await server.embeddings(request)

    @app.post("/control/tell")
    async def tell(control: Control) -> dict[str, bool]:
        server.tell(control)
        return {"ok": True}

    @app.post("/control/reset")
    async def forget() -> dict[str, bool]:
        server.reset()
        return {"ok": True}

    @app.get("/control/figures")
    async def figures() -> dict[str, Any]:
        return server.figures()

    @app.get("/control/texts")
    async def texts() -> Response:
        return Response(orjson.dumps(server.asked), media_type="application/json")

    add_routes(app, server)
    return WithTransport(app)
