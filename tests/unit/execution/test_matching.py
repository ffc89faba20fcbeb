"""What a bar fills, and at what price."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pytest

from tutti.execution.cost import Costs, costs_of
from tutti.execution.matching import (
    ARRIVAL,
    COLUMN,
    FILL_LOTS,
    FILL_TICKS,
    IS_MAKER,
    KIND,
    LIMIT,
    LOTS_LEFT,
    MARKET,
    N_COLUMNS,
    RESTING,
    STOP,
    match_at,
    match_orders,
)
from tutti.execution.terms import terms_of
from tutti.model.arrays import Tradable
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind

pytestmark = pytest.mark.kernels

_BUY, _SELL = 1, -1
_INSTRUMENT = Instrument(
    id=InstrumentId("BTC-USD", "V"),
    kind=InstrumentKind.SPOT,
    price_step=Decimal(1),
    quantity_step=Decimal("0.1"),
)
_TERMS = terms_of([_INSTRUMENT], ["V"])
_FREE = costs_of(np.zeros(1))
_SPREAD = costs_of(np.array([100.0]))  # one tick at a price of 100
_OPENS = 1_000


class _Bar(NamedTuple):
    open: float = 100.0
    high: float = 110.0
    low: float = 90.0
    volume: float = 50.0


def _bars(*bars: _Bar) -> Tradable:
    def column(values: list[float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.array(values, dtype=np.float64).reshape(-1, 1)

    opens = column([bar.open for bar in bars])
    return Tradable(
        ts=_OPENS * np.arange(1, len(bars) + 1),
        open=opens,
        high=column([bar.high for bar in bars]),
        low=column([bar.low for bar in bars]),
        close=opens,
        volume=column([bar.volume for bar in bars]),
        funding=np.zeros_like(opens),
    )


_MISSING = _Bar(math.nan, math.nan, math.nan, math.nan)


def _match(  # one order of ten lots against one bar
    kind: int,
    side: int,
    limit: int = 0,
    *,
    bar: _Bar = _Bar(),  # noqa: B008
    arrival: int = _OPENS,
    costs: Costs = _FREE,
) -> tuple[int, int, int]:
    filled = match_at(0, 0, kind, side, 10, limit, arrival, _bars(bar), _TERMS, costs)
    return int(filled[0]), int(filled[1]), int(filled[2])


@pytest.mark.parametrize(("side", "ticks"), [(_BUY, 101), (_SELL, 99)])
def test_market_order_fills_at_the_open_with_the_costs_of_a_taker(side: int, ticks: int) -> None:
    assert _match(MARKET, side, costs=_SPREAD) == (10, ticks, 0)


def test_market_order_that_arrives_after_the_open_waits() -> None:
    assert _match(MARKET, _BUY, arrival=_OPENS + 1) == (0, 0, 0)


@pytest.mark.parametrize(("kind", "limit"), [(MARKET, 0), (LIMIT, 200), (STOP, 1)])
def test_order_on_a_missing_bar_fills_nothing(kind: int, limit: int) -> None:
    assert _match(kind, _BUY, limit, bar=_MISSING) == (0, 0, 0)


@pytest.mark.parametrize(
    ("volume", "lots"),
    [(50.0, 5), (3.0, 1), (0.0, 0), (math.nan, 0), (1e30, 10), (30.0, 3)],
    ids=["share", "at least one", "no volume", "no figure", "more than an integer", "exact"],
)
def test_participation_limits_what_a_bar_fills(volume: float, lots: int) -> None:
    costs = costs_of(np.zeros(1), participation=0.01)
    filled = _match(MARKET, _BUY, bar=_Bar(volume=volume), costs=costs)
    assert filled == (lots, 100 if lots else 0, 0)


@pytest.mark.parametrize(
    ("side", "limit", "expected"),
    [
        (_BUY, 95, (10, 95, 1)),
        (_BUY, 90, (10, 90, 1)),
        (_BUY, 89, (0, 0, 0)),
        (_SELL, 105, (10, 105, 1)),
        (_SELL, 110, (10, 110, 1)),
        (_SELL, 111, (0, 0, 0)),
    ],
)
def test_resting_limit_order_fills_at_its_limit_when_the_bar_touches_it(
    side: int, limit: int, expected: tuple[int, int, int]
) -> None:
    assert _match(LIMIT, side, limit, arrival=RESTING) == expected
    assert _match(LIMIT, side, limit) == expected


@pytest.mark.parametrize(
    ("side", "limit", "lots"),
    [(_BUY, 90, 0), (_BUY, 91, 10), (_SELL, 110, 0), (_SELL, 109, 10)],
)
def test_limit_order_that_must_be_traded_through_ignores_a_touch(
    side: int, limit: int, lots: int
) -> None:
    costs = costs_of(np.zeros(1), through=True)
    assert _match(LIMIT, side, limit, costs=costs)[0] == lots


@pytest.mark.parametrize(
    ("side", "limit", "ticks"),
    [(_BUY, 105, 101), (_BUY, 100, 100), (_SELL, 95, 99), (_SELL, 100, 100)],
    ids=["buy", "buy held to its limit", "sell", "sell held to its limit"],
)
def test_limit_order_that_crosses_the_open_at_arrival_takes(
    side: int, limit: int, ticks: int
) -> None:
    assert _match(LIMIT, side, limit, costs=_SPREAD) == (10, ticks, 0)


@pytest.mark.parametrize(("side", "limit"), [(_BUY, 105), (_SELL, 95)])
def test_resting_limit_order_that_the_open_jumps_past_fills_no_better_than_its_limit(
    side: int, limit: int
) -> None:
    assert _match(LIMIT, side, limit, arrival=RESTING) == (10, limit, 1)


@pytest.mark.parametrize(
    ("side", "stop", "expected"),
    [
        (_BUY, 105, (10, 107, 0)),
        (_BUY, 110, (10, 112, 0)),
        (_BUY, 111, (0, 0, 0)),
        (_BUY, 95, (10, 101, 0)),
        (_SELL, 95, (10, 94, 0)),
        (_SELL, 90, (10, 89, 0)),
        (_SELL, 89, (0, 0, 0)),
        (_SELL, 105, (10, 99, 0)),
    ],
)
def test_stop_fills_at_the_worse_of_open_and_trigger_as_a_taker(
    side: int, stop: int, expected: tuple[int, int, int]
) -> None:
    assert _match(STOP, side, stop, costs=_SPREAD) == expected


def _order(kind: int, side: int, lots: int, limit: int = 0, arrival: int = 0) -> list[int]:
    row = [0, kind, side, lots, limit, arrival, 0, 0, 0]
    assert len(row) == N_COLUMNS
    return row


def test_orders_for_one_instrument_share_what_the_bar_can_fill() -> None:
    costs = costs_of(np.zeros(1), participation=0.01)
    orders = np.array(
        [
            _order(MARKET, _BUY, 3),
            _order(LIMIT, _BUY, 4, 50),
            _order(MARKET, _SELL, 4),
            _order(MARKET, _BUY, 9),
        ]
    )
    assert match_orders(0, orders, 4, _bars(_Bar()), _TERMS, costs) == 2
    assert orders[:, FILL_LOTS].tolist() == [3, 0, 2, 0]
    assert orders[:, LOTS_LEFT].tolist() == [0, 4, 2, 9]


def test_orders_for_other_instruments_do_not_share() -> None:
    costs = costs_of(np.zeros(2), participation=0.01)
    twice = terms_of([_INSTRUMENT, _INSTRUMENT], ["V"])
    bars = _bars(_Bar())
    wide = Tradable(bars.ts, *(np.repeat(values, 2, axis=1) for values in bars[1:]))
    orders = np.array([_order(MARKET, _BUY, 3), _order(MARKET, _BUY, 9)])
    orders[1, COLUMN] = 1
    assert match_orders(0, orders, 2, wide, twice, costs) == 2
    assert orders[:, FILL_LOTS].tolist() == [3, 5]


def test_orders_beyond_the_count_are_left_alone() -> None:
    orders = np.array([_order(MARKET, _BUY, 3), _order(MARKET, _BUY, 3)])
    match_orders(0, orders, 1, _bars(_Bar()), _TERMS, _FREE)
    assert orders[:, LOTS_LEFT].tolist() == [0, 3]


def test_limit_order_takes_at_its_first_open_only_and_then_rests() -> None:
    bars = _bars(_MISSING, _Bar(), _Bar(open=80.0, low=70.0))
    orders = np.array([_order(LIMIT, _BUY, 10, limit=85, arrival=_OPENS)])
    match_orders(0, orders, 1, bars, _TERMS, _FREE)
    assert orders[0, ARRIVAL] == _OPENS
    match_orders(1, orders, 1, bars, _TERMS, _FREE)
    assert orders[0, ARRIVAL] == RESTING
    match_orders(2, orders, 1, bars, _TERMS, _FREE)
    assert orders[0, [FILL_LOTS, FILL_TICKS, IS_MAKER]].tolist() == [10, 85, 1]


def test_order_on_its_way_stays_on_its_way() -> None:
    orders = np.array([_order(LIMIT, _BUY, 10, limit=105, arrival=_OPENS + 1)])
    assert match_orders(0, orders, 1, _bars(_Bar()), _TERMS, _FREE) == 0
    assert orders[0, ARRIVAL] == _OPENS + 1


def test_stop_that_older_orders_left_no_room_for_is_triggered_all_the_same() -> None:
    costs = costs_of(np.zeros(1), participation=0.01)
    bars = _bars(_Bar(), _Bar(open=99.0, high=99.0))
    orders = np.array([_order(MARKET, _BUY, 9), _order(STOP, _BUY, 2, limit=105)])
    match_orders(0, orders, 2, bars, _TERMS, costs)
    assert orders[1, [KIND, LOTS_LEFT, FILL_LOTS]].tolist() == [MARKET, 2, 0]
    orders[0, LOTS_LEFT] = 0
    match_orders(1, orders, 2, bars, _TERMS, costs)
    assert orders[1, [LOTS_LEFT, FILL_LOTS, FILL_TICKS]].tolist() == [0, 2, 99]


@pytest.mark.parametrize(
    ("bar", "arrival"),
    [
        (_Bar(high=104.0), RESTING),
        (_Bar(volume=0.0), RESTING),
        (_Bar(), _OPENS + 1),
    ],
    ids=["not reached", "nothing traded", "on its way"],
)
def test_stop_that_was_not_triggered_stays_a_stop(bar: _Bar, arrival: int) -> None:
    costs = costs_of(np.zeros(1), participation=0.01)
    orders = np.array([_order(MARKET, _BUY, 9), _order(STOP, _BUY, 2, limit=105, arrival=arrival)])
    match_orders(0, orders, 2, _bars(bar), _TERMS, costs)
    assert orders[1, KIND] == STOP


def test_stop_filled_in_part_goes_on_as_a_market_order() -> None:
    costs = costs_of(np.zeros(1), participation=0.01)
    bars = _bars(_Bar(), _Bar(open=99.0, high=99.0))
    orders = np.array([_order(STOP, _BUY, 8, limit=105)])
    match_orders(0, orders, 1, bars, _TERMS, costs)
    assert orders[0, [KIND, LOTS_LEFT, FILL_TICKS]].tolist() == [MARKET, 3, 105]
    match_orders(1, orders, 1, bars, _TERMS, costs)
    assert orders[0, [LOTS_LEFT, FILL_LOTS, FILL_TICKS]].tolist() == [0, 3, 99]
