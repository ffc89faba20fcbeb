"""Serves made-up answers of data sources, and makes them go wrong when told to."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from aiohttp import web

from tutti.testing.sources.answers import Asked, answer_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

_HTML = b"<html><head><title>Just a moment...</title></head><body>Checking</body></html>"
_SLOW_S = 0.3


class Fault(StrEnum):
    """What may be wrong with one answer.

    ``busy`` is 429 with Retry-After, ``down`` is 503, ``html`` is 200 with a web page, ``cut`` closes
    the connection in the middle of the answer, ``short`` sends half of it as if it were whole,
    ``empty`` sends nothing, ``slow`` waits 0.3 s, ``repeated`` sends the answer before once more,
    ``refused`` is 401, ``missing`` is 404.
    """

    BUSY = "busy"
    DOWN = "down"
    HTML = "html"
    CUT = "cut"
    SHORT = "short"
    EMPTY = "empty"
    SLOW = "slow"
    REPEATED = "repeated"
    REFUSED = "refused"
    MISSING = "missing"


_STATUS = {Fault.BUSY: 429, Fault.DOWN: 503, Fault.REFUSED: 401, Fault.MISSING: 404}


@dataclass(slots=True)
class FakeSources:
    """Every source behind one address; paths tell them apart.

    Attributes
    ----------
    now : int
        The sources' time, ns UTC: what comes later has not happened.
    faults : deque of Fault or None
        One for each answer to come; None is a good one. When it is empty all are good.
    asked : list of Asked
        What came.
    retry_after : str
        What a busy source answers.
    overrides : dict of str to bytes
        Answers by path, in place of made-up ones.
    """

    now: int
    faults: deque[Fault | None] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    retry_after: str = "3"
    overrides: dict[str, bytes] = field(default_factory=dict)
    address: str = ""
    _before: bytes = b"{}"

    def fail(self, faults: Iterable[Fault | None]) -> None:
        """Let the next answers go wrong in turn."""
        self.faults.extend(faults)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Answer a request, as faults and time have it."""
        form: Mapping[str, object] = await request.post()
        asked = Asked(
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            form={name: str(value) for name, value in form.items()},
        )
        self.asked.append(asked)
        fault = self.faults.popleft() if self.faults else None
        if fault in _STATUS:
            headers = {"Retry-After": self.retry_after} if fault is Fault.BUSY else {}
            return web.Response(status=_STATUS[fault], headers=headers)
        if fault is Fault.HTML:
            return web.Response(body=_HTML, content_type="text/html")
        if fault is Fault.EMPTY:
            return web.Response(body=b"")
        if fault is Fault.REPEATED:
            return web.Response(body=self._before, content_type="application/json")
        if fault is Fault.SLOW:
            await asyncio.sleep(_SLOW_S)
        body = self.overrides.get(request.path) or answer_to(asked, self.now)
        if body is None:
            return web.Response(status=404)
        self._before = body
        if fault is Fault.SHORT:
            return web.Response(body=body[: len(body) // 2], content_type="application/json")
        if fault is Fault.CUT:
            return await _cut(request, body)
        return web.Response(body=body, content_type="application/json")


@asynccontextmanager
async def serve(now: int, port: int = 0) -> AsyncIterator[FakeSources]:
    """Serve made-up sources on the loopback; ``address`` says where.

    Parameters
    ----------
    now : int
        The sources' time, ns UTC.
    port : int
        0 for any free one.
    """
    sources = FakeSources(now=now)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", sources.respond)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        host, bound = runner.addresses[0][:2]
        sources.address = f"http://{host}:{bound}"
        yield sources
    finally:
        await runner.cleanup()


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return response
