"""Looks at the risk of the whole portfolio from time to time and flags what stands out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.model.arrays import EQUITY, PEAK_EQUITY
from tutti.risk.portfolio_risk import RiskThresholds, assess, flags

if TYPE_CHECKING:
    from tutti.model.arrays import Book, Terms
    from tutti.model.market import FloatArray, MarketBlock
    from tutti.risk.portfolio_risk import RiskFlag

_WINDOW = 250
"""Bars whose returns the figures rest on."""


class RiskWatch:
    """Assesses value at risk, concentration, correlation and the like, at most every so many ticks.

    Parameters
    ----------
    every : int
        Ticks for which an assessment stands.
    thresholds : RiskThresholds
    """

    def __init__(self, every: int, thresholds: RiskThresholds | None = None) -> None:
        self._every = every
        self._thresholds = thresholds or RiskThresholds()
        self._before: FloatArray | None = None
        self._block: MarketBlock | None = None
        self._first = 0
        self._assessed = -every
        self._flags: tuple[RiskFlag, ...] = ()

    def enter(self, block: MarketBlock) -> None:
        """Go over to the next block of bars."""
        if self._block is not None:
            self._before = self._closes(len(self._block))
            self._first += len(self._block)
        self._block = block

    def flags_at(self, t: int, book: Book, terms: Terms) -> tuple[RiskFlag, ...]:
        """Return what stands out at row ``t`` of the block, with the book as it is.

        Everything is valued at the marks; a flat account, or one without equity, has nothing to flag.
        """
        if self._first + t - self._assessed >= self._every:
            self._assessed = self._first + t
            self._flags = self._assess(t, book, terms)
        return self._flags

    def _assess(self, t: int, book: Book, terms: Terms) -> tuple[RiskFlag, ...]:
        equity, peak = book.account[EQUITY], book.account[PEAK_EQUITY]
        # what has no mark yet is worth nothing yet
        held = np.flatnonzero((book.lots != 0) & ~np.isnan(book.mark))
        if not equity > 0.0 or not len(held):
            return ()
        values = book.lots[held] * terms.lot[held] * book.mark[held]
        closes = self._closes(t + 1)[:, held]
        with np.errstate(invalid="ignore", divide="ignore"):
            returns = closes[1:] / closes[:-1] - 1.0
        risk = assess(returns, values / equity, drawdown=float(1.0 - equity / peak))
        return flags(risk, self._thresholds)

    def _closes(self, stop: int) -> FloatArray:
        # the last closes before row ``stop``, over the end of the block before where need be
        if self._block is None:
            return np.empty((0, 0))
        inside = self._block.close[max(0, stop - _WINDOW - 1) : stop]
        missing = _WINDOW + 1 - len(inside)
        if self._before is None or missing <= 0:
            return inside
        return np.concatenate([self._before[-missing:], inside])
