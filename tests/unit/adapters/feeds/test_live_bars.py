"""Bars of live streams: closed by time or by a newer one, late once they were taken."""

from __future__ import annotations

import numpy as np
import pytest

from tutti.adapters.feeds.live_bars import LiveBars, joined_history
from tutti.kernel.clock import MINUTE
from tutti.model.instrument import InstrumentId

_BTC, _ETH = InstrumentId("BTC-USDT", "BINANCE"), InstrumentId("ETH-USD", "KRAKEN")
_START = 1_700_000_040 * 1_000_000_000
_CANDLE = (10.0, 12.0, 9.0, 11.0, 5.0)


@pytest.fixture
def bars() -> LiveBars:
    return LiveBars((_BTC, _ETH), MINUTE)


def test_candle_heard_after_its_end_is_complete(bars: LiveBars) -> None:
    bars.candle(_BTC, _START, _CANDLE, _START + MINUTE + 1)
    assert bars.unsure(_START) == [_ETH]


def test_candle_heard_before_its_end_is_complete_once_a_newer_one_begins(bars: LiveBars) -> None:
    bars.candle(_BTC, _START, _CANDLE, _START + 1)
    assert bars.unsure(_START) == [_BTC, _ETH]
    bars.candle(_BTC, _START + MINUTE, _CANDLE, _START + MINUTE - 1)
    assert bars.unsure(_START) == [_ETH]


def test_taken_tick_has_what_was_heard_and_nothing_for_the_rest(bars: LiveBars) -> None:
    bars.candle(_BTC, _START, (10.0, 10.0, 10.0, 10.0, 1.0), _START + 1)
    bars.candle(_BTC, _START, _CANDLE, _START + 2)
    tick = bars.take(_START)
    assert tick is not None
    assert tick.ts.tolist() == [_START]
    sides = (tick.open, tick.high, tick.low, tick.close, tick.volume)
    assert [float(side[0, 0]) for side in sides] == list(_CANDLE)
    assert all(np.isnan(side[0, 1]) for side in sides)


def test_tick_of_which_nothing_was_heard_is_none(bars: LiveBars) -> None:
    assert bars.take(_START) is None
    assert bars.unsure(_START) == [_BTC, _ETH]


def test_what_is_heard_of_a_taken_tick_is_late_and_changes_nothing(bars: LiveBars) -> None:
    bars.candle(_BTC, _START, _CANDLE, _START + 1)
    first = bars.take(_START)
    bars.candle(_BTC, _START, (1.0, 1.0, 1.0, 1.0, 1.0), _START + 2)
    bars.trade(_ETH, _START + 5, 3.0, 1.0)
    assert bars.n_late == 2
    assert bars.take(_START) is None
    assert first is not None
    assert float(first.close[0, 0]) == 11.0


def test_trades_make_the_bar_that_they_fall_into(bars: LiveBars) -> None:
    for offset, price, quantity in ((1, 10.0, 1.0), (2, 13.0, 2.0), (3, 9.0, 0.5), (4, 11.0, 1.0)):
        bars.trade(_BTC, _START + offset, price, quantity)
    bars.trade(_BTC, _START + MINUTE, 99.0, 1.0)
    assert bars.unsure(_START) == [_ETH]
    tick = bars.take(_START)
    assert tick is not None
    sides = (tick.open, tick.high, tick.low, tick.close, tick.volume)
    assert [float(side[0, 0]) for side in sides] == [10.0, 13.0, 9.0, 11.0, 4.5]


def test_funding_belongs_to_the_bar_before_the_instant_that_it_is_paid(bars: LiveBars) -> None:
    bars.funding(_ETH, _START + MINUTE, 0.0001)
    bars.candle(_BTC, _START, _CANDLE, _START + 1)
    tick = bars.take(_START)
    assert tick is not None
    assert tick.funding.tolist() == [[0.0, 0.0001]]
    bars.funding(_ETH, _START + MINUTE, 0.5)
    bars.candle(_BTC, _START + MINUTE, _CANDLE, _START + MINUTE)
    following = bars.take(_START + MINUTE)
    assert following is not None
    assert following.funding.tolist() == [[0.0, 0.0]]


def test_history_has_a_row_for_each_instant_that_any_instrument_has() -> None:
    block = joined_history(
        (_BTC, _ETH),
        MINUTE,
        {_BTC: [(_START, _CANDLE)], _ETH: [(_START + 2 * MINUTE, _CANDLE)]},
    )
    assert block is not None
    assert block.ts.tolist() == [_START, _START + 2 * MINUTE]
    assert np.isnan(block.close).tolist() == [[False, True], [True, False]]


def test_history_of_nothing_is_none() -> None:
    assert joined_history((_BTC,), MINUTE, {}) is None


def test_columns_turn_to_other_instruments_and_keep_what_was_heard(bars: LiveBars) -> None:
    sol = InstrumentId("SOL-USDT", "BINANCE")
    bars.candle(_ETH, _START, _CANDLE, _START + MINUTE)
    bars.funding(_ETH, _START + MINUTE, 0.001)
    bars.turn_to((sol, _ETH))
    assert bars.unsure(_START) == [sol]
    # of what has left, nothing is taken in
    bars.candle(_BTC, _START, _CANDLE, _START + MINUTE)
    bars.trade(_BTC, _START, 1.0, 1.0)
    bars.funding(_BTC, _START + MINUTE, 0.5)
    bars.trade(sol, _START + 1, 7.0, 1.0)
    bars.trade(sol, _START + MINUTE, 8.0, 1.0)
    tick = bars.take(_START)
    assert tick is not None
    assert tick.instruments == (sol, _ETH)
    assert tick.close.tolist() == [[7.0, _CANDLE[3]]]
    assert tick.funding.tolist() == [[0.0, 0.001]]
