"""What simpler things would have given, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tutti.kernel.clock import HOUR
from tutti.model.arrays import Terms
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.sandbox.baselines import Habits, RandomTrader, buy_and_hold, habits_of

pytestmark = pytest.mark.kernels

NAN = math.nan


def _terms(*perpetual: int, fee: float = 0.0) -> Terms:
    n = len(perpetual)
    return Terms(
        lot=np.full(n, 0.001), tick=np.full(n, 0.01), min_lots=np.zeros(n, np.int64),
        min_notional=np.zeros(n), maker_fee=np.full(n, fee), taker_fee=np.full(n, fee),
        is_perpetual=np.array(perpetual, np.int64), max_leverage=np.ones(n),
        maintenance_margin=np.zeros(n), venue=np.zeros(n, np.int64),
    )  # fmt: skip


def _block(opens: Any, closes: Any, funding: Any = None) -> MarketBlock:
    close = np.array(closes, np.float64)
    opened = np.array(opens, np.float64)
    return MarketBlock(
        instruments=tuple(InstrumentId("ABC"[i], "X") for i in range(close.shape[1])),
        ts=HOUR * np.arange(len(close), dtype=np.int64), step=HOUR, open=opened,
        high=np.fmax(opened, close), low=np.fmin(opened, close), close=close,
        volume=np.where(np.isnan(close), NAN, 1.0),
        funding=np.zeros(close.shape) if funding is None else np.array(funding, np.float64),
    )  # fmt: skip


# ---- buy and hold ----


def test_everything_is_bought_in_equal_parts_at_the_second_open() -> None:
    block = _block([[9, 40], [10, 50], [11, 60]], [[10, 50], [12, 55], [15, 45]])
    equity = buy_and_hold(block, 1000.0, _terms(1, 1), np.zeros(2))
    # 50 of the first and 10 of the second
    assert equity.tolist() == pytest.approx([1000, 50 * 12 + 10 * 55, 50 * 15 + 10 * 45])


def test_buying_pays_half_the_spread_and_the_fee() -> None:
    block = _block([[9], [10], [11]], [[10], [10], [10]])
    equity = buy_and_hold(block, 1000.0, _terms(0, fee=0.001), np.array([20.0]))
    quantity = 1000.0 / (10 * 1.002 * 1.001)
    assert equity.tolist() == pytest.approx([1000, quantity * 10, quantity * 10])


def test_holder_of_a_perpetual_pays_funding_and_of_spot_does_not() -> None:
    funding = [[0.5, 0.5], [0.01, 0.01], [0.0, 0.0], [-0.02, -0.02]]
    block = _block([[10, 10]] * 4, [[10, 10], [10, 10], [12, 12], [10, 10]], funding)
    equity = buy_and_hold(block, 200.0, _terms(1, 0), np.zeros(2))
    # nothing is held at the first payment; then 10 x 10 pays a percent, and gets two
    assert equity.tolist() == pytest.approx([200, 199, 239, 201])


def test_instrument_without_a_bar_keeps_its_last_price_and_a_late_one_waits_as_cash() -> None:
    opens = [[10, NAN], [10, NAN], [NAN, 4], [20, 5]]
    closes = [[10, NAN], [15, NAN], [NAN, 5], [20, 6]]
    equity = buy_and_hold(_block(opens, closes), 200.0, _terms(1, 1), np.zeros(2))
    assert equity.tolist() == pytest.approx([200, 150 + 100, 150 + 100, 200 + 120])


def test_instrument_of_a_single_bar_is_never_bought() -> None:
    block = _block([[10, 1], [10, NAN]], [[10, 1], [11, NAN]])
    equity = buy_and_hold(block, 200.0, _terms(1, 1), np.zeros(2))
    assert equity.tolist() == pytest.approx([200, 110 + 100])


# ---- trading at random ----


def test_habits_are_those_of_the_strategy() -> None:
    assert habits_of(10, 100.0, 1100) == Habits(entry=0.01, exit=0.1)
    assert habits_of(0, 0.0, 1000) == Habits(entry=0.0, exit=1.0)
    # held for less than a bar each, and nearly all the time: never more than certain
    assert habits_of(50, 10.0, 40) == Habits(entry=1.0, exit=1.0)


def _trader(habits: Habits, terms: Terms, seed: int = 1) -> RandomTrader:
    return RandomTrader(habits, terms, 150.0, np.random.default_rng(seed))


def test_random_trader_opens_and_closes_as_often_as_it_should() -> None:
    price = np.full((3000, 1), 10.0)
    signals = _trader(Habits(entry=0.05, exit=0.2), _terms(1)).signals(_block(price, price))
    score = signals.score[:, 0]
    held = score != 0
    entries = int((held[1:] & ~held[:-1]).sum())
    assert entries / (~held).sum() == pytest.approx(0.05, rel=0.3)
    assert held.sum() / entries == pytest.approx(5.0, rel=0.3)
    # long as often as short, and never straight from one to the other
    assert np.mean(score[held] > 0) == pytest.approx(0.5, abs=0.15)
    assert not ((score[1:] * score[:-1]) < 0).any()
    assert (signals.confidence == 1.0).all()
    assert (signals.size == 150.0).all()
    assert (signals.lead == -1).all()


def test_random_trader_never_sells_spot_short() -> None:
    price = np.full((500, 2), 10.0)
    score = _trader(Habits(entry=0.5, exit=0.5), _terms(0, 1)).signals(_block(price, price)).score
    assert score[:, 0].min() == 0.0
    assert score[:, 1].min() == -1.0


def test_random_trader_holds_on_through_missing_bars_and_from_block_to_block() -> None:
    price = np.full((60, 1), 10.0)
    price[20:30] = NAN
    block = _block(price, price)
    never = _trader(Habits(entry=1.0, exit=0.0), _terms(0))
    parts = [never.signals(block.rows(start, start + 15)).score for start in (0, 15, 30, 45)]
    score = np.concatenate(parts)[:, 0]
    assert np.isnan(score[20:30]).all()
    assert (score[:20] == 1.0).all()
    assert (score[30:] == 1.0).all()


def test_same_seed_gives_the_same_trader() -> None:
    price = np.full((100, 2), 10.0)
    block = _block(price, price)
    habits = Habits(entry=0.3, exit=0.3)
    once, again, other = (
        _trader(habits, _terms(1, 1), seed).signals(block).score for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)
