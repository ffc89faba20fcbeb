"""The API on a real local port."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from tutti.api.server import ApiServer, open_server
from tutti.app.settings import ApiSettings
from tutti.app.state import AgentsState, SymbolsState
from tutti.model.errors import AgentError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.app.settling import Claim
    from tutti.app.state import (
        AgentRow,
        DecisionRow,
        OrderView,
        PositionRow,
        Prediction,
        ServiceState,
    )
    from tutti.model.market import MarketBlock
    from tutti.model.order import Order


class QuietService:
    """Has no positions and nothing else to tell."""

    def positions(self) -> Sequence[PositionRow]:
        return ()

    def status(self) -> ServiceState:
        raise AgentError("not asked here")

    def decisions(self, limit: int) -> Sequence[DecisionRow]:
        return ()

    def orders(self, limit: int) -> Sequence[OrderView]:
        return ()

    def agents(self) -> Sequence[AgentRow]:
        return ()

    def agents_file(self) -> AgentsState:
        return AgentsState(agents=())

    def symbols(self) -> SymbolsState:
        return SymbolsState(symbols=(), traded=())

    def predict(self, instrument: str, bars: MarketBlock | None = None) -> Prediction:
        raise AgentError("not asked here")

    async def settle(self, claim: Claim) -> Order:
        raise AgentError("not asked here")

    def shutdown(self, reason: str) -> None:
        return None

    def kill(self, by: str, reason: str) -> None:
        return None

    def command(self, name: str, by: str, reason: str) -> None:
        return None


def opened(port: int = 0, host: str = "127.0.0.1") -> ApiServer:
    settings = ApiSettings.model_validate({"host": host, "port": port})
    return open_server(
        QuietService(),
        settings=settings,
        token=SecretStr("a-token-of-32-characters-or-more"),
        registry=CollectorRegistry(),
    )


async def test_server_answers_until_it_is_stopped() -> None:
    server = opened()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        async with httpx.AsyncClient(base_url=server.url) as client:
            answer = await client.get("/positions")
        server.stop()
        await running
    assert answer.json() == []
    # the port is free again
    again = opened(int(server.url.rsplit(":", 1)[1]))
    again.stop()
    await again.run()


async def test_server_port_taken_is_an_error_that_says_what_to_do() -> None:
    first = opened()
    port = int(first.url.rsplit(":", 1)[1])
    with pytest.raises(ConfigError, match=f"port {port} .* --port"):
        opened(port)
    first.stop()
    await first.run()


async def test_server_on_ipv6_has_brackets_in_its_address() -> None:
    try:
        server = opened(host="::1")
    except ConfigError:
        pytest.skip("this machine has no IPv6")
    assert server.url.startswith("http://[::1]:")
    server.stop()
    await server.run()
