"""Bars as a scenario would have made them, block by block, from nothing but the bars until then.

Prices are moved in logarithms. Every recorded return, from close to open and within the bar, is
multiplied by the factor of volatility that is in force, and the scenario's own move is added: so
the market keeps its own ups and downs, gaps and correlations, and stands at another level. What
was recorded before the scenario begins stays as it is, to the bit.

Within a bar the scenario's move has a lowest and a highest point. The bar's high is the recorded
one at the highest, its low the recorded one at the lowest: the widest bar that both could have
made, with open and close inside it by construction. Prices are rounded to the price step.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tutti.model.market import FloatArray
from tutti.sandbox.market import on_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tutti.model.instrument import Instrument
    from tutti.model.market import IntArray, MarketBlock
    from tutti.sandbox.scenarios.conditions import Conditions, Factor

_PRICES = ("open", "high", "low", "close")


class _Moves(NamedTuple):
    """The scenario's own moves, logarithms of shape (t, n): at a bar's open and close, in between."""

    at_open: FloatArray
    at_close: FloatArray
    lowest: FloatArray
    highest: FloatArray


class StressedTape:
    """Lays a scenario over bars, block after block: any cutting gives the same bars.

    Parameters
    ----------
    conditions : Conditions
    instruments : sequence of Instrument
        The columns; their price steps are kept to.
    """

    def __init__(self, conditions: Conditions, instruments: Sequence[Instrument]) -> None:
        n = len(instruments)
        self._conditions = conditions
        self._ticks = np.array([float(each.price_step) for each in instruments])
        self._venues = np.array([each.id.venue for each in instruments])
        # of each instrument's newest bar: recorded close, its move so far, the scenario's share
        self._close = np.full(n, np.nan)
        self._moved = np.zeros(n)
        self._share = np.zeros(n)
        self._owed = np.zeros(n)

    def advance(self, block: MarketBlock) -> MarketBlock:
        """Return the bars of the next block; fewer, where an outage leaves nothing to show."""
        prices = self._prices(block)
        volume = block.volume * _product(self._conditions.volumes, block)
        bars = replace(block, volume=volume, funding=self._funding(block), **prices)
        return self._without_dark(bars)

    def _prices(self, block: MarketBlock) -> dict[str, Any]:
        scale = _product(self._conditions.volatility, block) - 1.0
        if not self._conditions.courses and not self._conditions.volatility:
            return {}
        own = self._moves(block)
        there = np.isfinite(block.close)
        with np.errstate(invalid="ignore"):
            opened, high, low, close = (np.log(getattr(block, name)) for name in _PRICES)
        last, share = self._newest_before(close, own.at_close, there)
        # an instrument's first bar has none before it, and so no gap
        began = np.isfinite(last)
        gap = np.where(began, opened - last, 0.0)
        share = np.where(began, share, own.at_open)
        step = scale * (gap + close - opened) + (own.at_close - share)
        moved = np.cumsum(np.vstack([self._moved, np.where(there, step, 0.0)]), axis=0)
        at_open = moved[:-1] + scale * gap + (own.at_open - share)
        by = {
            "open": at_open,
            "high": at_open + scale * (high - opened) + (own.highest - own.at_open),
            "low": at_open + scale * (low - opened) + (own.lowest - own.at_open),
            "close": moved[1:],
        }
        self._moved = moved[-1]
        return self._apply(block, by, there)

    def _moves(self, block: MarketBlock) -> _Moves:
        shape = block.close.shape
        moves = _Moves(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape))
        # a jump at the very start of a bar lies between it and the one before
        begin, end = block.ts + 1, block.known_at
        for course, columns in self._conditions.courses:
            low, high = course.extremes(begin, end)
            for array, values in zip(
                moves, (course.at(begin), course.at(end), low, high), strict=True
            ):
                array[:, columns] = values[:, None]
        return moves

    def _newest_before(
        self, close: FloatArray, at_close: FloatArray, there: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        closes = np.vstack([self._close, close])
        shares = np.vstack([self._share, at_close])
        known = np.vstack([np.ones(len(self._close), bool), there])
        rows: IntArray = np.where(known, np.arange(len(known))[:, None], 0)
        newest = np.maximum.accumulate(rows, axis=0)
        closes = np.take_along_axis(closes, newest, axis=0)
        shares = np.take_along_axis(shares, newest, axis=0)
        self._close, self._share = closes[-1], shares[-1]
        return closes[:-1], shares[:-1]

    def _apply(
        self, block: MarketBlock, by: dict[str, FloatArray], there: FloatArray
    ) -> dict[str, Any]:
        touched = np.zeros(block.close.shape, bool)
        for moves in by.values():
            touched |= there & (moves != 0.0)
        moved = {
            name: np.where(
                touched,
                on_grid(getattr(block, name) * np.exp(by[name]), self._ticks),
                getattr(block, name),
            )
            for name in _PRICES
        }
        # rounding of floats must not put a close above its high
        moved["high"] = np.maximum(moved["high"], np.maximum(moved["open"], moved["close"]))
        moved["low"] = np.minimum(moved["low"], np.minimum(moved["open"], moved["close"]))
        return moved

    def _funding(self, block: MarketBlock) -> FloatArray:
        rates = block.funding.copy()
        for paid in self._conditions.funding:
            window = paid.window
            first = np.maximum(block.ts, window.begin)
            last = np.minimum(block.known_at, window.end)
            times = np.maximum(last // paid.every - first // paid.every, 0)
            rates += times[:, None] * paid.rates
        return rates

    def _without_dark(self, bars: MarketBlock) -> MarketBlock:
        dark = np.zeros(bars.close.shape, bool)
        for each in self._conditions.blackouts:
            if each.is_dark:
                rows = each.window.meets(bars.ts, bars.step)
                dark[np.ix_(rows, np.flatnonzero(self._venues == each.venue))] = True
        if not dark.any() and not self._owed.any():
            return bars
        sides: dict[str, Any] = {
            name: np.where(dark, np.nan, getattr(bars, name)) for name in (*_PRICES, "volume")
        }
        kept: NDArray[np.bool_] = np.isfinite(sides["close"]).any(axis=1) | ~dark.any(axis=1)
        funding = bars.funding.copy()
        for t in range(len(bars)):
            # what falls due while nothing is shown is paid with the next bar
            if kept[t]:
                funding[t] += self._owed
                self._owed = np.zeros_like(self._owed)
            else:
                self._owed = self._owed + funding[t]
        return replace(
            bars,
            ts=bars.ts[kept],
            funding=funding[kept],
            **{name: array[kept] for name, array in sides.items()},
        )


def _product(factors: Sequence[Factor], block: MarketBlock) -> FloatArray:
    product = np.ones(block.close.shape)
    for each in factors:
        inside = each.window.holds(block.ts)[:, None]
        product *= np.where(inside, each.factors, 1.0)
    return product
