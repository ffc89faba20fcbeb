"""Decimal grids that prices lie on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tutti.model.market import FloatArray

MOST_DECIMALS = 8
# a float64 of a decimal is off by half an ulp, a sum of a few by a little more
_NOISE = 1e-11
_MOST_NOISE = 0.02


def decimals(prices: FloatArray) -> int | None:
    """Return how many decimals (0 to 8) all prices keep to, or None where there is no such grid."""
    for count in range(MOST_DECIMALS + 1):
        if not off_grid(prices, count).any():
            return count
    return None


def off_grid(prices: FloatArray, count: int) -> NDArray[np.bool_]:
    """Return which prices (positive) are not multiples of ``10**-count``; same shape."""
    scaled = prices * 10.0**count
    noise = np.minimum(scaled * _NOISE, _MOST_NOISE)
    off: NDArray[np.bool_] = np.abs(scaled - np.rint(scaled)) > noise
    return off
