"""The HTTP interface as an ASGI application: reads for everyone here, acts for who has the token."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec
import structlog
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException

from tutti import __version__
from tutti.api.bodies import ActBody, PredictBody, SettleBody, ShutdownBody, presented
from tutti.api.guard import Guard
from tutti.api.port import ServiceControl, ServiceReader
from tutti.model.errors import ConfigError, DataError, GateClosed, TuttiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

_log = structlog.stdlib.get_logger(__name__)

_CONFLICT, _UNPROCESSABLE, _UNAVAILABLE, _BROKEN, _ACCEPTED = 409, 422, 503, 500, 202

Limit = Annotated[int, Query(ge=1, le=1000)]


class Service(ServiceReader, ServiceControl, Protocol):
    """Running service: read and controlled."""


def make_app(
    service: Service,
    *,
    token: SecretStr,
    registry: CollectorRegistry,
    hosts: Sequence[str] = ("127.0.0.1", "localhost", "[::1]"),
    origins: Sequence[str] = (),
    max_data_age_s: float = math.inf,
) -> FastAPI:
    """Return the application that answers for ``service``.

    Parameters
    ----------
    hosts, origins
        See `Guard`.
    registry : CollectorRegistry
        What ``/metrics`` shows.
    max_data_age_s : float
        Seconds without a market event from which ``/health`` says 503.
    """
    app = FastAPI(
        title="Tutti",
        version=__version__,
        description="A running Tutti service. Times are UTC.",
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(Guard, hosts=hosts, origins=origins, token=token)
    _add_reads(app, service, max_data_age_s)
    _add_acts(app, service)
    _add_errors(app)

    @app.get("/metrics", tags=["read"], response_class=Response)
    async def metrics() -> Response:
        """Metrics in Prometheus' text format."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app


def _add_reads(app: FastAPI, service: ServiceReader, max_data_age_s: float) -> None:
    @app.get("/health", tags=["read"])
    async def health() -> JSONResponse:
        """Say whether the service lives and hears the market: 200, or 503 when data is stale."""
        state = service.status()
        is_stale = state.market_data_age_s > max_data_age_s
        body = {
            "status": "stale" if is_stale else "ok",
            "run_id": state.run_id,
            "mode": state.mode.value,
            "ticks": state.ticks,
            "market_data_age_s": presented(state.market_data_age_s),
        }
        return JSONResponse(body, _UNAVAILABLE if is_stale else 200)

    @app.get("/status", tags=["read"])
    async def status() -> JSONResponse:
        """Everything at a glance: equity, positions, regimes, agents, the last decisions."""
        return JSONResponse(presented(service.status()))

    @app.get("/decisions", tags=["read"])
    async def decisions(limit: Limit = 50) -> JSONResponse:
        """Last decisions with reasons, newest first, refusals and holds among them."""
        return JSONResponse(presented(list(service.decisions(limit))))

    @app.get("/orders", tags=["read"])
    async def orders(limit: Limit = 50) -> JSONResponse:
        """Last orders and where they are in their life, newest first."""
        return JSONResponse(presented(list(service.orders(limit))))

    @app.get("/positions", tags=["read"])
    async def positions() -> JSONResponse:
        """Open positions."""
        return JSONResponse(presented(list(service.positions())))

    @app.get("/agents/status", tags=["read"])
    async def agents() -> JSONResponse:
        """Every agent: active or not, its weight, how often it answered."""
        return JSONResponse(presented(list(service.agents())))

    @app.get("/agents", tags=["read"])
    async def agents_file() -> JSONResponse:
        """Every agent of the running panel, and how the file of them stands."""
        return JSONResponse(presented(service.agents_file()))

    @app.get("/symbols", tags=["read"])
    async def symbols() -> JSONResponse:
        """Show what is traded and on which terms, what is leaving, and how the file of it stands."""
        return JSONResponse(presented(service.symbols()))


def _add_acts(app: FastAPI, service: Service) -> None:
    @app.post("/predict", tags=["act"])
    async def predict(body: PredictBody) -> JSONResponse:
        """Panel's opinions, their aggregate and the target that would follow; trades nothing."""
        try:
            block = body.block()
        except ValueError as error:
            return _failed(_UNPROCESSABLE, str(error))
        return JSONResponse(presented(service.predict(body.instrument, block)))

    @app.post("/shutdown", tags=["act"], status_code=_ACCEPTED)
    async def shutdown(body: ShutdownBody | None = None) -> JSONResponse:
        """Kill switch: cancel every order, close every position, stop, and say what is left.

        With ``"positions": "keep"`` a graceful stop: the ledger is closed, positions stay open.
        """
        asked = body or ShutdownBody()
        _log.info("shutdown asked for", reason=asked.reason, action="shutdown")
        if asked.positions == "keep":
            service.shutdown(asked.reason)
        else:
            service.kill("the API", asked.reason)
        answer = {"status": "stopping", "reason": asked.reason, "positions": asked.positions}
        return JSONResponse(answer, _ACCEPTED)

    @app.post("/orders/settle", tags=["act"])
    async def settle(body: SettleBody) -> JSONResponse:
        """Settle an order that stays unresolved, by a person's word for what became of it.

        409 when its venue says otherwise; ``"force": true`` says it against that.
        """
        order = await service.settle(body.claim())
        return JSONResponse(presented(msgspec.to_builtins(order)))

    def add_command(name: str, what: str) -> None:
        @app.post(f"/{name}", name=name, description=what, tags=["act"])
        async def command(body: ActBody | None = None) -> JSONResponse:
            asked = body or ActBody()
            service.command(name, "the API", asked.reason)
            return JSONResponse(presented(service.status()))

    add_command("pause", "Open nothing more; positions stay in care.")
    add_command("resume", "Trade again after a pause, a flattening, a stop or a halt.")
    add_command("flatten", "Cancel every order, close every position, and stay flat.")


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(TuttiError)
    async def ours(_: Request, error: TuttiError) -> JSONResponse:
        match error:
            case ConfigError() | DataError():
                status = _UNPROCESSABLE
            case GateClosed():
                status = _CONFLICT
            case _:
                status = _BROKEN
        return _failed(status, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return _failed(_UNPROCESSABLE, "; ".join(map(_problem, error.errors())))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        return _failed(error.status_code, str(error.detail))

    # the edge where whatever broke becomes an answer; the log has the traceback
    @app.exception_handler(Exception)
    async def broke(request: Request, error: Exception) -> JSONResponse:
        _log.error("request broke", path=request.url.path, exc_info=error)
        return _failed(_BROKEN, "this broke; the log of the service says why")


def _problem(error: Any) -> str:
    if error["type"] == "json_invalid":
        return f"body: is not JSON ({error['ctx']['error']} at character {error['loc'][-1]})"
    where = ".".join(str(part) for part in error["loc"][1:]) or "body"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"


def _failed(status: int, reason: str) -> JSONResponse:
    return JSONResponse({"error": reason}, status)
