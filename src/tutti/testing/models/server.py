"""Serves fake language models over HTTP, in all dialects at once, with faults and a control endpoint."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from aiohttp import web

from tutti.model.errors import ConfigError
from tutti.testing.models.addresses import ModelAddresses
from tutti.testing.models.conversation import (
    CHARACTERS_A_TOKEN,
    Failing,
    Question,
    Reply,
    Script,
    by_rules,
    fitting,
    parse_rules,
    tokens,
)
from tutti.testing.models.dialects import DIALECTS
from tutti.testing.models.dialects.dialect import Misunderstood, Said
from tutti.testing.models.faults import (
    ModelFault,
    ModelFaultKind,
    ModelFaultPlan,
    parse_faults,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Iterator

    from tutti.testing.models.dialects.dialect import Dialect

_PULSE_S = 0.05
_FOREVER_S = 3600.0
_MINUTE_S = 60.0
_HTML = "<html><head><title>Bad gateway</title></head><body>Try again later.</body></html>"
_KEPT = 20_000


class ModelServer:
    """HTTP server of fake models, on the loopback.

    Parameters
    ----------
    script : Script
        Decides what is said; by default something that fits the schema.
    latency_s : float
        Of every answer.
    keys : collection of str
        Who may ask; anybody where it is empty.
    models : collection of str
        What is served; anything where it is empty.
    requests_per_minute : int
        More are refused with 429 and a time to come back; 0 for no limit.
    faults : iterable of ModelFault
        Those to begin with.
    seed : int
        Of the faults' chances.
    port : int
        0 for any free one.

    Attributes
    ----------
    questions : deque of Question
        The last 20,000 that were understood, oldest first.
    n_asked : int
        Requests so far, whatever came of them.
    in_flight, most_in_flight : int
        Requests that are being answered, now and at most.
    """

    def __init__(  # noqa: PLR0913 - a server has that many terms
        self,
        script: Script = fitting,
        *,
        latency_s: float = 0.0,
        keys: Collection[str] = (),
        models: Collection[str] = (),
        requests_per_minute: int = 0,
        faults: Iterable[ModelFault] = (),
        seed: int = 0,
        port: int = 0,
    ) -> None:
        self.script = script
        self.latency_s = latency_s
        self.plan = ModelFaultPlan(faults, np.random.default_rng(seed))
        self.questions: deque[Question] = deque(maxlen=_KEPT)
        self.n_asked = self.in_flight = self.most_in_flight = 0
        self._keys = frozenset(keys)
        self._models = frozenset(models)
        self._limit = requests_per_minute
        self._taken: deque[float] = deque()
        self._port = port
        self._runner: web.AppRunner | None = None
        self._is_closing = False

    async def start(self) -> ModelAddresses:
        """Listen, and return where.

        Raises
        ------
        ConfigError
            If the port is taken.
        """
        application = web.Application(client_max_size=1 << 24)
        application.router.add_route("*", "/_control/{what}", self._control)
        application.router.add_get("/{root:.*}models", self._list)
        application.router.add_post("/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(f"can't listen on port {self._port}: {error.strerror}") from error
        host, port = self._runner.addresses[0][:2]
        return ModelAddresses(http=f"http://{host}:{port}")

    async def close(self) -> None:
        """Drop all connections and stop listening."""
        self._is_closing = True
        if self._runner is not None:
            await self._runner.cleanup()

    # ---- requests ----

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.n_asked += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._answered(request)
        finally:
            self.in_flight -= 1

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        number = self.n_asked
        body = await _json(request)
        for dialect in DIALECTS:
            try:
                question = dialect.question(request.path, request.headers, body)
            except Misunderstood as error:
                return _failed(dialect, 400, str(error))
            if question is not None:
                break
        else:
            return web.json_response({"error": f"no such path: {request.path}"}, status=404)
        self.questions.append(question)
        if (refused := self._refused(dialect, question)) is not None:
            return refused
        return await self._said(request, dialect, question, number)

    def _refused(self, dialect: Dialect, question: Question) -> web.Response | None:
        if self._keys and question.key not in self._keys:
            # as real ones do, a part of the key is told: a client must not pass it on
            told = f"{question.key[:3]}***{question.key[-4:]}"
            return _failed(dialect, 401, f"Incorrect API key provided: {told}.")
        if self._models and question.model not in self._models:
            return _failed(dialect, 404, f"The model `{question.model}` does not exist.")
        if self._limit:
            now = asyncio.get_running_loop().time()
            while self._taken and self._taken[0] <= now - _MINUTE_S:
                self._taken.popleft()
            if len(self._taken) >= self._limit:
                wait = self._taken[0] + _MINUTE_S - now
                return _failed(dialect, 429, "Rate limit reached for requests.", wait)
            self._taken.append(now)
        return None

    async def _said(
        self, request: web.Request, dialect: Dialect, question: Question, number: int
    ) -> web.StreamResponse:
        faults = {each.kind: each for each in self.plan.met(dialect.name, question.model)}
        kind = ModelFaultKind
        late = faults.get(kind.LATENCY)
        if self.latency_s or late is not None:
            await asyncio.sleep(self.latency_s + (late.seconds if late is not None else 0.0))
        if (hang := faults.get(kind.HANG)) is not None:
            return await self._hang(request, hang.seconds)
        if kind.DROP in faults:
            return _dropped(request)
        if (failure := faults.get(kind.STATUS)) is not None:
            words = f"The server answered with {failure.status}, on command."
            return _failed(dialect, failure.status, words, failure.retry_after_s)
        if kind.HTML in faults:
            return web.Response(text=_HTML, content_type="text/html")
        if kind.MALFORMED in faults:
            return web.json_response({"object": "nothing of what belongs here"})
        try:
            said = self.script(question)
        except Failing as failing:
            return _failed(dialect, failing.status, str(failing), failing.retry_after_s)
        reply = Reply(text=said) if isinstance(said, str) else said
        if reply.latency_s:
            await asyncio.sleep(reply.latency_s)
        answer = dialect.answer(
            question, _counted(question, _spoilt(reply, faults), number, faults)
        )
        if kind.CUT in faults:
            return await _cut(request, answer)
        return web.json_response(answer)

    async def _hang(self, request: web.Request, seconds: float) -> web.Response:
        # until the client gives up: nobody is left waiting when the server closes
        loop = asyncio.get_running_loop()
        end = loop.time() + (seconds or _FOREVER_S)
        while loop.time() < end and not self._is_closing:
            if request.transport is None or request.transport.is_closing():
                break
            await asyncio.sleep(_PULSE_S)
        return _dropped(request)

    async def _list(self, request: web.Request) -> web.Response:
        del request
        data = [{"id": name, "object": "model"} for name in sorted(self._models)]
        return web.json_response({"object": "list", "data": data})

    # ---- control ----

    async def _control(self, request: web.Request) -> web.Response:
        try:
            body = self._do(request.match_info["what"], request.method, await request.text())
        except (ConfigError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(body)

    def _do(self, what: str, method: str, text: str) -> Any:
        match what, method:
            case "state", "GET":
                return {
                    "n_asked": self.n_asked,
                    "in_flight": self.in_flight,
                    "most_in_flight": self.most_in_flight,
                    "latency_s": self.latency_s,
                    "faults": [fault.to_dict() for fault in self.plan.faults],
                }
            case "questions", "GET":
                # without the keys
                return [asdict(replace(each, key="")) for each in self.questions]
            case "faults", "PUT":
                self.plan.replace(parse_faults(text))
                return [fault.to_dict() for fault in self.plan.faults]
            case "script", "PUT":
                rules = parse_rules(text)
                self.script = by_rules(rules)
                return {"n_rules": len(rules)}
            case "latency", "PUT":
                self.latency_s = float(json.loads(text)["seconds"])
                return {"latency_s": self.latency_s}
            case _:
                raise ConfigError(
                    f"no {method} /_control/{what}; there are GET state, GET questions, PUT "
                    "faults, PUT script, PUT latency"
                )


def _spoilt(reply: Reply, faults: dict[ModelFaultKind, ModelFault]) -> Reply:
    if ModelFaultKind.EMPTY in faults:
        return replace(reply, text="")
    if ModelFaultKind.NOT_JSON in faults:
        return replace(reply, text=f"Sure! Here is what I think: {reply.text[:20]}")
    if ModelFaultKind.REFUSAL in faults:
        return replace(reply, text="I can't help with that.", is_refusal=True)
    return reply


def _counted(
    question: Question, reply: Reply, number: int, faults: dict[ModelFaultKind, ModelFault]
) -> Said:
    text, limit = reply.text, question.max_output_tokens
    is_cut = ModelFaultKind.TRUNCATED in faults
    if is_cut:
        text = text[: len(text) // 2]
    elif limit is not None and tokens(text) > limit:
        text, is_cut = text[: limit * CHARACTERS_A_TOKEN], True
    counted = question.input_tokens if reply.input_tokens is None else reply.input_tokens
    return Said(
        number=number,
        text=text,
        input_tokens=counted,
        output_tokens=tokens(text) if reply.output_tokens is None else reply.output_tokens,
        is_cut=is_cut,
        is_refusal=reply.is_refusal,
    )


async def _json(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError:
        return None


def _failed(
    dialect: Dialect, status: int, message: str, retry_after_s: float = 0.0
) -> web.Response:
    headers = {"Retry-After": f"{retry_after_s:g}"} if retry_after_s else {}
    if dialect.name == "gemini":
        headers = {}
    body = dialect.failure(status, message, retry_after_s)
    return web.json_response(body, status=status, headers=headers)


def _dropped(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _cut(request: web.Request, answer: Any) -> web.StreamResponse:
    whole = json.dumps(answer).encode()
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Content-Length": str(len(whole))}
    )
    await response.prepare(request)
    await response.write(whole[: len(whole) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


@asynccontextmanager
async def serve(server: ModelServer) -> AsyncIterator[ModelAddresses]:
    """Serve in the running event loop; yields where."""
    addresses = await server.start()
    try:
        yield addresses
    finally:
        await server.close()


@contextmanager
def serve_in_thread(server: ModelServer) -> Iterator[ModelAddresses]:
    """Serve from a thread of its own, for clients that block; yields where.

    Raises
    ------
    ConfigError
        If it can't listen.
    """
    ready: list[ModelAddresses] = []
    failed: list[ConfigError] = []
    started = threading.Event()
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        ended = asyncio.Event()
        stop.append((asyncio.get_running_loop(), ended))
        async with serve(server) as addresses:
            ready.append(addresses)
            started.set()
            await ended.wait()

    def body() -> None:
        try:
            asyncio.run(run())
        except ConfigError as error:
            failed.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=body, name="fake-models", daemon=True)
    thread.start()
    started.wait(10.0)
    if not ready:
        raise failed[0] if failed else ConfigError("the fake models did not start")
    try:
        yield ready[0]
    finally:
        loop, ended = stop[0]
        loop.call_soon_threadsafe(ended.set)
        thread.join(10.0)
