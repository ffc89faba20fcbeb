"""The verdict: what is added back, what is measured, and when nothing can be said."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.app.config import Config, override
from tutti.app.studies.strategy import Strategy
from tutti.kernel.clock import HOUR
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named
from tutti.sandbox.worlds.judge import gross_profits, judge, of_equity

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, MarketBlock

_PRICED: dict[str, object] = {
    "agents": (), "policy.name": "ema_cross", "policy.fast": 3, "policy.slow": 9,
    "policy.long_only": False, "risk.care.stop_loss": 0.0, "risk.care.take_profit": 0.0,
    "risk.care.stale_after_s": 0.0,
}  # fmt: skip
_FREE: dict[str, object] = _PRICED | {
    "venues.default.half_spread_bps": 0.0,
    "venues.default.impact_coefficient": 0.0,
    "venues.default.maker_fee": Decimal(0),
    "venues.default.taker_fee": Decimal(0),
}


def _block(funding: float) -> MarketBlock:
    return SimulatedMarket(
        [
            MarketSpec(instrument=InstrumentId(f"C{i}-USDT-PERP", "X"), price_step=1e-6,
                       funding_rate=funding)
            for i in range(2)
        ],
        seed=5, step=HOUR, start=1_704_067_200_000_000_000,
        regime_schedule=RegimeChain(regimes_named("trend", "range"), mean_bars=20.0),
    ).next_block(600)  # fmt: skip


def _profits(changes: dict[str, object], block: MarketBlock) -> tuple[FloatArray, FloatArray]:
    strategy = Strategy(override(Config(), changes), block)
    found = strategy.play([block], strategy.tier(int(block.ts[0]), len(block))).found
    assert len(found.fills.whole) > 30
    gross = gross_profits(found, block, strategy.plan.setup.terms, strategy.balance)
    return gross, np.diff(found.trace.equity, prepend=strategy.balance)


@pytest.mark.parametrize("funding", [0.0, 0.002])
def test_profits_before_costs_are_those_of_a_venue_that_charges_nothing(funding: float) -> None:
    block = _block(funding)
    gross, net = _profits(_PRICED, block)
    free, free_net = _profits(_FREE, _block(0.0))
    np.testing.assert_allclose(free, free_net, atol=1e-2)
    # prices are rounded to a tick, sizes to a lot: close, not equal
    np.testing.assert_allclose(gross, free, atol=0.05)
    assert net.sum() < gross.sum()


def test_statistic_is_the_sum_over_the_root_of_the_sum_of_squares() -> None:
    gross = np.random.default_rng(1).normal(0.1, 1.0, 400)
    verdict = judge(gross, gross - 0.05, 8760.0, 12)
    assert verdict.z == pytest.approx(gross.sum() / math.sqrt((gross**2).sum()))
    assert verdict.p_value == pytest.approx(0.5 * math.erfc(verdict.z / math.sqrt(2)))
    assert verdict.sharpe_gross == pytest.approx(gross.mean() / gross.std() * math.sqrt(8760))
    assert verdict.sharpe_net < verdict.sharpe_gross
    assert verdict.found == (verdict.p_value < 0.05)


def test_too_little_held_is_no_verdict_and_never_skill() -> None:
    gross = np.zeros(1000)
    gross[:50] = 1.0
    verdict = judge(gross, gross, 8760.0, 1)
    assert math.isnan(verdict.z)
    assert (verdict.p_value, verdict.found) == (1.0, False)
    assert math.isnan(judge(np.zeros(10), np.zeros(10), 8760.0, 0).sharpe_gross)


def test_test_without_skill_is_as_often_wrong_as_its_level() -> None:
    # positions and volatility depend on the past in ways that would spoil a plain t-test
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(2000):
        noise = rng.standard_normal(1500)
        volatility = np.exp(np.convolve(np.abs(noise), np.ones(50) / 25, "same")[:1500] / 4)
        held = np.sign(np.append(0.0, np.cumsum(noise)[:-1]))
        profits = held * np.append(1.0, volatility[:-1]) * rng.standard_normal(1500)
        found += judge(profits, profits, 8760.0, 1).found
    assert 0.037 < found / 2000 < 0.065


def test_profits_are_measured_by_the_equity_before_their_bar() -> None:
    equity = np.array([110.0, 99.0, 0.0, -5.0, -5.0])
    returns = of_equity(np.diff(equity, prepend=100.0), equity, 100.0)
    # what is lost when nothing is left is nobody's return
    assert returns.tolist() == pytest.approx([0.1, -0.1, -1.0, 0.0, 0.0])


def test_test_is_as_often_wrong_as_its_level_where_sizes_follow_a_wild_account() -> None:
    rng = np.random.default_rng(3)
    found = in_money = 0
    for _ in range(2000):
        equity = np.cumprod(1.0 + 0.05 * rng.uniform(-1.0, 1.0, 3000), dtype=np.float64)
        profits = np.diff(equity, prepend=1.0)
        returns = of_equity(profits, equity, 1.0)
        found += judge(returns, returns, 8760.0, 1).found
        in_money += judge(profits, profits, 8760.0, 1).found
    assert 0.037 < found / 2000 < 0.065
    assert in_money < found / 2
