"""A live account whose venue can't tell what became of an order, and a person who can."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import yaml
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from tutti.app.config import parse_config
from tutti.app.live_market import live_market
from tutti.app.metrics import Metrics
from tutti.app.paper import plan_for
from tutti.app.service import PaperService
from tutti.app.settling import Claim
from tutti.app.venues_live import LiveVenues
from tutti.kernel.clock import LiveClock
from tutti.model.order import Order, OrderStatus
from tutti.testing.exchanges import FakeExchange, Fault, FaultKind, serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tutti.testing.exchanges import Addresses

_SETTINGS: dict[str, Any] = {
    "feed": {
        "kind": "live", "tick_s": 2, "warm_up_bars": 5,
        "live": {"symbols": ["BTC-USDT.BINANCE"]},
    },
    "agents": [],
    "policy": {
        "name": "ema_cross", "fast": 2, "slow": 3,
        "sizing": {"method": "fixed_fraction", "fraction": 0.01},
    },
    "risk": {"max_bar_move": None, "max_notional_multiple": None, "care": {"take_profit": 0}},
    "api": {"enabled": False},
    "live": {
        "max_order_notional": 100_000, "max_orders_per_minute": 100, "poll_orders_s": 0.3,
        "order_timeout_s": 1.0,
    },
    "reconcile": {"every_s": 0.5, "patience_s": 1.0},
}  # fmt: skip
_FAULTS = (
    Fault(kind=FaultKind.ANSWER_LOST, where="order.create", count=1, how="hang"),
    Fault(kind=FaultKind.STATUS, where="order.fetch"),
    Fault(kind=FaultKind.STATUS, where="orders.open"),
    Fault(kind=FaultKind.STATUS, where="orders.all"),
    Fault(kind=FaultKind.STATUS, where="trades.mine"),
    Fault(kind=FaultKind.SILENT, where="stream.orders"),
)


async def _rise(place: Addresses) -> None:
    price = 60_000.0
    async with aiohttp.ClientSession() as session:
        while True:
            price *= 1.001
            action = {"do": "move", "listing": "BTC/USDT", "price": f"{price:.2f}"}
            async with session.post(f"{place.http}/_control/market", json=action):
                pass
            await asyncio.sleep(0.2)


async def _until(reached: Callable[[], object]) -> None:
    async with asyncio.timeout(90):
        while not reached():  # noqa: ASYNC110 - a service tells nobody of what it does
            await asyncio.sleep(0.05)


def _claim(order: Order, outcome: OrderStatus, **more: Any) -> Claim:
    return Claim(order_id=order.id[:16], outcome=outcome, by="a test", reason="its page", **more)


@pytest.mark.slow
async def test_order_that_no_answer_reaches_is_settled_while_the_service_runs(
    tmp_path: Path,
) -> None:
    exchange = FakeExchange("binance", seed=3, limits=0.0, spot={"USDT": Decimal(100_000)})
    with serve_in_thread(exchange, rate=5.0) as place:
        (tmp_path / "there.json").write_text(json.dumps(place.to_dict()), encoding="utf-8")
        venues_of = {"venues": {"BINANCE": {"addresses": str(tmp_path / "there.json")}}}
        config = parse_config(yaml.safe_dump(_SETTINGS | venues_of))
        keys = {
            "BINANCE": {n: SecretStr(text) for n, text in place.credentials["main"].items()}
        }  # fmt: skip
        clock, metrics = LiveClock(), Metrics(CollectorRegistry())
        async with live_market(config, clock, metrics) as market:
            venues = LiveVenues(config, keys, clock=clock, meter=metrics, market=market)
            try:
                await venues.open(plan_for(config, market).instruments)
                exchange.plan.add(*_FAULTS)
                service = PaperService(
                    config, feed="live", bars=[], speed=1.0, seconds=None, out=tmp_path / "run",
                    view=None, clock=clock, metrics=metrics, market=market, venues=venues,
                )  # fmt: skip
                async with asyncio.TaskGroup() as group:
                    rising = group.create_task(_rise(place))
                    run = group.create_task(service.run())
                    await _until(lambda: service.status().locked)
                    await _settled(service, exchange)
                    rising.cancel()
                    service.shutdown("seen")
                assert run.result().stopped_by == "seen"
            finally:
                exchange.plan.clear()
                await venues.close()


async def _settled(service: PaperService, exchange: FakeExchange) -> None:
    orders = service.account.session.account.orders
    (order,) = orders.open()
    assert order.status is OrderStatus.UNRESOLVED
    (there,) = [
        each
        for account in exchange.marketplace.accounts.values()
        for each in exchange.marketplace.orders_of(account)
    ]
    # the venue took it and filled it; as long as nobody can ask, a person's word counts
    settled = await service.settle(_claim(order, OrderStatus.FILLED, price=there.average))
    assert (settled.status, settled.filled) == (OrderStatus.FILLED, order.quantity)
    assert service.status().locked == ()
    exchange.plan.clear()
    # now it answers again, and says the same of what is held
    (position,) = service.positions()
    assert Decimal(repr(position.quantity)) == order.quantity
    await asyncio.sleep(2.0)
    assert service.status().halted == ""
    assert service.status().locked == ()
