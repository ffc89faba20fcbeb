"""Pairs: a vote against a spread that has run away."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.policy.pairs import companions, empty_memory, pair_votes
from tutti.policy.strategies import squash

if TYPE_CHECKING:
    from tutti.model.market import FloatArray

pytestmark = pytest.mark.kernels

_WINDOW = 20


def _votes(close: FloatArray, companion: list[int], floor: float = 0.0) -> FloatArray:
    memory = empty_memory(close.shape[1], _WINDOW)
    votes = np.empty(close.shape)
    pair_votes(close, np.array(companion), floor, memory, votes)
    return votes


def _expected(own: FloatArray, other: FloatArray) -> float:
    """Return the vote at the end of ``window + 1`` closes by the formulas, from scratch."""
    y, x = np.log(own), np.log(other)
    covariance = np.cov(np.diff(y), np.diff(x))
    beta = covariance[0, 1] / covariance[1, 1]
    spread = (y - beta * x)[1:]
    z = float((spread[-1] - spread.mean()) / spread.std(ddof=1))
    return -math.copysign(squash((abs(z) - 1.0) / 2.0), z) if abs(z) > 1.0 else 0.0


@pytest.fixture
def prices() -> FloatArray:
    """Return 150 closes of two instruments that move together, but not quite."""
    rng = np.random.default_rng(7)
    common = rng.normal(0.0, 0.01, 150)
    own = 1.5 * common + rng.normal(0.0, 0.004, 150)
    return 50_000.0 * np.exp(np.cumsum(np.column_stack([common, own]), axis=0))


def test_pair_votes_equal_the_formulas_at_every_bar(prices: FloatArray) -> None:
    votes = _votes(prices, [-1, 0])
    assert np.isnan(votes[:, 0]).all()
    assert np.isnan(votes[:_WINDOW, 1]).all()
    expected = [
        _expected(prices[t - _WINDOW : t + 1, 1], prices[t - _WINDOW : t + 1, 0])
        for t in range(_WINDOW, 150)
    ]
    assert_allclose(votes[_WINDOW:, 1], expected, rtol=1e-9, atol=1e-9)
    assert min(expected) < -0.2
    assert max(expected) > 0.2


def test_pair_votes_dear_instrument_is_voted_down_and_cheap_one_up(prices: FloatArray) -> None:
    prices[-1, 1] *= 1.05
    assert _votes(prices, [-1, 0])[-1, 1] < -0.5
    prices[-1, 1] *= 0.9
    assert _votes(prices, [-1, 0])[-1, 1] > 0.5


def test_pair_votes_members_of_a_pair_vote_against_each_other(prices: FloatArray) -> None:
    prices[-1, 1] *= 1.05
    last = _votes(prices, [1, 0])[-1]
    assert last[0] > 0 > last[1]


def test_pair_votes_bar_that_either_lacks_is_as_if_it_was_not(prices: FloatArray) -> None:
    whole = _votes(prices, [-1, 0])[:, 1]
    gaps = np.insert(prices, [5, 60, 100], np.nan, axis=0)
    gaps[5, 0], gaps[61, 1] = 50_000.0, 50_000.0
    votes = _votes(gaps, [-1, 0])[:, 1]
    assert np.isnan(votes[[5, 61, 102]]).all()
    assert np.array_equal(np.delete(votes, [5, 61, 102]), whole, equal_nan=True)


def test_pair_votes_in_blocks_give_the_same_bits_as_at_once(prices: FloatArray) -> None:
    at_once = _votes(prices, [1, 0])
    memory = empty_memory(2, _WINDOW)
    votes = np.empty(prices.shape)
    cuts = [0, 1, 2, 21, 22, 43, 100, 150]
    for a, b in itertools.pairwise(cuts):
        pair_votes(prices[a:b], np.array([1, 0]), 0.0, memory, votes[a:b])
    assert np.array_equal(votes, at_once, equal_nan=True)


def test_pair_votes_future_changes_nothing_in_the_past(prices: FloatArray) -> None:
    before = _votes(prices, [1, 0])[:100]
    prices[100:] = 1.0
    assert np.array_equal(_votes(prices, [1, 0])[:100], before, equal_nan=True)


def test_pair_votes_of_prices_that_do_not_move_together_are_none(prices: FloatArray) -> None:
    prices[:, 1] = prices[0, 1] * np.exp(np.random.default_rng(1).normal(0, 0.01, 150))
    assert np.isnan(_votes(prices, [-1, 0], floor=0.9)[:, 1]).all()


@pytest.mark.parametrize("frozen", [0, 1])
def test_pair_votes_frozen_price_has_no_pair(prices: FloatArray, frozen: int) -> None:
    prices[:, frozen] = 100.0
    assert np.isnan(_votes(prices, [1, 0])).all()


def test_pair_votes_perfect_copy_has_no_spread_to_vote_on(prices: FloatArray) -> None:
    prices[:, 1] = prices[:, 0]
    assert np.isnan(_votes(prices, [-1, 0])).all()


@pytest.mark.parametrize("impossible", [0.0, -1.0])
def test_pair_votes_price_that_can_not_be_is_no_bar(prices: FloatArray, impossible: float) -> None:
    prices[100, 0] = impossible
    votes = _votes(prices, [-1, 0])[:, 1]
    assert math.isnan(votes[100])
    assert not np.isnan(votes[101:]).any()


# ---- who is paired with whom ----


def _ids(*names: str) -> list[InstrumentId]:
    return [InstrumentId.parse(name) for name in names]


def test_companions_default_is_the_first_of_the_same_quote_currency() -> None:
    instruments = _ids("BTC-USDT.A", "BTC-USD.B", "ETH-USDT-PERP.A", "ETH-USD.B", "AAPL.C")
    assert companions(instruments, ()).tolist() == [-1, -1, 0, 1, -1]


def test_companions_named_pairs_are_mutual_and_the_first_counts() -> None:
    instruments = _ids("A-USD.X", "B-USD.X", "C-USD.X", "D-USD.X")
    a, b, c, _ = instruments
    assert companions(instruments, [(a, b), (c, b)]).tolist() == [1, 0, 1, -1]


def test_companions_pair_of_a_stranger_or_of_one_is_refused() -> None:
    instruments = _ids("A-USD.X", "B-USD.X")
    with pytest.raises(ConfigError, match=r"names Z-USD\.X, which is not traded; .*A-USD\.X"):
        companions(instruments, [(instruments[0], _ids("Z-USD.X")[0])])
    with pytest.raises(ConfigError, match="with itself"):
        companions(instruments, [(instruments[0], instruments[0])])
