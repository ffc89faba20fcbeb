"""Public data of a venue, from a fake exchange that unmodified ccxt talks to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.feeds.live_bars import LiveBars
from tutti.adapters.venues.by_ccxt.client import Addresses, Reach
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.adapters.venues.by_ccxt.lanes import Lanes
from tutti.adapters.venues.by_ccxt.market_data import MarketData, timeframe_name
from tutti.adapters.venues.by_ccxt.meter import NoMeter
from tutti.kernel.clock import MINUTE, SECOND, LiveClock
from tutti.model.errors import ConfigError, VenueError
from tutti.model.instrument import InstrumentId
from tutti.model.order import Side
from tutti.testing.exchanges import FakeExchange, Fault, FaultKind, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tutti.adapters.venues.by_ccxt.market_data import BarSink

_BTC, _ETH = InstrumentId("BTC-USDT", "BINANCE"), InstrumentId("ETH-USDT", "BINANCE")


async def _until(reached: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


class _Heard:
    """Keeps what is heard."""

    def __init__(self) -> None:
        self.candles: list[tuple[InstrumentId, int, list[float]]] = []
        self.trades: list[tuple[InstrumentId, int, float, float]] = []

    def candle(
        self, instrument: InstrumentId, start: int, values: Sequence[float], heard_at: int
    ) -> None:
        del heard_at
        self.candles.append((instrument, start, list(values)))

    def trade(self, instrument: InstrumentId, ts: int, price: float, quantity: float) -> None:
        self.trades.append((instrument, ts, price, quantity))

    def funding(self, instrument: InstrumentId, ts: int, rate: float) -> None:
        raise AssertionError((instrument, ts, rate))

    def forget(self) -> None:
        self.candles.clear()
        self.trades.clear()

    @property
    def instruments(self) -> set[InstrumentId]:
        return {each[0] for each in self.candles} | {each[0] for each in self.trades}


def _data(
    urls: Mapping[str, object],
    step: int,
    sink: BarSink,
    silent_s: float = 20.0,
    instruments: Sequence[InstrumentId] = (_BTC, _ETH),
    book_levels: int = 0,
) -> MarketData:
    return MarketData(
        dialect_of("BINANCE"),
        Reach(keys={}, addresses=Addresses(urls=urls), timeout_s=2.0),
        instruments,
        step=step,
        sink=sink,
        clock=LiveClock(),
        random=np.random.default_rng(1),
        lanes=Lanes(1000.0, 100.0, LiveClock()),
        meter=NoMeter(),
        silent_s=silent_s,
        book_levels=book_levels,
    )


async def test_candles_are_streamed_where_the_venue_has_them_at_this_length() -> None:
    heard = _Heard()
    async with serve(FakeExchange("binance", seed=3), rate=20.0) as addresses:
        data = _data(addresses.urls, MINUTE, heard)
        await data.open()
        assert not data.makes_bars_of_trades
        data.start()
        await _until(lambda: heard.instruments == {_BTC, _ETH})
        await data.close()
    assert not heard.trades
    for _, start, (_, high, low, close, volume) in heard.candles:
        assert start % MINUTE == 0
        assert low <= close <= high
        assert volume >= 0.0


async def test_trades_are_streamed_where_the_venue_has_no_candles_of_this_length() -> None:
    heard = _Heard()
    async with serve(FakeExchange("binance", seed=3), rate=20.0) as addresses:
        data = _data(addresses.urls, 2 * SECOND, heard)
        await data.open()
        assert data.makes_bars_of_trades
        assert await data.history(_BTC, 0, LiveClock().now()) == []
        data.start()
        await _until(lambda: heard.instruments == {_BTC, _ETH})
        await data.close()
    assert not heard.candles
    assert all(price > 0.0 and quantity > 0.0 for _, _, price, quantity in heard.trades)


async def test_stream_that_falls_silent_is_begun_anew() -> None:
    heard = _Heard()
    exchange = FakeExchange("binance", seed=3)
    async with serve(exchange, rate=20.0) as addresses:
        data = _data(addresses.urls, 2 * SECOND, heard, silent_s=0.5)
        await data.open()
        data.start()
        await _until(lambda: bool(heard.trades))
        exchange.plan.add(Fault(kind=FaultKind.SILENT, where="stream.*"))
        await asyncio.sleep(1.0)
        heard.trades.clear()
        exchange.plan.clear()
        await _until(lambda: bool(heard.trades), 8.0)
        await data.close()


async def test_stream_whose_connection_drops_is_begun_anew() -> None:
    heard = _Heard()
    exchange = FakeExchange("binance", seed=3)
    async with serve(exchange, rate=20.0) as addresses:
        data = _data(addresses.urls, 2 * SECOND, heard)
        await data.open()
        data.start()
        await _until(lambda: bool(heard.trades))
        exchange.plan.add(Fault(kind=FaultKind.DROP, where="stream.trades", count=1))
        await asyncio.sleep(0.3)
        heard.trades.clear()
        await _until(lambda: bool(heard.trades), 8.0)
        await data.close()


async def test_contracts_carry_the_venues_own_terms() -> None:
    async with serve(FakeExchange("binance")) as addresses:
        data = _data(addresses.urls, MINUTE, _Heard())
        await data.open()
        terms = data.contracts[_BTC].terms
        assert str(terms["quantity_step"]) == "0.00001"
        assert data.contracts[_BTC].symbol == "BTC/USDT"
        await data.close()


async def test_history_is_whole_and_ends_before_the_bar_that_grows() -> None:
    exchange = FakeExchange("binance", seed=3)
    async with serve(exchange) as addresses:
        bars = LiveBars((_BTC, _ETH), MINUTE)
        data = _data(addresses.urls, MINUTE, bars)
        await data.open()
        now = LiveClock().now()
        until = now // MINUTE * MINUTE
        candles = await data.history(_BTC, until - 30 * MINUTE, until)
        assert [start for start, _ in candles] == [until - k * MINUTE for k in range(30, 0, -1)]
        await data.poll(_ETH, until - MINUTE)
        assert bars.unsure(until - MINUTE) == [_BTC]
        await data.close()


async def test_venue_that_does_not_answer_is_told_in_its_words() -> None:
    exchange = FakeExchange(
        "binance", faults=[Fault(kind=FaultKind.REFUSE, where="markets", count=-1)]
    )
    async with serve(exchange) as addresses:
        data = _data(addresses.urls, MINUTE, LiveBars((_BTC,), MINUTE))
        with pytest.raises(VenueError, match="BINANCE"):
            await data.open()
        await data.close()


async def test_instrument_that_does_not_trade_there_is_refused() -> None:
    async with serve(FakeExchange("binance")) as addresses:
        data = _data(
            addresses.urls, MINUTE, _Heard(), instruments=(InstrumentId("XYZ-USDT", "BINANCE"),)
        )
        with pytest.raises(ConfigError, match="binance trades no XYZ/USDT"):
            await data.open()
        await data.close()


@pytest.mark.parametrize(
    ("step", "name"),
    [(MINUTE, "1m"), (5 * MINUTE, "5m"), (60 * MINUTE, "1h"), (5 * SECOND, "5s"), (1, "")],
)
def test_timeframe_has_the_name_that_ccxt_gives_it(step: int, name: str) -> None:
    assert timeframe_name(step) == name


@pytest.mark.parametrize("step", [MINUTE, 2 * SECOND], ids=["candles", "trades"])
async def test_instruments_join_and_leave_streams_that_go_on(step: int) -> None:
    heard = _Heard()
    sol = InstrumentId("SOL-USDT", "BINANCE")
    async with serve(FakeExchange("binance", seed=3), rate=20.0) as addresses:
        data = _data(addresses.urls, step, heard, book_levels=5)
        await data.open()
        data.start()
        await _until(lambda: heard.instruments == {_BTC, _ETH})
        data.follow(data.known([sol]))
        await _until(lambda: sol in heard.instruments)
        await _until(lambda: data.ladder(sol, Side.BUY) is not None)
        data.leave([_BTC])
        assert set(data.contracts) == {_ETH, sol}
        assert data.ladder(_BTC, Side.BUY) is None
        assert await data.history(_BTC, 0, MINUTE) == []
        await asyncio.sleep(0.5)
        heard.forget()
        await _until(lambda: heard.instruments == {_ETH, sol})
        await asyncio.sleep(0.5)
        assert _BTC not in heard.instruments
        data.follow(data.known([_BTC]))
        await _until(lambda: _BTC in heard.instruments, 10.0)
        data.leave([_BTC, _ETH, sol])
        await asyncio.sleep(0.2)
        await data.close()


async def test_instrument_that_does_not_trade_there_can_not_join() -> None:
    async with serve(FakeExchange("binance")) as addresses:
        data = _data(addresses.urls, MINUTE, _Heard())
        await data.open()
        with pytest.raises(ConfigError, match="binance trades no XYZ/USDT"):
            data.known([InstrumentId("XYZ-USDT", "BINANCE")])
        await data.close()
