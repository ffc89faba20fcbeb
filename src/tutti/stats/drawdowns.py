"""Falls from the peak: how deep and how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.stats.account import checked

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tutti.model.market import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """One fall from a peak.

    Parameters
    ----------
    depth : float
        Fraction of the peak lost at the trough, in [0, 1].
    peak, trough, end : int
        Steps of the last peak, the lowest value and the return to the peak; the last step of all
        where there was none.
    """

    depth: float
    peak: int
    trough: int
    end: int
    is_recovered: bool

    @property
    def length(self) -> int:
        """Steps from the peak to the return to it."""
        return self.end - self.peak


def drawdown(equity: ArrayLike) -> FloatArray:
    """Return the fall from the running peak at each step.

    Parameters
    ----------
    equity : array-like of shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
        ``1 - equity / peak so far``: fractions in [0, 1]; 0 at a new peak, 1 at ruin.
    """
    values = checked(equity)
    return np.asarray(1.0 - values / np.maximum.accumulate(values))


def max_drawdown(equity: ArrayLike) -> float:
    """Return the deepest fall from a peak, a fraction in [0, 1]."""
    return float(drawdown(equity).max())


def worst_drawdown(equity: ArrayLike) -> Drawdown:
    """Return the deepest fall with its place; the first one of equal depth.

    Equity that never falls gives a depth and a length of 0.
    """
    falls = drawdown(equity)
    trough = int(np.argmax(falls))
    peak = int(np.flatnonzero(falls[: trough + 1] == 0.0)[-1])
    back = np.flatnonzero(falls[trough:] == 0.0)
    return Drawdown(
        depth=float(falls[trough]),
        peak=peak,
        trough=trough,
        end=trough + int(back[0]) if len(back) else len(falls) - 1,
        is_recovered=len(back) > 0,
    )
