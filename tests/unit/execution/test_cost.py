"""Spread, impact, rounding and fees."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest

from tutti.execution.cost import against, costs_of, fee_of, impact, taker_price
from tutti.execution.terms import terms_of
from tutti.model.arrays import Terms, Tradable
from tutti.model.errors import ConfigError
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind

pytestmark = pytest.mark.kernels


def _terms(tick: str = "0.5") -> Terms:
    instrument = Instrument(
        id=InstrumentId("BTC-USD", "V"),
        kind=InstrumentKind.SPOT,
        price_step=Decimal(tick),
        quantity_step=Decimal("0.1"),
        maker_fee=Decimal("-0.0001"),
        taker_fee=Decimal("0.0005"),
    )
    return terms_of([instrument], ["V"])


def _bar(high: float = 101.0, low: float = 99.0, volume: float = 40.0) -> Tradable:
    return Tradable(
        ts=np.array([0]),
        open=np.array([[100.0]]),
        high=np.array([[high]]),
        low=np.array([[low]]),
        close=np.array([[100.0]]),
        volume=np.array([[volume]]),
        funding=np.zeros((1, 1)),
    )


@pytest.mark.parametrize(
    ("side", "ticks", "whole"),
    [
        (1, 200.0, 200),
        (-1, 200.0, 200),
        (1, 200.2, 201),
        (-1, 200.8, 200),
        (1, 200.0 + 1e-10, 200),
        (-1, 200.0 - 1e-10, 200),
        (-1, 0.2, 1),
    ],
)
def test_rounding_is_against_us_and_leaves_whole_ticks_alone(
    side: int, ticks: float, whole: int
) -> None:
    assert against(side, ticks) == whole


@pytest.mark.parametrize("side", [1, -1])
def test_taker_price_without_costs_is_the_price_itself(side: int) -> None:
    costs = costs_of(np.zeros(1))
    assert taker_price(side, 100.0, 5, 0, 0, _bar(), _terms(), costs) == 200


@pytest.mark.parametrize(("side", "ticks"), [(1, 202), (-1, 198)])
def test_taker_price_pays_half_the_spread_rounded_to_a_tick(side: int, ticks: int) -> None:
    costs = costs_of(np.array([60.0]))
    assert taker_price(side, 100.0, 5, 0, 0, _bar(), _terms(), costs) == ticks


def test_taker_price_with_impact_follows_the_square_root_of_the_share() -> None:
    costs = costs_of(np.zeros(1), impact_coefficient=1.0)
    terms = _terms("0.0001")
    sigma = math.log(101.0 / 99.0) / math.sqrt(4.0 * math.log(2.0))
    for lots, share in ((100, 0.25), (400, 1.0)):
        ticks = taker_price(1, 100.0, lots, 0, 0, _bar(), terms, costs)
        assert ticks * 0.0001 == pytest.approx(100.0 * (1.0 + sigma * math.sqrt(share)), abs=1e-4)


def test_impact_grows_with_the_range_and_the_root_of_the_share() -> None:
    sigma = math.log(101.0 / 99.0) / math.sqrt(4.0 * math.log(2.0))
    assert impact(0.5, 101.0, 99.0, 0.25) == pytest.approx(0.5 * sigma * 0.5, rel=1e-12)
    assert impact(0.5, 100.0, 100.0, 0.25) == 0.0


def test_taker_price_in_a_bar_without_range_has_no_impact() -> None:
    costs = costs_of(np.zeros(1), impact_coefficient=1.0)
    bar = _bar(high=100.0, low=100.0)
    assert taker_price(1, 100.0, 100, 0, 0, bar, _terms(), costs) == 200


def test_taker_price_in_a_bar_without_volume_counts_the_order_as_its_volume() -> None:
    costs = costs_of(np.zeros(1), impact_coefficient=1.0)
    empty = taker_price(1, 100.0, 400, 0, 0, _bar(volume=0.0), _terms(), costs)
    assert empty == taker_price(1, 100.0, 400, 0, 0, _bar(volume=40.0), _terms(), costs)


def test_fee_of_a_taker_is_paid_and_of_a_maker_may_be_a_rebate() -> None:
    terms = _terms()
    assert fee_of(20, 200, 0, 0, terms) == pytest.approx(2.0 * 100.0 * 0.0005, rel=1e-15)
    assert fee_of(20, 200, 1, 0, terms) == pytest.approx(-2.0 * 100.0 * 0.0001, rel=1e-15)


@pytest.mark.parametrize(
    ("spread", "settings", "named"),
    [
        ([-1.0], {}, "half_spread_bps"),
        ([math.nan], {}, "half_spread_bps"),
        ([10_000.0], {}, "half_spread_bps"),
        ([1.0], {"impact_coefficient": -0.1}, "impact_coefficient"),
        ([1.0], {"impact_coefficient": math.inf}, "impact_coefficient"),
        ([1.0], {"participation": 1.5}, "participation"),
        ([1.0], {"liquidation_fee": -0.1}, "liquidation_fee"),
        ([1.0], {"latency_ns": -1}, "latency_ns"),
    ],
)
def test_costs_that_make_no_sense_are_refused_by_name(
    spread: list[float], settings: dict[str, float], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        costs_of(np.array(spread), **settings)  # type: ignore[arg-type]
