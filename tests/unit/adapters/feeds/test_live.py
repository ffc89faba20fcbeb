"""Ticks of a live market: taken once complete, asked for where a stream was silent, never late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.feeds.live import LiveFeed
from tutti.adapters.feeds.live_bars import LiveBars
from tutti.kernel.clock import MINUTE, SECOND, SimulatedClock
from tutti.model.errors import VenueError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.market import MarketBlock

_BTC, _ETH = InstrumentId("BTC-USDT", "BINANCE"), InstrumentId("ETH-USD", "KRAKEN")
_START = 1_700_000_040 * 1_000_000_000
_CANDLE = (10.0, 12.0, 9.0, 11.0, 5.0)


class _Venue:
    """Venue that answers what it was given, and counts how often it was asked."""

    def __init__(
        self, bars: LiveBars, clock: SimulatedClock, *, by_trades: bool = False, fails: bool = False
    ) -> None:
        self.makes_bars_of_trades = by_trades
        self.asked: list[tuple[InstrumentId, int]] = []
        self.past: dict[InstrumentId, list[tuple[int, Sequence[float]]]] = {}
        self._bars = bars
        self._clock = clock
        self._fails = fails

    async def history(
        self, instrument: InstrumentId, since: int, until: int
    ) -> list[tuple[int, Sequence[float]]]:
        if self._fails:
            raise VenueError("down", venue=instrument.venue)
        return [each for each in self.past.get(instrument, []) if since <= each[0] < until]

    async def poll(self, instrument: InstrumentId, start: int) -> None:
        self.asked.append((instrument, start))
        if self._fails:
            raise VenueError("down", venue=instrument.venue)
        self._bars.candle(instrument, start, _CANDLE, self._clock.now())


def _parts(
    *, by_trades: bool = False, fails: bool = False
) -> tuple[LiveBars, _Venue, LiveFeed, SimulatedClock]:
    clock = SimulatedClock(_START)
    bars = LiveBars((_BTC, _ETH), MINUTE)
    venue = _Venue(bars, clock, by_trades=by_trades, fails=fails)
    feed = LiveFeed(bars, {"BINANCE": venue, "KRAKEN": venue}, clock)
    return bars, venue, feed, clock


async def _take(feed: LiveFeed, count: int) -> list[MarketBlock]:
    found: list[MarketBlock] = []
    async for tick in feed.ticks(_START):
        found.append(tick)
        if len(found) == count:
            break
    return found


async def test_tick_of_complete_bars_comes_at_their_end_without_asking() -> None:
    bars, venue, feed, clock = _parts()
    for each in (_BTC, _ETH):
        bars.candle(each, _START, _CANDLE, _START + MINUTE)
    (tick,) = await _take(feed, 1)
    assert tick.ts.tolist() == [_START]
    assert clock.now() == _START + MINUTE
    assert venue.asked == []


async def test_bar_that_nobody_called_complete_is_asked_for_after_the_grace() -> None:
    bars, venue, feed, clock = _parts()
    bars.candle(_BTC, _START, _CANDLE, _START + MINUTE)
    (tick,) = await _take(feed, 1)
    assert venue.asked == [(_ETH, _START)]
    assert not np.isnan(tick.close).any()
    assert _START + MINUTE + SECOND <= clock.now() < _START + MINUTE + 2 * SECOND
    assert feed.n_asked == 1


async def test_bar_that_the_venue_does_not_answer_for_is_missing() -> None:
    bars, _, feed, _ = _parts(fails=True)
    bars.candle(_BTC, _START, _CANDLE, _START + MINUTE)
    (tick,) = await _take(feed, 1)
    assert np.isnan(tick.close).tolist() == [[False, True]]
    assert feed.n_missing == 1


async def test_bars_of_trades_are_complete_when_their_time_is_over() -> None:
    bars, venue, feed, _ = _parts(by_trades=True)
    bars.trade(_BTC, _START + 1, 10.0, 1.0)
    (tick,) = await _take(feed, 1)
    assert venue.asked == []
    assert np.isnan(tick.close).tolist() == [[False, True]]


async def test_ticks_that_went_by_while_the_process_stood_still_are_left_out() -> None:
    bars, _, feed, clock = _parts()
    ticks = feed.ticks(_START)
    for minute in (0, 7, 8):
        for each in (_BTC, _ETH):
            start = _START + minute * MINUTE
            bars.candle(each, start, _CANDLE, start + MINUTE)
    first = await anext(ticks)
    clock.advance_to(_START + 8 * MINUTE + SECOND)
    second = await anext(ticks)
    assert first.ts.tolist() == [_START]
    assert second.ts.tolist() == [_START + 7 * MINUTE]


async def test_history_joins_what_all_venues_have() -> None:
    _, venue, feed, _ = _parts()
    venue.past = {_BTC: [(_START - MINUTE, _CANDLE)], _ETH: [(_START - 2 * MINUTE, _CANDLE)]}
    block = await feed.history(_START - 3 * MINUTE, _START)
    assert block is not None
    assert len(block) == 2


async def test_history_that_a_venue_refuses_names_the_venue() -> None:
    _, _, feed, _ = _parts(fails=True)
    with pytest.raises(VenueError, match="down"):
        await feed.history(_START - MINUTE, _START)


async def test_feed_turns_to_other_instruments_between_two_ticks() -> None:
    _, venue, feed, _ = _parts()
    sol = InstrumentId("SOL-USDT", "BINANCE")
    ticks = feed.ticks(_START)
    assert (await anext(ticks)).instruments == (_BTC, _ETH)
    feed.turn_to((_BTC, sol), {"BINANCE": venue})
    assert (await anext(ticks)).instruments == (_BTC, sol)
    assert [each for each, start in venue.asked if start > _START] == [_BTC, sol]


async def test_venue_that_leaves_while_it_is_asked_is_missing_at_that_tick() -> None:
    bars, venue, feed, clock = _parts()

    class Leaving(_Venue):
        async def poll(self, instrument: InstrumentId, start: int) -> None:
            feed.turn_to((_BTC,), {"BINANCE": venue})
            await venue.poll(_BTC, start)

    feed.turn_to((_BTC, _ETH), {"BINANCE": Leaving(bars, clock), "KRAKEN": venue})
    (tick,) = await _take(feed, 1)
    assert tick.instruments == (_BTC,)
    assert (_ETH, _START) not in venue.asked


async def test_history_of_some_instruments_is_asked_of_their_venues() -> None:
    bars, _, feed, clock = _parts()
    sol, other = InstrumentId("SOL-USDT", "OTHER"), _Venue(bars, clock)
    other.past[sol] = [(_START, _CANDLE)]
    past = await feed.history(_START, _START + MINUTE, (sol,), {"OTHER": other})
    assert past is not None
    assert past.instruments == (sol,)
