"""Books made of bars cost what the cost model charges."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tutti.execution.cost import Costs, costs_of, taker_price
from tutti.execution.router.ladders import ladder_of_bar
from tutti.execution.terms import terms_of
from tutti.model.arrays import Terms, Tradable
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind

pytestmark = pytest.mark.kernels


def _terms() -> Terms:
    instrument = Instrument(
        id=InstrumentId("BTC-USD", "A"),
        kind=InstrumentKind.SPOT,
        price_step=Decimal("0.0001"),
        quantity_step=Decimal("0.001"),
    )
    return terms_of([instrument], ["A"])


def _bars(close: float = 100.0, high: float = 102.0, volume: float = 1000.0) -> Tradable:
    def column(value: float) -> Any:
        return np.array([[value]])

    return Tradable(
        ts=np.array([0]),
        open=column(close),
        high=column(high),
        low=column(100.0),
        close=column(close),
        volume=column(volume),
        funding=column(0.0),
    )


def _costs(participation: float = 0.1) -> Costs:
    return costs_of(np.array([5.0]), impact_coefficient=0.5, participation=participation)


@pytest.mark.parametrize("side", [1, -1])
def test_taking_levels_costs_what_the_cost_model_charges(side: int) -> None:
    bars, terms, costs = _bars(), _terms(), _costs()
    ladder = ladder_of_bar(side, 0, 0, bars, terms, costs)
    assert ladder.sizes.sum() == pytest.approx(100.0)
    for levels in (1, 4, 10):
        size = ladder.sizes[:levels].sum()
        average = (ladder.prices[:levels] * ladder.sizes[:levels]).sum() / size
        lots = round(size / 0.001)
        charged = taker_price(side, 100.0, lots, 0, 0, bars, terms, costs) * 0.0001
        assert average == pytest.approx(charged, abs=2e-4)


def test_best_level_comes_first() -> None:
    asks = ladder_of_bar(1, 0, 0, _bars(), _terms(), _costs())
    bids = ladder_of_bar(-1, 0, 0, _bars(), _terms(), _costs())
    assert (np.diff(asks.prices) > 0).all()
    assert (np.diff(bids.prices) < 0).all()
    assert bids.prices[0] < 100.0 < asks.prices[0]


def test_bar_without_range_has_the_spread_and_no_impact() -> None:
    ladder = ladder_of_bar(1, 0, 0, _bars(high=100.0), _terms(), _costs())
    assert ladder.prices == pytest.approx(np.full(10, 100.05))


@pytest.mark.parametrize(("volume", "participation"), [(0.0, 0.1), (math.nan, 0.1), (9.0, 0.0)])
def test_unknown_depth_is_a_price_without_a_size(volume: float, participation: float) -> None:
    ladder = ladder_of_bar(1, 0, 0, _bars(volume=volume), _terms(), _costs(participation))
    assert ladder.prices.tolist() == pytest.approx([100.05])
    assert ladder.sizes.tolist() == [0.0]


def test_missing_bar_has_no_book() -> None:
    ladder = ladder_of_bar(1, 0, 0, _bars(close=math.nan), _terms(), _costs())
    assert len(ladder.prices) == 0
