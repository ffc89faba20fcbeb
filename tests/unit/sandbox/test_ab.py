"""Differences between two series of returns, and what chance makes of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.sandbox.ab import automatic_block, paired

if TYPE_CHECKING:
    from tutti.model.market import FloatArray


def _autoregressive(seed: int, share: float, n: int) -> FloatArray:
    shocks = np.random.default_rng(seed).normal(size=n)
    series = np.zeros(n)
    for t in range(n):
        series[t] = (share * series[t - 1] if t else 0.0) + shocks[t]
    return series


# what arch 8.0.0 says: arch.bootstrap.optimal_block_length(series)["stationary"]
@pytest.mark.parametrize(
    ("seed", "share", "n", "length"),
    [
        (1, 0.0, 300, 3.725486434183657),
        (2, 0.5, 500, 6.813862709909765),
        (3, 0.8, 1000, 22.908491464279095),
        (4, -0.5, 400, 9.454416392375132),
        (5, 0.3, 90, 3.687875637496343),
    ],
)
def test_automatic_block_is_that_of_an_independent_library(
    seed: int, share: float, n: int, length: float
) -> None:
    assert automatic_block(_autoregressive(seed, share, n)) == pytest.approx(length, rel=1e-12)


def test_automatic_block_of_what_never_moves_is_one() -> None:
    assert automatic_block(np.full(100, 0.01)) == 1.0


def test_automatic_block_is_bounded_where_everything_depends_on_everything() -> None:
    assert 1.0 <= automatic_block(np.linspace(-1.0, 1.0, 100)) <= 30.0


def test_same_returns_differ_by_nothing() -> None:
    returns = _autoregressive(1, 0.0, 200) * 0.01
    found = paired(returns, returns.copy(), np.random.default_rng(1), per_year=365.0, n_samples=200)
    assert (found.mean.value, found.mean.low, found.mean.high) == (0.0, 0.0, 0.0)
    assert found.mean.p_value == 1.0
    assert found.sharpe.p_value == 1.0
    assert not found.mean.is_told
    assert found.correlation == pytest.approx(1.0)


def test_small_difference_between_twins_is_told_and_between_strangers_not() -> None:
    rng = np.random.default_rng(3)
    market = rng.normal(0.0, 0.02, 500)
    twin = market + 0.0005 + rng.normal(0.0, 0.001, 500)
    stranger = rng.normal(0.0005, 0.02, 500)
    found = [
        paired(market, other, np.random.default_rng(1), per_year=365.0, n_samples=500)
        for other in (twin, stranger)
    ]
    assert found[0].mean.is_told
    assert found[0].mean.low > 0.0
    assert found[0].mean.value == pytest.approx(0.0005 * 365, rel=0.3)
    assert not found[1].mean.is_told
    assert found[1].mean.low < 0.0 < found[1].mean.high


def test_same_seed_gives_the_same_answer() -> None:
    first, second = (_autoregressive(seed, 0.2, 100) for seed in (1, 2))
    found = [
        paired(first, second, np.random.default_rng(9), per_year=365.0, n_samples=100)
        for _ in range(2)
    ]
    assert found[0] == found[1]


def test_given_block_is_used() -> None:
    first, second = (_autoregressive(seed, 0.2, 100) for seed in (1, 2))
    found = paired(
        first, second, np.random.default_rng(9), per_year=365.0, n_samples=100, mean_block=12.0
    )
    assert found.mean_block == 12.0


def test_chance_alone_is_told_from_nothing_in_about_one_case_of_twenty() -> None:
    told = 0
    for seed in range(200):
        first, second = (_autoregressive(2 * seed + k, 0.2, 250) for k in range(2))
        found = paired(first, second, np.random.default_rng(seed), per_year=1.0, n_samples=120)
        told += found.mean.is_told
    # 5 % of 200, with the room that 200 cases and 120 samples need
    assert 3 <= told <= 24


def test_strategy_that_never_trades_has_no_correlation_and_json_says_null() -> None:
    returns = _autoregressive(1, 0.0, 100)
    found = paired(returns, np.zeros(100), np.random.default_rng(1), per_year=1.0, n_samples=100)
    assert math.isnan(found.correlation)
    assert found.to_dict()["correlation"] is None
    assert found.sharpe.value == pytest.approx(-returns.mean() / returns.std(ddof=1))


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (np.zeros(29), np.zeros(29), "at least 30 returns"),
        (np.zeros(40), np.zeros(41), "of one length"),
        (np.zeros(40), np.full(40, np.nan), "must be finite"),
    ],
)
def test_returns_that_can_not_be_compared_are_refused(
    first: FloatArray, second: FloatArray, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        paired(first, second, np.random.default_rng(1), per_year=1.0)
