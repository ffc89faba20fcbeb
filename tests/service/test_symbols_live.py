"""Symbols added and removed while a service follows the streams of an exchange."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import numpy as np
import pytest
import yaml
from prometheus_client import CollectorRegistry

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.config import override, parse_config
from tutti.app.live_market import live_market
from tutti.app.metrics import Metrics
from tutti.app.paper import plan_for
from tutti.app.service import PaperService
from tutti.app.symbols_watch import watched
from tutti.app.venues_live import LiveVenues, keys_for
from tutti.kernel.clock import LiveClock
from tutti.ledger.fold import fold
from tutti.testing.exchanges import FakeExchange, serve_in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tutti.testing.exchanges import Addresses


def _list(path: Path, *symbols: str) -> None:
    entries = [
        {"symbol": each, "exchanges": ["KRAKEN" if each.endswith("USD") else "BINANCE"]}
        for each in symbols
    ]
    path.write_text(yaml.safe_dump({"symbols": entries}), encoding="utf-8")


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not reached():  # noqa: ASYNC110 - a service tells nobody of what it does
            await asyncio.sleep(0.02)


def _traded(service: PaperService) -> list[str]:
    return [each.id.symbol for each in service.account.plan.instruments]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[PaperService]:
    exchange = FakeExchange("binance", seed=3, limits=0.0)
    listed = tmp_path / "symbols.yaml"
    _list(listed, "BTC-USDT", "ETH-USDT")
    other = FakeExchange("kraken", seed=3, limits=0.0)
    with (
        serve_in_thread(exchange, rate=20.0) as addresses,
        serve_in_thread(other, rate=20.0) as others,
    ):
        base = _config(tmp_path, listed, BINANCE=addresses, KRAKEN=others)
        symbols = watched(base)
        assert symbols is not None
        clock, metrics = LiveClock(), Metrics(CollectorRegistry())
        config = symbols.configured(symbols.file, ())
        async with live_market(config, clock, metrics) as market:
            yield PaperService(
                base, feed="live", bars=[], speed=1.0, seconds=60.0, out=tmp_path / "run",
                view=None, clock=clock, metrics=metrics, market=market, symbols=symbols,
            )  # fmt: skip


def _config(folder: Path, listed: Path, **addresses: Addresses) -> Any:
    paths = {name: folder / f"{name}.json" for name in addresses}
    for name, path in paths.items():
        path.write_text(json.dumps(addresses[name].to_dict()), encoding="utf-8")
    settings = {
        "feed": {
            "kind": "live", "tick_s": 2, "warm_up_bars": 5, "symbols": str(listed),
            "live": {"book_levels": 5},
        },
        "venues": {name: {"addresses": str(path)} for name, path in paths.items()},
        "policy": {"name": "ema_cross", "fast": 2, "slow": 3},
        "api": {"enabled": False},
    }  # fmt: skip
    return parse_config(yaml.safe_dump(settings))


async def test_symbol_joins_and_leaves_streams_that_go_on(
    service: PaperService, tmp_path: Path
) -> None:
    listed = tmp_path / "symbols.yaml"
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run())
        await _until(lambda: service.ticks >= 1)
        _list(listed, "BTC-USDT", "SOL-USDT", "ETH-USDT")
        await _until(lambda: _traded(service) == ["BTC-USDT", "SOL-USDT", "ETH-USDT"])
        begun = service.ticks
        await _until(lambda: service.ticks > begun)
        book = service.account.session.account.book
        assert np.isfinite(book.mark).all()
        assert len(set(book.marked_at.tolist())) == 1
        _list(listed, "SOL-USDT", "ETH-USDT")
        await _until(lambda: _traded(service) == ["SOL-USDT", "ETH-USDT"])
        begun = service.ticks
        await _until(lambda: service.ticks > begun + 1)
        book = service.account.session.account.book
        assert len(set(book.marked_at.tolist())) == 1
        _list(listed, "BTC-USDT", "SOL-USDT", "ETH-USDT")
        await _until(lambda: len(_traded(service)) == 3)
        begun = service.ticks
        await _until(lambda: service.ticks > begun + 1)
        assert len(set(service.account.session.account.book.marked_at.tolist())) == 1
        service.shutdown("seen")


async def test_symbol_that_the_exchange_does_not_trade_is_refused(
    service: PaperService, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run())
        await _until(lambda: service.ticks >= 1)
        account = service.account
        _list(tmp_path / "symbols.yaml", "BTC-USDT", "DOGE-USDX")
        await _until(lambda: service.symbols_refused != "")
        why = r"symbols\.yaml:5: symbols\[1\]: DOGE-USDX\.BINANCE: binance trades no DOGE/USDX"
        assert re.search(why, service.symbols_refused)
        begun = service.ticks
        await _until(lambda: service.ticks > begun)
        assert service.account is account
        service.shutdown("seen")


async def test_exchange_joins_with_its_first_symbol_and_goes_with_its_last(
    service: PaperService, tmp_path: Path
) -> None:
    listed = tmp_path / "symbols.yaml"
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run())
        await _until(lambda: service.ticks >= 1)
        equity = service.status().equity
        _list(listed, "BTC-USDT", "ETH-USDT", "BTC-USD")
        await _until(lambda: len(_traded(service)) == 3)
        assert service.status().equity == pytest.approx(equity, rel=0.01)
        assert service.account.plan.venues == ("BINANCE", "KRAKEN")
        begun = service.ticks
        await _until(lambda: service.ticks > begun + 1)
        assert np.isfinite(service.account.session.account.book.mark).all()
        _list(listed, "BTC-USDT", "ETH-USDT")
        await _until(lambda: len(_traded(service)) == 2)
        begun = service.ticks
        await _until(lambda: service.ticks > begun)
        assert service.account.session.account.portfolio.cash.keys() == {"BINANCE"}
        service.shutdown("seen")


# ---- real money ----


async def test_symbol_joins_and_leaves_where_real_money_is_traded(tmp_path: Path) -> None:
    exchange = FakeExchange("binance", seed=3, limits=0.0, spot={"USDT": Decimal(100_000)})
    listed, out = tmp_path / "symbols.yaml", tmp_path / "run"
    _list(listed, "BTC-USDT")
    with serve_in_thread(exchange, rate=20.0) as addresses:
        base = override(
            _config(tmp_path, listed, BINANCE=addresses),
            {"live.max_order_notional": 1000, "live.max_orders_per_minute": 100,
             "reconcile.every_s": 0},
        )  # fmt: skip
        secrets = addresses.credentials["main"]
        symbols = watched(base)
        assert symbols is not None
        config, clock = symbols.configured(symbols.file, ()), LiveClock()
        environment = {
            "TUTTI_BINANCE_API_KEY": secrets["apiKey"], "TUTTI_BINANCE_SECRET": secrets["secret"],
        }  # fmt: skip
        metrics = Metrics(CollectorRegistry())
        keys = keys_for(config, environment)
        async with live_market(config, clock, metrics) as market:
            venues = LiveVenues(config, keys, clock=clock, meter=metrics, market=market)
            try:
                await venues.open(plan_for(config, market).instruments)
                service = PaperService(
                    base, feed="live", bars=[], speed=1.0, seconds=90.0, out=out, view=None,
                    clock=clock, metrics=metrics, market=market, venues=venues, symbols=symbols,
                )  # fmt: skip
                async with asyncio.TaskGroup() as group:
                    rising = group.create_task(_rise(addresses.http, "BTC/USDT", "SOL/USDT"))
                    group.create_task(service.run())
                    await _traded_for_real(service, listed)
                    rising.cancel()
            finally:
                await venues.close()
        sent = exchange.n_requests
    assert sent["order.create"] >= 3
    with SqliteLedgerReader(out) as reader:
        state = fold(reader)
        kinds = Counter(row.kind for row in reader.rows())
    # the fee was taken in coins, and what it left can't be sold: it stays where it is
    dust = state.positions["SOL-USDT.BINANCE"]
    assert dust.quantity * dust.average_price < 5
    # what the venue said and what we believe never differed, through four sessions
    assert kinds["started"] == kinds["stopped"] >= 3
    assert not kinds["difference"]
    assert not state.open_orders


async def _traded_for_real(service: PaperService, listed: Path) -> None:
    await _until(lambda: "BTC-USDT.BINANCE" in _held(service))
    _list(listed, "BTC-USDT", "SOL-USDT")
    await _until(lambda: len(_traded(service)) == 2)
    await _until(lambda: "SOL-USDT.BINANCE" in _held(service))
    _list(listed, "BTC-USDT", "BTC-USD")
    await _until(lambda: "its keys were not given at the start" in service.symbols_refused)
    _list(listed, "BTC-USDT")
    await _until(lambda: len(_traded(service)) == 1)
    begun = service.ticks
    await _until(lambda: service.ticks > begun)
    service.shutdown("seen")


def _held(service: PaperService) -> set[str]:
    return {each.instrument for each in service.positions()}


async def _rise(http: str, *listings: str) -> None:
    price = {"BTC/USDT": 60_000.0, "SOL/USDT": 150.0}
    async with aiohttp.ClientSession() as session:
        while True:
            for each in listings:
                price[each] *= 1.002
                action = {"do": "move", "listing": each, "price": f"{price[each]:.2f}"}
                async with session.post(f"{http}/_control/market", json=action) as answer:
                    assert answer.status == 200, await answer.text()
            await asyncio.sleep(0.2)
