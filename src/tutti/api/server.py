"""Serves the API on a local port, inside the service's own event loop."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import uvicorn

from tutti.api.routes import Service, make_app
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Generator

    from fastapi import FastAPI
    from prometheus_client import CollectorRegistry
    from pydantic import SecretStr

    from tutti.app.settings import ApiSettings

_PATIENCE_S = 2


class ApiServer:
    """HTTP server that has its port already, and serves once it is run.

    Parameters
    ----------
    bound : socket
        Listening socket; closed when the server stops.
    """

    def __init__(self, app: FastAPI, bound: socket.socket) -> None:
        host, port = bound.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._socket = bound
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=_PATIENCE_S,
            )
        )

    async def run(self) -> None:
        """Serve until `stop` is called or the task is cancelled."""
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Ask `run` to return once requests in progress are answered."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        # the service decides what a signal means
        yield


def open_server(
    service: Service,
    *,
    settings: ApiSettings,
    token: SecretStr,
    registry: CollectorRegistry,
    max_data_age_s: float = float("inf"),
) -> ApiServer:
    """Return a server on the host and port of ``settings``; port 0 takes any free one.

    Raises
    ------
    ConfigError
        If the port is taken.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
        bound.listen()
    except OSError as error:
        bound.close()
        raise ConfigError(
            f"port {settings.port} on {settings.host} can't be used ({error.strerror}); "
            "choose another with --port or api.port, or go without with --no-api"
        ) from error
    app = make_app(
        service,
        token=token,
        registry=registry,
        hosts=settings.allowed_hosts,
        origins=settings.allowed_origins,
        max_data_age_s=max_data_age_s,
    )
    return ApiServer(app, bound)
