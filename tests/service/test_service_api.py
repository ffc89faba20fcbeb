"""The HTTP interface of a service that trades meanwhile, over a real port of this machine."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tutti.app.access import api_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tutti.app.service import PaperService

    Make = Callable[..., PaperService]
    Ticked = Callable[[PaperService, int], Awaitable[None]]
    Served = Callable[[PaperService], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def client_of(ticked: Ticked) -> Served:
    """Return what runs a service and yields a client of it, until the block ends."""

    @asynccontextmanager
    async def served(service: PaperService) -> AsyncIterator[httpx.AsyncClient]:
        async with asyncio.TaskGroup() as group:
            group.create_task(service.run())
            await ticked(service, 20)
            async with httpx.AsyncClient(base_url=service.api_url, timeout=90) as client:
                yield client
            service.shutdown("test over")

    return served


@pytest.fixture
def serve(make_service: Make) -> Make:
    # quick, and with time left for questions
    return lambda **changes: make_service(
        api__enabled=True, api__port=0, speed=3_600_000.0, **changes
    )


def _authorised(tmp_path: Path) -> dict[str, str]:
    token = api_token(tmp_path / "paper").get_secret_value()
    return {"Authorization": f"Bearer {token}"}


async def test_questions_are_answered_while_it_trades(serve: Make, client_of: Served) -> None:
    service = serve()
    async with client_of(service) as client:
        health = (await client.get("/health")).json()
        first = (await client.get("/status")).json()
        await asyncio.sleep(0.3)
        later = (await client.get("/status")).json()
        decisions = (await client.get("/decisions", params={"limit": 3})).json()
        orders = (await client.get("/orders")).json()
        positions = (await client.get("/positions")).json()
        agents = (await client.get("/agents/status")).json()
        metrics = (await client.get("/metrics")).text
    assert health["status"] == "ok"
    assert health["mode"] == "trading"
    assert later["ticks"] > first["ticks"] >= 20
    assert later["n_fills"] >= first["n_fills"]
    assert len(decisions) == 3
    assert {order["status"] for order in orders} <= {"filled", "accepted", "partially_filled"}
    assert all(row["instrument"].endswith(".SIM") for row in positions)
    assert [agent["name"] for agent in agents] == ["momentum_hunter", "mean_reversion"]
    assert 'agent_calls_total{agent_name="momentum_hunter"}' in metrics


async def test_predict_tells_of_a_followed_instrument(
    serve: Make, client_of: Served, tmp_path: Path
) -> None:
    service = serve()
    async with client_of(service) as client:
        body = {"instrument": "BTC-USDT-PERP.SIM"}
        refused = await client.post("/predict", json=body)
        said = await client.post("/predict", json=body, headers=_authorised(tmp_path))
        unknown = await client.post(
            "/predict", json={"instrument": "GOLD.SIM"}, headers=_authorised(tmp_path)
        )
    assert refused.status_code == 401
    answer = said.json()
    assert said.status_code == 200
    assert answer["instrument"] == "BTC-USDT-PERP.SIM"
    assert answer["target_reason"]
    assert [row["agent"] for row in answer["opinions"]] == ["momentum_hunter", "mean_reversion"]
    assert unknown.status_code == 422
    assert "isn't followed here" in unknown.json()["error"]


async def test_predict_tells_of_bars_that_are_sent(
    serve: Make, client_of: Served, tmp_path: Path
) -> None:
    bars: list[dict[str, Any]] = [
        {
            "ts": 1_704_067_200_000_000_000 + 3_600_000_000_000 * t,
            "open": 100.0 + t, "high": 102.0 + t, "low": 99.0 + t, "close": 101.0 + t,
            "volume": 5000.0,
        }
        for t in range(300)
    ]  # fmt: skip
    service = serve()
    async with client_of(service) as client:
        before = service.status().n_orders
        said = await client.post(
            "/predict", json={"instrument": "GOLD-USD.LOCAL", "bars": bars},
            headers=_authorised(tmp_path),
        )  # fmt: skip
    answer = said.json()
    assert said.status_code == 200, answer
    assert answer["instrument"] == "GOLD-USD.LOCAL"
    assert answer["bias"] > 0
    assert answer["target_weight"] >= 0
    assert before <= service.status().n_orders


async def test_shutdown_over_http_ends_the_service(
    serve: Make, ticked: Ticked, tmp_path: Path
) -> None:
    service = serve()
    async with asyncio.TaskGroup() as group:
        run = group.create_task(service.run())
        await ticked(service, 5)
        async with httpx.AsyncClient(base_url=service.api_url, timeout=90) as client:
            answer = await client.post(
                "/shutdown",
                json={"reason": "goodbye", "positions": "keep"},
                headers=_authorised(tmp_path),
            )
    assert answer.status_code == 202
    assert run.result().stopped_by == "goodbye"
