"""The look-ahead test: what it poisons, whom it catches, and what comes late."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.kernel.clock import HOUR
from tutti.model.arrays import Signals
from tutti.model.instrument import InstrumentId
from tutti.sandbox.lookahead import Lag, LookAhead, Poison, find_peeks, lagged, poisoned
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, MarketBlock

_NAN = math.nan


@pytest.fixture(scope="module")
def block() -> MarketBlock:
    specs = [MarketSpec(instrument=InstrumentId(f"C{i}-USDT-PERP", "X")) for i in range(2)]
    return SimulatedMarket(
        specs, seed=3, step=HOUR, start=1_704_067_200_000_000_000,
        regime_schedule=RegimeChain(regimes_named("trend", "range"), mean_bars=20.0),
    ).next_block(200)  # fmt: skip


@pytest.mark.parametrize("poison", list(Poison))
def test_poison_changes_every_bar_from_there_on_and_none_before(
    block: MarketBlock, poison: Poison
) -> None:
    dirty = poisoned(block, 120, poison)
    np.testing.assert_array_equal(dirty.close[:120], block.close[:120])
    assert (dirty.close[120:] != block.close[120:]).mean() > 0.9
    np.testing.assert_array_equal(dirty.ts, block.ts)


def test_parts_that_know_only_the_past_are_not_found(block: MarketBlock) -> None:
    def honest(market: MarketBlock) -> dict[str, FloatArray]:
        close = market.close
        return {"last": close, "before": np.vstack([close[:1] * _NAN, close[:-1]])}

    assert find_peeks(honest, block, [50, 150]) == ()


def test_part_that_looks_ahead_is_named_with_the_place_and_the_distance(block: MarketBlock) -> None:
    def clairvoyant(market: MarketBlock) -> dict[str, FloatArray]:
        ahead = np.full(market.close.shape, _NAN)
        ahead[:-3, 1] = market.close[3:, 1]
        return {"last": market.close, "oracle": ahead, "equity": np.nansum(ahead, axis=1)}

    oracle, equity = find_peeks(clairvoyant, block, [100])
    assert (oracle.part, oracle.instrument, oracle.bars_ahead) == ("oracle", "C1-USDT-PERP.X", 3)
    assert oracle.ts == block.ts[97]
    assert oracle.known == block.ts[100]
    assert (equity.part, equity.instrument) == ("equity", "")
    assert equity.to_dict()["poison"] in list(Poison)


def test_part_that_takes_the_mean_of_everything_looks_as_far_as_can_be(block: MarketBlock) -> None:
    def centred(market: MarketBlock) -> dict[str, FloatArray]:
        return {"score": market.close - np.nanmean(market.close, axis=0)}

    (peek,) = find_peeks(centred, block, [60, 150])
    assert peek.bars_ahead == 150


def test_lagged_signals_are_as_many_bars_late_or_early() -> None:
    score = np.array([[1.0], [2.0], [3.0]])
    signals = Signals(score, score / 10, score * 100, np.array([[0], [1], [2]]))
    late = lagged(signals, 1)
    np.testing.assert_array_equal(late.score[:, 0], [_NAN, 1.0, 2.0])
    np.testing.assert_array_equal(late.lead[:, 0], [-1, 0, 1])
    np.testing.assert_array_equal(lagged(signals, -1).size[:, 0], [200.0, 300.0, _NAN])
    np.testing.assert_array_equal(lagged(signals, 0).confidence, signals.confidence)


def _found(prompt: float, late: float) -> LookAhead:
    lags = tuple(
        Lag(bars=bars, sharpe_gross=sharpe, sharpe_net=0.0, total_return=0.0, n_fills=1)
        for bars, sharpe in ((0, prompt), (1, late))
    )
    return LookAhead(strategy="s", parts=("a",), peeks=(), n_poisoned=4, lags=lags)


@pytest.mark.parametrize(
    ("prompt", "late", "kept", "is_fragile"),
    [(2.0, 1.8, 0.9, False), (2.0, 0.2, 0.1, True), (-1.0, 1.0, None, False)],
)
def test_strategy_is_fragile_where_most_of_it_is_gone_one_bar_later(
    prompt: float, late: float, kept: float | None, is_fragile: bool
) -> None:
    told = _found(prompt, late).to_dict()
    assert told["kept_one_bar_later"] == (None if kept is None else pytest.approx(kept))
    assert told["is_fragile"] is is_fragile
    assert told["looks_ahead"] is False
