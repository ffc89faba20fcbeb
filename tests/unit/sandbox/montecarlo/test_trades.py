"""Trades drawn anew: what is drawn, and what it compounds to."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from tutti.model.errors import DataError
from tutti.sandbox.montecarlo.trades import drawn_equity, trade_returns
from tutti.sandbox.result import ClosedTrade

_TRADE = ClosedTrade(
    instrument=0, opened_at=20, closed_at=30, side=1, quantity=Decimal(1),
    entry_price=Decimal(10), exit_price=Decimal(11), pnl=Decimal(5), fees=Decimal(0), reason="signal_exit",
)  # fmt: skip


def test_trade_returns_are_of_the_equity_before_and_in_the_order_of_closing() -> None:
    trades = [
        replace(_TRADE, closed_at=90 - k, opened_at=20 + k, pnl=Decimal(k)) for k in range(10)
    ]
    equity = np.array([100.0, 200.0, 400.0])
    gains = trade_returns(trades, np.array([10, 25, 95]), equity, 50.0)
    assert gains[0] == pytest.approx(9 / 200)
    assert gains[-1] == 0.0
    assert gains[-4] == pytest.approx(3 / 100)


def test_trade_opened_before_the_first_bar_closed_is_of_the_starting_balance() -> None:
    gains = trade_returns([_TRADE] * 10, np.array([25, 95]), np.array([100.0, 200.0]), 50.0)
    assert gains[0] == pytest.approx(5 / 50)


def test_trade_returns_of_too_few_trades_are_refused() -> None:
    with pytest.raises(DataError, match="closed 9 trades"):
        trade_returns([_TRADE] * 9, np.array([10]), np.array([1.0]), 1.0)


def test_drawn_equity_compounds_what_was_drawn_and_ends_at_ruin() -> None:
    gains = np.array([0.1, -0.05, 0.02])
    equity = drawn_equity(gains, 1000.0, 1.0, np.random.default_rng(1))
    steps = equity / np.append(1000.0, equity[:-1]) - 1.0
    assert all(np.isclose(gains, step).any() for step in steps)
    assert (drawn_equity(np.full(20, -1.5), 1000.0, 1.0, np.random.default_rng(2)) == 0.0).all()
