"""The kill switch on real dialects, with one venue dead and one that answers 503."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import numpy as np
import pytest
import yaml
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.config import parse_config
from tutti.app.live_market import live_market
from tutti.app.metrics import Metrics
from tutti.app.paper import plan_for
from tutti.app.service import PaperService
from tutti.app.venues_live import LiveVenues
from tutti.kernel.clock import LiveClock
from tutti.ledger.kinds import Stopped
from tutti.ledger.records import decode
from tutti.testing.exchanges import FakeExchange, Fault, FaultKind, serve_in_thread

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.testing.exchanges import Addresses

_PLACES = {
    "BINANCE": ("binance", "BTC-USDT", "BTC/USDT", "USDT"),
    "KRAKEN": ("kraken", "BTC-USD", "BTC/USD", "USD"),
    "COINBASE": ("coinbase", "ETH-USD", "ETH/USD", "USD"),
}
_SETTINGS: dict[str, Any] = {
    "feed": {
        "kind": "live",
        "tick_s": 2,
        "warm_up_bars": 5,
        "live": {"symbols": [f"{symbol}.{venue}" for venue, (_, symbol, _, _) in _PLACES.items()]},
    },
    "agents": [],
    "policy": {
        "name": "ema_cross", "fast": 2, "slow": 3,
        "sizing": {"method": "fixed_fraction", "fraction": 0.01},
    },
    "risk": {
        "max_bar_move": None, "max_notional_multiple": None,
        "care": {"take_profit": 0},  # all are still held when the last has gone long
    },
    "api": {"enabled": False},
    "live": {"max_order_notional": 100_000, "max_orders_per_minute": 100, "poll_orders_s": 0.5},
}  # fmt: skip


async def _rise(addresses: dict[str, Addresses]) -> None:
    # a rise that every venue sees: all go long
    share = 1.0
    async with aiohttp.ClientSession() as session:
        while True:
            share *= 1.001
            for venue, each in addresses.items():
                listing = _PLACES[venue][2]
                price = (3_000.0 if listing.startswith("ETH") else 60_000.0) * share
                action = {"do": "move", "listing": listing, "price": f"{price:.2f}"}
                async with session.post(f"{each.http}/_control/market", json=action):
                    pass
            await asyncio.sleep(0.2)


@pytest.mark.slow
async def test_kill_closes_what_can_be_closed_and_names_the_rest(tmp_path: Path) -> None:
    exchanges = {
        venue: FakeExchange(dialect, seed=3, limits=0.0, spot={money: Decimal(100_000)})
        for venue, (dialect, _, _, money) in _PLACES.items()
    }
    with ExitStack() as serving:
        dying = ExitStack()
        serving.push(dying.__exit__)
        addresses: dict[str, Addresses] = {}
        for venue, each in exchanges.items():
            stack = dying if venue == "COINBASE" else serving
            addresses[venue] = stack.enter_context(serve_in_thread(each, rate=5.0))
        for venue, place in addresses.items():
            (tmp_path / f"{venue}.json").write_text(json.dumps(place.to_dict()), encoding="utf-8")
        venues = {venue: {"addresses": str(tmp_path / f"{venue}.json")} for venue in exchanges}
        config = parse_config(yaml.safe_dump(_SETTINGS | {"venues": venues}))
        keys = {
            venue: {name: SecretStr(text) for name, text in place.credentials["main"].items()}
            for venue, place in addresses.items()
        }
        await _trade_and_kill(config, keys, tmp_path / "run", exchanges, addresses, dying)


async def _trade_and_kill(
    config: Any,
    keys: Any,
    out: Path,
    exchanges: dict[str, FakeExchange],
    addresses: dict[str, Addresses],
    dying: ExitStack,
) -> None:
    clock, metrics = LiveClock(), Metrics(CollectorRegistry())
    async with live_market(config, clock, metrics) as market:
        venues = LiveVenues(config, keys, clock=clock, meter=metrics, market=market)
        try:
            await venues.open(plan_for(config, market).instruments)
            service = PaperService(
                config, feed="live", bars=[], speed=1.0, seconds=None, out=out, view=None,
                clock=clock, metrics=metrics, market=market, venues=venues,
            )  # fmt: skip
            async with asyncio.TaskGroup() as group:
                rising = group.create_task(_rise(addresses))
                run = group.create_task(service.run())
                async with asyncio.timeout(90):
                    while np.count_nonzero(service.account.session.account.book.lots) < 3:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                rising.cancel()
                await asyncio.to_thread(dying.close)
                exchanges["KRAKEN"].plan.add(Fault(kind=FaultKind.STATUS, where="*"))
                began = clock.now()
                service.kill("a test", "fire")
            took_s = (clock.now() - began) / 1e9
            summary = run.result()
        finally:
            exchanges["KRAKEN"].plan.clear()
            await venues.close()
    assert took_s < 15  # of which the deadline is ten
    held = exchanges["BINANCE"].marketplace.accounts["main"].spot.get("BTC", Decimal(0))
    assert held < Decimal("0.0001")  # at most what a fee in coins left behind
    # crumbs that fees in coins left are too small for the venue, and are named, too
    crumbs = [each for each in summary.not_closed if "BINANCE" in each]
    assert all("too little for the smallest order" in each for each in crumbs)
    assert any("BTC-USD.KRAKEN" in each for each in summary.not_closed)
    assert any("ETH-USD.COINBASE" in each for each in summary.not_closed)
    with SqliteLedgerReader(out) as reader:
        stopped = decode(next(reader.rows(newest_first=True)), Stopped)
    assert (stopped.deployment_status, stopped.not_closed) == ("stopped", summary.not_closed)
