"""Crossing of two exponential averages: the plain strategy that engines are compared by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.jit import njit
from tutti.model.arrays import Signals
from tutti.model.errors import ConfigError
from tutti.policy.sizing import Sizing, size

if TYPE_CHECKING:
    from tutti.features.block import FeatureBlock
    from tutti.model.market import FloatArray, IntArray, MarketBlock
    from tutti.model.opinion import ContextBlock, RegimeBlock


@njit
def ema_cross(  # noqa: PLR0913, a kernel takes its arrays one by one
    close: FloatArray,
    fast: int,
    slow: int,
    below: float,
    averages: FloatArray,
    seen: IntArray,
    score: FloatArray,
) -> None:
    """Write +1 where the fast average is above the slow one, else ``below``.

    Parameters
    ----------
    close : ndarray of float64, shape (t, n)
        NaN where there is no bar: the averages stay, and the score is NaN.
    below : float
        Score where the fast average is not above; -1 or 0.
    averages : ndarray of float64, shape (2, n)
        Fast and slow, carried from block to block, updated in place.
    seen : ndarray of int64, shape (n,)
        Bars so far, likewise.
    score : ndarray of float64, shape (t, n)
        Written; 0 until ``slow`` bars lie behind.
    """
    fast_step = 2.0 / (fast + 1.0)
    slow_step = 2.0 / (slow + 1.0)
    for i in range(close.shape[1]):
        quick = averages[0, i]
        calm = averages[1, i]
        count = seen[i]
        for t in range(close.shape[0]):
            price = close[t, i]
            if math.isnan(price):
                score[t, i] = math.nan
                continue
            if count == 0:
                quick = price
                calm = price
            else:
                quick += fast_step * (price - quick)
                calm += slow_step * (price - calm)
            count += 1
            if count <= slow:
                score[t, i] = 0.0
            else:
                score[t, i] = 1.0 if quick > calm else below
        averages[0, i] = quick
        averages[1, i] = calm
        seen[i] = count


class EmaCross:
    """Long while the fast average of closes is above the slow one.

    Averages are seeded with the first close and move by ``2 / (span + 1)`` of the distance. There
    is no view (score 0) until ``slow`` bars lie behind. Confidence is always 1.

    Parameters
    ----------
    fast, slow : int
        Spans in bars, ``1 <= fast < slow``.
    sizing : Sizing
        How much; a fixed fraction or a fixed quantity is usual here.
    n_instruments : int
        Columns of the blocks to come.
    long_only : bool
        Flat, not short, while the fast average is not above.

    Raises
    ------
    ConfigError
        If the spans are not so.
    """

    name = "ema_cross"

    def __init__(
        self,
        fast: int,
        slow: int,
        sizing: Sizing,
        n_instruments: int,
        *,
        long_only: bool = True,
    ) -> None:
        if not 1 <= fast < slow:
            raise ConfigError(
                f"policy.ema_cross needs 1 <= fast < slow, was fast {fast!r}, slow {slow!r}"
            )
        self.fast = fast
        self.slow = slow
        self.sizing = sizing
        self.long_only = long_only
        self.needs = sizing.needs
        self.sizes_are_fractions = sizing.are_fractions
        self._averages = np.zeros((2, n_instruments))
        self._seen = np.zeros(n_instruments, np.int64)

    def signals(
        self,
        market: MarketBlock,
        features: FeatureBlock,
        context: ContextBlock,  # noqa: ARG002, it has no use for opinions
        regime: RegimeBlock,  # noqa: ARG002
    ) -> Signals:
        """Return the signals of the next ticks."""
        shape = market.close.shape
        score = np.empty(shape)
        below = 0.0 if self.long_only else -1.0
        ema_cross(market.close, self.fast, self.slow, below, self._averages, self._seen, score)
        confidence = np.ones(shape)
        return Signals(
            score=score,
            confidence=confidence,
            size=size(self.sizing, score, confidence, market, features),
            lead=np.full(shape, -1, np.int64),
        )

    def explain(self, t: int, i: int) -> str:  # noqa: ARG002, the same at every tick
        """Return what is compared."""
        return f"{self.fast}-bar against {self.slow}-bar average"
