"""Serves a fake exchange over HTTP and websockets, with its faults and a control endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import threading
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tutti.model.errors import ConfigError
from tutti.testing.exchanges.addresses import Addresses, addresses_of
from tutti.testing.exchanges.connection import Connection
from tutti.testing.exchanges.dialect import Call
from tutti.testing.exchanges.faults import Fault, FaultKind, parse_faults
from tutti.testing.exchanges.values import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tutti.testing.exchanges.dialect import Answer, Routed, Session
    from tutti.testing.exchanges.exchange import FakeExchange

_PULSE_S = 0.05
_HTML = (
    "<html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"
)
_FOREVER_S = 3600.0
_TOO_MANY = 429


def _encoded(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


class ExchangeServer:
    """HTTP and websocket server of one fake exchange, on the loopback.

    Parameters
    ----------
    exchange : FakeExchange
        What it serves.
    port : int
        0 for any free one.
    rate : float
        Random steps of the market per second and listing; 0 for a market that only moves when
        it is told to.
    """

    def __init__(self, exchange: FakeExchange, *, port: int = 0, rate: float = 0.0) -> None:
        self._exchange = exchange
        self._port = port
        self._rate = rate
        self._sessions: dict[int, tuple[Session, Connection]] = {}
        self._runner: web.AppRunner | None = None
        self._pulse: asyncio.Task[None] | None = None
        self._is_closing = False

    async def start(self) -> Addresses:
        """Listen, and return where.

        Raises
        ------
        ConfigError
            If the port is taken.
        """
        application = web.Application(client_max_size=1 << 20)
        application.router.add_route("*", "/_control/{what}", self._control)
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        try:
            await site.start()
        except OSError as e:
            await self._runner.cleanup()
            raise ConfigError(f"can't listen on port {self._port}: {e.strerror}") from e
        host, port = self._runner.addresses[0][:2]
        # owned: cancelled and awaited by close()
        self._pulse = asyncio.get_running_loop().create_task(self._beat())
        return addresses_of(self._exchange, f"{host}:{port}")

    async def close(self) -> None:
        """Drop all connections and stop listening."""
        self._is_closing = True
        if self._pulse is not None:
            self._pulse.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pulse
        for _, connection in list(self._sessions.values()):
            connection.close(1001, "going away")
        if self._runner is not None:
            await self._runner.cleanup()

    async def _beat(self) -> None:
        exchange = self._exchange
        owed = 0.0
        while True:
            await asyncio.sleep(_PULSE_S)
            exchange.marketplace.pass_time()
            now = exchange.clock.now()
            for session, _ in list(self._sessions.values()):
                session.beat(now)
            if not self._rate:
                continue
            # spread evenly: a part of the listings moves at each pulse
            listings = list(exchange.marketplace.listings.values())
            owed += self._rate * _PULSE_S * len(listings)
            while owed >= 1.0:
                owed -= 1.0
                exchange.market.step_next()

    # ---- requests ----

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._stream(request)
        exchange = self._exchange
        call = Call(
            method=request.method,
            path=request.path,
            query=request.rel_url.raw_query_string,
            body=await request.read(),
            headers=request.headers,
            ts=exchange.clock.now(),
        )
        try:
            routed = exchange.route(call)
        except Refused as refused:
            return _response(exchange.dialect.refuse(call, refused))
        faults = exchange.plan.of_request(routed.where, routed.listing)
        if not faults:
            return _response(exchange.answer(call, routed, faults))
        return await self._faulty(request, call, routed, faults)

    async def _faulty(
        self, request: web.Request, call: Call, routed: Routed, faults: list[Fault]
    ) -> web.StreamResponse:
        exchange = self._exchange
        lost = None
        for fault in faults:
            match fault.kind:
                case FaultKind.LATENCY:
                    await exchange.sleep(fault.seconds)
                case FaultKind.HANG:
                    return await self._hang(request, fault)
                case FaultKind.DROP:
                    return _dropped(request)
                case FaultKind.HTML:
                    return web.Response(text=_HTML, content_type="text/html")
                case FaultKind.ANSWER_LOST:
                    lost = fault
                case _:
                    pass
        answer = exchange.answer(call, routed, faults)
        return _response(answer) if lost is None else await self._lose(request, lost)

    async def _lose(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.how == "html":
            return web.Response(text=_HTML, content_type="text/html")
        if fault.how == "status":
            return _response(self._exchange.dialect.fail(fault.status, fault.retry_after_s))
        if fault.how == "hang":
            return await self._hang(request, fault)
        return _dropped(request)

    async def _hang(self, request: web.Request, fault: Fault) -> web.Response:
        # until the client gives up: nobody is left waiting when the server closes
        loop = asyncio.get_running_loop()
        end = loop.time() + (fault.seconds or _FOREVER_S)
        while loop.time() < end and not self._is_closing:
            if request.transport is None or request.transport.is_closing():
                break
            await asyncio.sleep(_PULSE_S)
        return _dropped(request)

    # ---- streams ----

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        exchange = self._exchange
        faults = {each.kind: each for each in exchange.plan.of_request("connect")}
        if FaultKind.LATENCY in faults:
            await exchange.sleep(faults[FaultKind.LATENCY].seconds)
        if FaultKind.HANG in faults:
            return await self._hang(request, faults[FaultKind.HANG])
        if FaultKind.STATUS in faults:
            return _response(exchange.dialect.fail(faults[FaultKind.STATUS].status, 0.0))
        if FaultKind.RATE_LIMIT in faults:
            return _response(
                exchange.dialect.fail(_TOO_MANY, faults[FaultKind.RATE_LIMIT].retry_after_s)
            )
        if FaultKind.HTML in faults:
            return web.Response(text=_HTML, content_type="text/html")
        if FaultKind.DROP in faults:
            return _dropped(request)
        socket = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
        connection = Connection(exchange, socket)
        await socket.prepare(request)
        try:
            session = exchange.dialect.open_stream(request.path_qs, connection)
        except Refused as refused:
            await socket.close(code=1008, message=str(refused).encode())
            return socket
        key = id(connection)
        self._sessions[key] = (session, connection)
        try:
            await self._converse(socket, session, connection, request)
        finally:
            del self._sessions[key]
            session.close()
        return socket

    async def _converse(
        self,
        socket: web.WebSocketResponse,
        session: Session,
        connection: Connection,
        request: web.Request,
    ) -> None:
        writing = asyncio.get_running_loop().create_task(connection.write())
        reading = asyncio.get_running_loop().create_task(_read(socket, session))
        try:
            await asyncio.wait({writing, reading}, return_when=asyncio.FIRST_COMPLETED)
            if connection.is_dropped:
                _dropped(request)
        finally:
            for task in (writing, reading):
                task.cancel()
            for task in (writing, reading):
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await task

    # ---- control ----

    async def _control(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await self._do(request.match_info["what"], request.method, await request.text())
        except (ConfigError, ValueError) as e:
            return web.json_response({"error": str(e)}, status=400)
        return web.json_response(body)

    async def _do(self, what: str, method: str, text: str) -> Any:
        exchange = self._exchange
        match what, method:
            case "state", "GET":
                return exchange.state()
            case "faults", "GET":
                return [fault.to_dict() for fault in exchange.plan.faults]
            case "faults", "POST" | "PUT":
                faults = parse_faults(text)
                if method == "PUT":
                    exchange.plan.replace(faults)
                else:
                    exchange.plan.add(*faults)
                return [fault.to_dict() for fault in exchange.plan.faults]
            case "faults", "DELETE":
                exchange.plan.clear()
                return []
            case "market", "POST":
                actions = json.loads(text)
                many = actions if isinstance(actions, list) else [actions]
                if not all(isinstance(action, dict) for action in many):
                    raise ConfigError('an action is an object such as {"do": "step", ...}')
                return [exchange.market.act(action) for action in many]
            case "rate", "POST":
                self._rate = _rate(json.loads(text))
                return {"rate": self._rate}
            case "drop", "POST":
                return self._drop_all()
            case _:
                raise ConfigError(
                    f"no {method} /_control/{what}; there are GET state, GET POST PUT DELETE "
                    "faults, POST market, POST rate, POST drop"
                )

    def _drop_all(self) -> dict[str, int]:
        for _, connection in self._sessions.values():
            connection.is_dropped = True
            connection.close(1006, "dropped")
        return {"dropped": len(self._sessions)}


def _rate(given: Any) -> float:
    rate = given.get("rate") if isinstance(given, dict) else None
    if not isinstance(rate, (int, float)) or not 0.0 <= rate < math.inf:
        raise ConfigError(f'a rate is {{"rate": N}}, steps a second from 0 on; was {given!r}')
    return float(rate)


async def _read(socket: web.WebSocketResponse, session: Session) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            session.receive(message.data)


def _response(answer: Answer) -> web.Response:
    body = answer.body if isinstance(answer.body, bytes) else _encoded(answer.body)
    return web.Response(
        body=body,
        status=answer.status,
        headers={"Content-Type": "application/json", **answer.headers},
    )


def _dropped(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


@asynccontextmanager
async def serve(
    exchange: FakeExchange, *, port: int = 0, rate: float = 0.0
) -> AsyncIterator[Addresses]:
    """Serve an exchange in the running event loop.

    Parameters
    ----------
    exchange : FakeExchange
        What to serve.
    port : int
        0 for any free one.
    rate : float
        Random steps of the market per second and listing.

    Yields
    ------
    Addresses
        Where it listens, and what a ccxt client needs to find it.
    """
    server = ExchangeServer(exchange, port=port, rate=rate)
    addresses = await server.start()
    try:
        yield addresses
    finally:
        await server.close()


@contextmanager
def serve_in_thread(
    exchange: FakeExchange, *, port: int = 0, rate: float = 0.0
) -> Iterator[Addresses]:
    """Serve an exchange from a thread of its own, for clients that block or are killed.

    Parameters and what is yielded are those of :func:`serve`. Change the exchange over its control
    endpoint: it belongs to the thread.
    """
    ready: list[Addresses] = []
    started = threading.Event()
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        ended = asyncio.Event()
        stop.append((asyncio.get_running_loop(), ended))
        async with serve(exchange, port=port, rate=rate) as addresses:
            ready.append(addresses)
            started.set()
            await ended.wait()

    def body() -> None:
        try:
            asyncio.run(run())
        finally:
            started.set()

    thread = threading.Thread(target=body, name=f"fake-{exchange.name}", daemon=True)
    thread.start()
    started.wait(10.0)
    if not ready:
        raise ConfigError(f"the fake {exchange.name} did not start")
    try:
        yield ready[0]
    finally:
        loop, ended = stop[0]
        loop.call_soon_threadsafe(ended.set)
        thread.join(10.0)
