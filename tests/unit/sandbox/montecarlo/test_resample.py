"""Markets made of pieces: what a piece keeps, how pieces join, how long they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.kernel.clock import DAY, HOUR
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named
from tutti.sandbox.montecarlo.resample import Recording, default_block, stationary_rows

if TYPE_CHECKING:
    from tutti.model.market import IntArray, MarketBlock

pytestmark = pytest.mark.kernels

_START = 1_704_067_200_000_000_000
_SIDES = ("open", "high", "low", "close", "volume", "funding")


def _block(count: int = 60, n: int = 2) -> MarketBlock:
    specs = [
        MarketSpec(instrument=InstrumentId(f"C{i}-USDT-PERP", "X"), funding_rate=0.001)
        for i in range(n)
    ]
    return SimulatedMarket(
        specs, seed=3, step=HOUR, start=_START,
        regime_schedule=RegimeChain(regimes_named("trend", "range"), mean_bars=20.0),
    ).next_block(count)  # fmt: skip


def _made(block: MarketBlock, rows: IntArray, chunk: int = 1000) -> dict[str, np.ndarray]:
    parts = [
        {name: getattr(part, name).copy() for name in ("ts", *_SIDES)}
        for part in Recording(block).market(rows, chunk)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_market_of_every_row_in_order_is_the_recorded_one_bit_for_bit() -> None:
    block = _block()
    block.close[7, 1] = block.open[7, 1] = block.high[7, 1] = block.low[7, 1] = math.nan
    made = _made(block, np.arange(len(block)))
    for name in ("ts", *_SIDES):
        np.testing.assert_array_equal(made[name], getattr(block, name))


def test_market_is_the_same_however_it_is_cut() -> None:
    block = _block()
    rows = stationary_rows(60, 60, 7.0, np.random.default_rng(1))
    whole, cut = _made(block, rows), _made(block, rows, chunk=11)
    for name in _SIDES:
        np.testing.assert_array_equal(whole[name], cut[name])


def test_market_keeps_returns_wicks_funding_and_notional_of_the_rows_it_is_made_of() -> None:
    block = _block()
    rows = stationary_rows(60, 60, 5.0, np.random.default_rng(2))
    made = _made(block, rows)
    before = np.vstack([block.open[:1], block.close[:-1]])
    made_before = np.vstack([made["open"][:1] * 0 + block.open[0], made["close"][:-1]])
    for name in ("open", "high", "low", "close"):
        was = getattr(block, name) / before
        np.testing.assert_allclose(made[name] / made_before, was[rows], rtol=1e-12)
    np.testing.assert_array_equal(made["funding"], block.funding[rows])
    np.testing.assert_allclose(
        made["volume"] * made["close"], (block.volume * block.close)[rows], rtol=1e-12
    )


def test_market_of_an_instrument_listed_late_begins_where_it_was_listed() -> None:
    block = _block()
    for name in ("open", "high", "low", "close", "volume"):
        getattr(block, name)[:30, 1] = math.nan
    made = _made(block, np.array([*range(40, 60), *range(20, 40)]))
    assert np.isfinite(made["close"][:20]).all()
    # unlisted again: no bars, and then on from its last close
    assert np.isnan(made["close"][20:30, 1]).all()
    assert made["open"][30, 1] == pytest.approx(made["close"][19, 1])


def test_recording_without_any_bar_of_an_instrument_is_refused() -> None:
    block = _block()
    block.close[:, 0] = math.nan
    with pytest.raises(ConfigError, match=r"C0-USDT-PERP\.X has no bar in this span"):
        Recording(block)


def test_stationary_rows_have_blocks_of_geometric_length_that_wrap_round() -> None:
    rows = stationary_rows(50, 200_000, 8.0, np.random.default_rng(5))
    joined = rows[1:] == (rows[:-1] + 1) % 50
    # a new block happens to continue the old one once in 50
    assert np.mean(~joined) == pytest.approx(1 / 8 * 49 / 50, rel=0.02)
    np.testing.assert_allclose(np.bincount(rows, minlength=50) / 4000, 1.0, atol=0.1)


def test_stationary_rows_of_blocks_of_one_are_independent_draws() -> None:
    rows = stationary_rows(10, 10_000, 1.0, np.random.default_rng(6))
    assert np.mean(rows[1:] == (rows[:-1] + 1) % 10) == pytest.approx(0.1, abs=0.02)


def test_stationary_rows_of_blocks_shorter_than_a_bar_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1 bar"):
        stationary_rows(10, 10, 0.5, np.random.default_rng(1))


def test_stationary_rows_give_the_mean_the_variance_that_politis_and_romano_derived() -> None:
    # lemma 1 of their paper: the exact variance of the mean of a stationary bootstrap sample
    rng = np.random.default_rng(8)
    n, p = 120, 1 / 6
    x = np.zeros(n)
    for t in range(1, n):
        x[t] = 0.6 * x[t - 1] + rng.normal()
    centred = x - x.mean()
    circular = np.array([np.mean(centred * np.roll(centred, -i)) for i in range(n)])
    variance = (
        circular[0] + 2 * sum((1 - i / n) * (1 - p) ** i * circular[i] for i in range(1, n))
    ) / n
    means = [x[stationary_rows(n, n, 1 / p, rng)].mean() for _ in range(6000)]
    assert np.mean(means) == pytest.approx(x.mean(), abs=4 * math.sqrt(variance / 6000))
    assert np.var(means) == pytest.approx(variance, rel=0.08)


def test_stationary_rows_spread_a_mean_as_arch_does() -> None:
    # 20,000 samples of arch 8.0.0: StationaryBootstrap(6, x, seed=default_rng(1)), this same x
    theirs = {0.05: -0.4463, 0.25: -0.2324, 0.5: -0.0780, 0.75: 0.0782, 0.95: 0.3030}
    rng = np.random.default_rng(8)
    x = np.zeros(120)
    for t in range(1, 120):
        x[t] = 0.6 * x[t - 1] + rng.normal()
    means = np.array([x[stationary_rows(120, 120, 6.0, rng)].mean() for _ in range(6000)])
    # four standard errors of the difference, of a density of about 1.8 in the middle
    for level, value in theirs.items():
        assert np.quantile(means, level) == pytest.approx(value, abs=0.03)
    assert means.var() == pytest.approx(0.05193, rel=0.08)


def test_default_block_is_a_week_and_never_shorter_than_ten_bars() -> None:
    assert default_block(HOUR) == 168.0
    assert default_block(DAY) == 10.0
