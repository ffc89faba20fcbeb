"""Momentum and mean reversion as votes."""

from __future__ import annotations

import math

import pytest

from tutti.policy.strategies import momentum_vote, reversion_vote, squash

pytestmark = pytest.mark.kernels


def test_squash_is_odd_bounded_and_rising() -> None:
    values = [squash(x) for x in (-1e9, -2.0, -0.01, 0.0, 0.01, 2.0, 1e9)]
    assert values == sorted(values)
    assert values[0] == -values[-1] == -1.0
    assert values[4] == pytest.approx(0.01, rel=1e-3)


def test_momentum_vote_is_the_mean_of_what_each_horizon_says() -> None:
    # one standard deviation of what chance moves in 15, 60 and 240 bars
    v = 0.01
    vote = momentum_vote(v * math.sqrt(15), -v * math.sqrt(60), v * math.sqrt(240), v)
    assert vote == pytest.approx(1 / math.sqrt(2) / 3)


@pytest.mark.parametrize("volatility", [0.0, -0.1, math.nan])
def test_momentum_vote_without_volatility_is_none(volatility: float) -> None:
    assert math.isnan(momentum_vote(0.1, 0.1, 0.1, volatility))


@pytest.mark.parametrize("horizon", range(3))
def test_momentum_vote_without_a_horizon_is_none(horizon: int) -> None:
    short, middle, long = (math.nan if k == horizon else 0.1 for k in range(3))
    assert math.isnan(momentum_vote(short, middle, long, 0.01))


@pytest.mark.parametrize(
    ("z", "rsi", "band", "vote"),
    [
        pytest.param(0.0, 50.0, 0.5, 0.0, id="in the middle"),
        pytest.param(1.0, 60.0, 0.8, 0.0, id="somewhat high"),
        pytest.param(1e9, 75.0, 1.2, -1.0, id="as high as can be"),
        pytest.param(-1e9, 20.0, -0.5, 1.0, id="as low as can be"),
    ],
)
def test_reversion_vote_speaks_against_extremes_only(
    z: float, rsi: float, band: float, vote: float
) -> None:
    assert reversion_vote(z, rsi, band) == pytest.approx(vote)


def test_reversion_vote_rises_from_nothing_to_all() -> None:
    votes = [reversion_vote(-1.5, 50.0 - k, 0.5 - k / 40) for k in range(21)]
    assert votes == sorted(votes)
    assert votes[0] == 0.0
    assert 0.5 < votes[-1] < 1.0


@pytest.mark.parametrize("unknown", range(3))
def test_reversion_vote_without_a_measure_is_none(unknown: int) -> None:
    measures = [2.0, 80.0, 1.1]
    measures[unknown] = math.nan
    assert math.isnan(reversion_vote(*measures))
