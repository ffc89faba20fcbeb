"""Closed trades drawn again, in blocks: what their order and their luck had to do with the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.model.errors import DataError
from tutti.sandbox.montecarlo.resample import stationary_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.market import FloatArray, IntArray
    from tutti.sandbox.result import ClosedTrade

FEWEST_TRADES = 10


def trade_returns(
    trades: Sequence[ClosedTrade], known_at: IntArray, equity: FloatArray, balance: float
) -> FloatArray:
    """Return each closed trade's profit after costs, as a fraction of equity when it was opened.

    Parameters
    ----------
    known_at, equity : ndarray of shape (t,)
        Of the run that made them.

    Returns
    -------
    ndarray of float64, shape (trades,)
        In the order of closing.

    Raises
    ------
    DataError
        If there are too few to draw from.
    """
    if len(trades) < FEWEST_TRADES:
        raise DataError(
            f"the strategy closed {len(trades)} trades, and drawing them anew takes at least "
            f"{FEWEST_TRADES}; use more bars, or --method bootstrap"
        )
    ordered = sorted(trades, key=lambda trade: trade.closed_at)
    opened = np.array([trade.opened_at for trade in ordered])
    at = np.searchsorted(known_at, opened, side="right") - 1
    before = np.where(at >= 0, equity[np.maximum(at, 0)], balance)
    return np.array([float(trade.pnl) for trade in ordered]) / before


def drawn_equity(
    gains: FloatArray, balance: float, mean_block: float, random: np.random.Generator
) -> FloatArray:
    """Return the equity after each of as many trades, drawn in blocks, compounding; (trades,).

    An account that a trade takes to zero stays there.
    """
    rows = stationary_rows(len(gains), len(gains), mean_block, random)
    return np.asarray(balance * np.cumprod(np.maximum(1.0 + gains[rows], 0.0)), np.float64)
