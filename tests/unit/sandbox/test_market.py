"""The made-up market: fitting bars, known seeds, regimes that do what they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutti.adapters.feeds.checks import sift
from tutti.adapters.feeds.doubtful import doubtful
from tutti.adapters.feeds.series import BarSeries
from tutti.kernel.clock import DAY, HOUR, MINUTE
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket, familiar
from tutti.sandbox.market_regimes import MarketRegime, RegimeChain, RegimeList, RegimeSchedule

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, MarketBlock

_START = 1_704_067_200_000_000_000
_FIELDS = ("open", "high", "low", "close", "volume", "funding")


def _spec(**terms: float) -> MarketSpec:
    return MarketSpec(instrument=InstrumentId("BTC-USDT-PERP", "SIM"), **terms)


def _market(
    *names: str,
    seed: int = 7,
    step: int = MINUTE,
    schedule: RegimeSchedule | None = None,
    correlation: float | FloatArray = 0.6,
) -> SimulatedMarket:
    chosen = names or ("BTC-USDT-PERP.SIM", "ETH-USDT-PERP.SIM", "NEW-USDT.SIM")
    return SimulatedMarket(
        [familiar(InstrumentId.parse(name)) for name in chosen],
        seed=seed,
        step=step,
        start=_START,
        regime_schedule=schedule,
        correlation=correlation,
    )


def _only(regime: MarketRegime, bars: int = 10_000) -> RegimeList:
    return RegimeList(((regime, bars),))


def _same(first: MarketBlock, second: MarketBlock) -> bool:
    return np.array_equal(first.ts, second.ts) and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in _FIELDS
    )


def _stacked(blocks: list[MarketBlock]) -> dict[str, FloatArray]:
    return {name: np.concatenate([getattr(b, name) for b in blocks]) for name in ("ts", *_FIELDS)}


@settings(max_examples=20)
@given(st.lists(st.integers(min_value=1, max_value=400), min_size=1, max_size=6))
def test_any_chunking_gives_the_same_bars(sizes: list[int]) -> None:
    whole = _market().next_block(sum(sizes))
    market = _market()
    pieces = _stacked([market.next_block(size) for size in sizes])
    assert np.array_equal(pieces.pop("ts"), whole.ts)
    for name, values in pieces.items():
        assert np.array_equal(values, getattr(whole, name)), name


def test_same_seed_gives_the_same_market_and_another_does_not() -> None:
    first, again, other = (_market(seed=seed).next_block(300) for seed in (1, 1, 2))
    assert _same(first, again)
    assert not np.array_equal(first.close, other.close)


def test_blocks_follow_each_other_without_end() -> None:
    market = _market(step=HOUR)
    blocks = market.blocks(100)
    first, second = next(blocks), next(blocks)
    assert first.ts[0] == _START
    assert second.ts[0] == first.ts[-1] + HOUR
    assert market.now == _START + 200 * HOUR
    assert first.step == HOUR
    assert first.instruments == market.instruments


@pytest.mark.parametrize("step", [MINUTE, HOUR, DAY])
@pytest.mark.parametrize("seed", [0, 3])
def test_bars_pass_the_checks_of_recorded_data(step: int, seed: int) -> None:
    block = _market(seed=seed, step=step).next_block(3000)
    for column, instrument in enumerate(block.instruments):
        series = BarSeries(
            instrument=instrument,
            file="simulated",
            step=step,
            row=np.arange(1, len(block) + 1),
            ts=block.ts,
            open=block.open[:, column],
            high=block.high[:, column],
            low=block.low[:, column],
            close=block.close[:, column],
            volume=block.volume[:, column],
        )
        assert sift(series, repair=False).findings == ()
        assert doubtful(series) == []


def test_prices_lie_on_the_grid_and_opens_near_closes() -> None:
    block = _market("BTC-USDT-PERP.SIM", "DOGE-USDT-PERP.SIM").next_block(2000)
    for column, decimals in enumerate((1, 5)):
        for side in (block.open, block.high, block.low, block.close):
            # the very float that the decimal is written as
            assert np.array_equal(side[:, column], np.round(side[:, column], decimals))
    gap = np.abs(np.log(block.open[1:] / block.close[:-1]))
    spread = np.log(block.high / block.low)
    assert gap.mean() < 0.1 * spread.mean()


def test_grid_whose_step_is_no_power_of_ten_is_kept() -> None:
    for step in (2.0, 0.3):
        market = SimulatedMarket(
            [_spec(start_price=5000.0, price_step=step)], seed=1, step=HOUR, start=_START
        )
        ticks = market.next_block(300).close / step
        assert np.abs(ticks - np.rint(ticks)).max() < 1e-9


def test_volume_rises_with_the_range_of_the_bar() -> None:
    block = _market(schedule=_only(MarketRegime.HIGH_VOLATILITY)).next_block(5000)
    ranges = np.log(block.high / block.low)
    for column in range(3):
        assert np.corrcoef(ranges[:, column], np.log(block.volume[:, column]))[0, 1] > 0.4


def _returns(regime: MarketRegime, n: int = 3000) -> FloatArray:
    block = _market(schedule=_only(regime)).next_block(n)
    moves: FloatArray = np.diff(np.log(block.close), axis=0)
    return moves


def test_trends_rise_and_fall_and_a_crash_falls_hardest() -> None:
    up, down, crash = (
        _returns(regime, 240).sum(axis=0)
        for regime in (MarketRegime.TREND_UP, MarketRegime.TREND_DOWN, MarketRegime.CRASH)
    )
    assert (up > 0).all()
    assert (down < 0).all()
    assert (crash < 4 * down).all()


def test_range_comes_back_and_is_calm() -> None:
    calm, wild = _returns(MarketRegime.RANGE), _returns(MarketRegime.HIGH_VOLATILITY)
    assert (np.std(wild, axis=0) > 2.5 * np.std(calm, axis=0)).all()
    # a walk of so many steps would stray by 55 standard deviations
    strayed = np.max(np.abs(np.cumsum(calm, axis=0)), axis=0)
    assert (strayed < 25 * np.std(calm, axis=0)).all()


def test_calm_volatility_is_what_the_instrument_says() -> None:
    market = SimulatedMarket(
        [_spec(volatility=0.8, start_price=1e4)],
        seed=2,
        step=HOUR,
        start=_START,
        regime_schedule=_only(MarketRegime.TREND_UP),
    )
    moves = np.diff(np.log(market.next_block(8000).close[:, 0]))
    assert moves.std() * np.sqrt(365 * 24) == pytest.approx(0.8, rel=0.1)


def test_crash_moves_everything_together() -> None:
    calm, crash = (
        np.corrcoef(moves[:, 0], moves[:, 1])[0, 1]
        for moves in (_returns(MarketRegime.TREND_UP), _returns(MarketRegime.CRASH))
    )
    assert calm == pytest.approx(0.54, abs=0.08)
    assert crash > calm + 0.15


def test_given_correlation_matrix_is_followed() -> None:
    matrix = np.array([[1.0, -0.7, 0.0], [-0.7, 1.0, 0.3], [0.0, 0.3, 1.0]])
    market = _market(schedule=_only(MarketRegime.TREND_UP), correlation=matrix)
    moves = np.diff(np.log(market.next_block(4000).close), axis=0)
    assert np.abs(np.corrcoef(moves.T) - matrix).max() < 0.15


def test_single_instrument_takes_any_correlation() -> None:
    first = _market("A.SIM", correlation=0.0).next_block(50)
    assert _same(first, _market("A.SIM", correlation=1.0).next_block(50))


def test_true_regime_of_each_bar_is_known_once_it_is_out() -> None:
    schedule = RegimeList(((MarketRegime.RANGE, 3), (MarketRegime.CRASH, 2)))
    market = _market(schedule=schedule)
    ts = market.next_block(7).ts
    assert market.true_regime(ts).tolist() == [2, 2, 2, 3, 3, 2, 2]
    assert market.true_regime(np.array([_START - MINUTE, market.now])).tolist() == [-1, -1]


def test_markov_market_visits_every_regime_and_prices_stay_on_earth() -> None:
    market = _market(schedule=RegimeChain(mean_bars=60.0))
    block = market.next_block(20_000)
    codes, counts = np.unique(market.true_regime(block.ts), return_counts=True)
    assert codes.tolist() == [0, 1, 2, 3, 4]
    assert counts[MarketRegime.CRASH] < counts.min() + 0.2 * counts.max()
    assert (np.abs(np.log(block.close / block.close[0])) < 2.0).all()


def test_funding_is_paid_at_eight_hours() -> None:
    specs = [_spec(funding_rate=0.0001), familiar(InstrumentId("B", "SIM"))]
    market = SimulatedMarket(specs, seed=1, step=HOUR, start=_START)
    funding = market.next_block(24).funding
    assert np.flatnonzero(funding[:, 0]).tolist() == [7, 15, 23]
    assert funding[7].tolist() == [0.0001, 0.0]
    daily = SimulatedMarket(specs, seed=1, step=DAY, start=_START).next_block(1)
    assert daily.funding[0, 0] == pytest.approx(0.0003)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"start_price": 0.0}, "start_price must be positive"),
        ({"volatility": -1.0}, "volatility must be positive"),
        ({"daily_notional": float("inf")}, "daily_notional must be positive"),
        ({"start_price": 0.5}, "below 100 price steps"),
        ({"funding_rate": 1.0}, "funding_rate must be a fraction"),
    ],
)
def test_impossible_instrument_is_refused(terms: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _spec(**terms)


@pytest.mark.parametrize(
    ("correlation", "message"),
    [
        (1.5, "must be in"),
        (-0.1, "must be in"),
        (np.eye(2), "symmetric matrix of 3 by 3"),
        (np.full((3, 3), 0.5), "with 1 across"),
        (np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]), "positive definite"),
    ],
)
def test_impossible_correlation_is_refused(correlation: float | FloatArray, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _market(correlation=correlation)


def test_market_of_nothing_or_of_one_thing_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one instrument"):
        SimulatedMarket([], seed=1, step=HOUR, start=0)
    with pytest.raises(ConfigError, match="each once"):
        _market("A.SIM", "A.SIM")


def test_impossible_step_and_block_are_refused() -> None:
    with pytest.raises(ConfigError, match="step must be positive"):
        _market(step=0)
    with pytest.raises(ValueError, match="at least 1 bar"):
        _market().next_block(0)
