"""Tickers of every dialect, streamed by unmodified ccxt from a fake exchange, and polled in silence."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.feeds.live_bars import LiveBars
from tutti.adapters.venues.by_ccxt.client import Addresses, Reach
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.adapters.venues.by_ccxt.lanes import Lanes
from tutti.adapters.venues.by_ccxt.market_data import MarketData
from tutti.adapters.venues.by_ccxt.meter import NoMeter
from tutti.kernel.clock import MINUTE, LiveClock
from tutti.model.instrument import InstrumentId
from tutti.model.order import Side
from tutti.testing.exchanges import FakeExchange, Fault, FaultKind, serve

from .test_ccxt_venues import PLACES, Place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tutti.adapters.venues.by_ccxt.tickers import Quote

_STREAMS = tuple(
    Fault(kind=FaultKind.SILENT, where=where) for where in ("stream.ticker", "stream.quotes")
)
_POLL = Fault(kind=FaultKind.STATUS, where="ticker")
_NO_BEST = ("HYPERLIQUID",)  # streams middles only
# ccxt asks Hyperliquid's tickers together with its markets
_POLLS = {"hyperliquid": Fault(kind=FaultKind.STATUS, where="markets")}


@pytest.fixture(params=list(PLACES), ids=list(PLACES))
def venue(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@asynccontextmanager
async def _followed(
    venue: str, *faults: Fault, silent_s: float = 2.0
) -> AsyncIterator[tuple[MarketData, InstrumentId, FakeExchange]]:
    place: Place = PLACES[venue]
    exchange = FakeExchange(place.dialect, seed=3)
    instrument, clock = InstrumentId(place.instrument, venue), LiveClock()
    async with serve(exchange, rate=20.0) as addresses:
        data = MarketData(
            dialect_of(venue),
            Reach(keys={}, addresses=Addresses(urls=addresses.urls), timeout_s=2.0),
            [instrument],
            step=MINUTE,
            sink=LiveBars((instrument,), MINUTE),
            clock=clock,
            random=np.random.default_rng(1),
            lanes=Lanes(1000.0, 100.0, clock),
            meter=NoMeter(),
            silent_s=silent_s,
            quotes=True,
        )
        await data.open()
        exchange.plan.add(*faults)
        data.start()
        try:
            yield data, instrument, exchange
        finally:
            await data.close()


async def _until(reached: Callable[[], object], seconds: float = 8.0) -> None:
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


def _best(data: MarketData, instrument: InstrumentId) -> bool:
    quote = data.quote(instrument)
    return quote is not None and quote.bid > 0.0


async def _quoted(data: MarketData, instrument: InstrumentId, *, best: bool = False) -> Quote:
    await _until(lambda: data.quote(instrument))
    if best:
        await _until(lambda: _best(data, instrument))
    quote = data.quote(instrument)
    assert quote is not None
    return quote


def _is_of_its_market(quote: Quote, venue: str, exchange: FakeExchange) -> bool:
    place = exchange.marketplace
    last = float(place.last(place.listings[PLACES[venue].listing]))
    return quote.bid <= quote.ask and abs(quote.last / last - 1.0) < 0.05


async def test_ticker_is_streamed_without_a_question(venue: str) -> None:
    poll = _POLLS.get(PLACES[venue].dialect, _POLL)
    async with _followed(venue, poll, silent_s=60.0) as (data, instrument, exchange):
        quote = await _quoted(data, instrument)
        last = float(exchange.marketplace.last(exchange.market.listing(PLACES[venue].listing)))
        assert abs(quote.last / last - 1.0) < 0.05
        await _until(lambda: data.quote(instrument) != quote)
        if venue not in _NO_BEST:
            await _until(lambda: _best(data, instrument))
            quote = await _quoted(data, instrument)
            assert quote.bid <= quote.ask
            assert quote.spread_bps < 50.0


async def test_ticker_is_asked_for_where_its_stream_is_silent(venue: str) -> None:
    async with _followed(venue, *_STREAMS) as (data, instrument, exchange):
        quote = await _quoted(data, instrument, best=True)
        assert _is_of_its_market(quote, venue, exchange)
        await _until(lambda: data.quote(instrument) != quote)


async def test_ticker_that_nobody_tells_any_more_is_no_quote(venue: str) -> None:
    async with _followed(venue, silent_s=1.0) as (data, instrument, exchange):
        await _quoted(data, instrument)
        exchange.plan.add(*_STREAMS, _POLLS.get(PLACES[venue].dialect, _POLL))
        await _until(lambda: data.quote(instrument) is None)
        ladder = data.ladder(instrument, Side.BUY)
        assert ladder is not None
        assert len(ladder.prices) == 0  # nothing is sent there


async def test_ticker_is_the_best_level_for_the_router_where_sizes_are_told(venue: str) -> None:
    async with _followed(venue) as (data, instrument, _):
        quote = await _quoted(data, instrument, best=True)
        for side, price in ((Side.BUY, quote.ask), (Side.SELL, quote.bid)):
            ladder = data.ladder(instrument, side)
            if math.isnan(quote.ask_size):
                assert ladder is None  # by the last bars, then
            else:
                assert ladder is not None
                assert ladder.sizes[0] > 0.0
                assert abs(ladder.prices[0] / price - 1.0) < 0.01


async def test_quotes_are_asked_for_at_once_with_a_days_volume(venue: str) -> None:
    async with _followed(venue) as (data, instrument, exchange):
        quote = (await data.quotes())[instrument]
        assert _is_of_its_market(quote, venue, exchange)
        assert quote.day_volume >= 0.0
        assert data.quote(InstrumentId("NONE-SUCH", venue)) is None


async def test_instrument_that_left_has_no_quote(venue: str) -> None:
    async with _followed(venue) as (data, instrument, _):
        await _quoted(data, instrument)
        contracts = dict(data.contracts)
        data.leave([instrument])
        assert data.quote(instrument) is None
        assert data.ladder(instrument, Side.BUY) is None
        data.follow(contracts)
        await _quoted(data, instrument)
