"""Order books of a venue: read when asked, none when too old, followed again after a break."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.venues.by_ccxt.client import Addresses, Reach
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.adapters.venues.by_ccxt.lanes import Lanes
from tutti.adapters.venues.by_ccxt.market_data import MarketData
from tutti.adapters.venues.by_ccxt.meter import NoMeter
from tutti.kernel.clock import MINUTE, LiveClock
from tutti.model.instrument import InstrumentId
from tutti.model.order import Side
from tutti.testing.exchanges import FakeExchange, Fault, FaultKind, serve

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHERE = {
    "binance": ("BINANCE", "BTC-USDT"),
    "kraken": ("KRAKEN", "BTC-USD"),
    "coinbase": ("COINBASE", "BTC-USD"),
    "hyperliquid": ("HYPERLIQUID", "BTC-USDC-PERP"),
}


class _Nowhere:
    """Sink of bars that keeps none."""

    def candle(
        self, instrument: InstrumentId, start: int, values: Sequence[float], heard_at: int
    ) -> None:
        """Forget it."""

    def trade(self, instrument: InstrumentId, ts: int, price: float, quantity: float) -> None:
        """Forget it."""

    def funding(self, instrument: InstrumentId, ts: int, rate: float) -> None:
        """Forget it."""


def _data(venue: str, instrument: InstrumentId, urls: dict[str, object], levels: int) -> MarketData:
    return MarketData(
        dialect_of(venue),
        Reach(keys={}, addresses=Addresses(urls=urls), timeout_s=2.0),
        (instrument,),
        step=MINUTE,
        sink=_Nowhere(),
        clock=LiveClock(),
        random=np.random.default_rng(1),
        lanes=Lanes(1000.0, 100.0, LiveClock()),
        meter=NoMeter(),
        silent_s=1.5,
        book_levels=levels,
    )


async def _ladder(data: MarketData, instrument: InstrumentId, *, is_there: bool) -> None:
    async with asyncio.timeout(12.0):
        while True:
            ladder = data.ladder(instrument, Side.BUY)
            assert ladder is not None
            if bool(len(ladder.prices)) == is_there:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("dialect", _WHERE)
async def test_ladder_shows_the_side_that_an_order_takes(dialect: str) -> None:
    venue, symbol = _WHERE[dialect]
    instrument = InstrumentId(symbol, venue)
    async with serve(FakeExchange(dialect, seed=3, limits=0.0), rate=10.0) as addresses:
        data = _data(venue, instrument, dict(addresses.urls), 5)
        await data.open()
        data.start()
        await _ladder(data, instrument, is_there=True)
        asks = data.ladder(instrument, Side.BUY)
        bids = data.ladder(instrument, Side.SELL)
        assert asks is not None
        assert bids is not None
        assert (np.diff(asks.prices) > 0).all()
        assert (np.diff(bids.prices) < 0).all()
        assert asks.prices[0] > bids.prices[0]
        assert len(asks.prices) <= 5
        assert (asks.sizes > 0).all()
        assert data.ladder(InstrumentId("OTHER-USD", venue), Side.BUY) is None
        await data.close()


async def test_book_that_is_too_old_is_none_and_comes_back() -> None:
    venue, symbol = _WHERE["binance"]
    instrument = InstrumentId(symbol, venue)
    exchange = FakeExchange("binance", seed=3, limits=0.0)
    async with serve(exchange, rate=10.0) as addresses:
        data = _data(venue, instrument, dict(addresses.urls), 5)
        await data.open()
        data.start()
        await _ladder(data, instrument, is_there=True)
        exchange.plan.add(Fault(kind=FaultKind.SILENT, where="stream.*"))
        await _ladder(data, instrument, is_there=False)
        exchange.plan.clear()
        await _ladder(data, instrument, is_there=True)
        await data.close()


async def test_ladder_is_none_where_no_books_are_followed() -> None:
    venue, symbol = _WHERE["binance"]
    instrument = InstrumentId(symbol, venue)
    async with serve(FakeExchange("binance", seed=3)) as addresses:
        data = _data(venue, instrument, dict(addresses.urls), 0)
        await data.open()
        assert data.ladder(instrument, Side.BUY) is None
        await data.close()
