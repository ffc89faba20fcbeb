"""Order flow inferred from bars: VPIN."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tutti.features.form import Bars, put
from tutti.features.windows import deviation_of, mean_of, roll, step_from_last
from tutti.kernel.jit import njit

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, IntArray

_CHANGES, _IMBALANCES, _VOLUMES = 0, 1, 2


@njit
def vpin(bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray) -> None:
    """Write the volume-synchronised probability of informed trading, 0 to 1, from bars.

    Notes
    -----
    Bulk volume classification: of a bar's volume ``V`` the part ``V * Phi(dP / s)`` is bought and
    the rest sold, with ``dP`` the change of the close and ``s`` the sample deviation of the last
    ``window`` changes. VPIN is the sum of ``|bought - sold| = V * |erf(dP / (s * sqrt(2)))|`` over
    the last ``window`` bars divided by their volume. A bar that did not move is balanced; NaN
    where nothing was traded in the window.
    Departure from the source: time bars in place of volume buckets.
    Source: Easley, Lopez de Prado, O'Hara (2012), Flow Toxicity and Liquidity in a High-Frequency
    World, Review of Financial Studies 25(5).
    """
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            close = bars.close[t, i]
            last = step_from_last(memory, i, close)
            toxicity = np.nan
            if last > 0.0 and roll(memory, _CHANGES, i, window, close - last):
                deviation = deviation_of(memory, _CHANGES, i, window - 1)
                imbalance = 0.0
                if close != last:
                    scaled = np.inf if deviation == 0.0 else (close - last) / deviation
                    imbalance = bars.volume[t, i] * abs(math.erf(scaled / math.sqrt(2.0)))
                is_full = roll(memory, _IMBALANCES, i, window, imbalance)
                roll(memory, _VOLUMES, i, window, bars.volume[t, i])
                volume = mean_of(memory, _VOLUMES, i)
                if is_full and volume > 0.0:
                    toxicity = mean_of(memory, _IMBALANCES, i) / volume
            put(values, slots[0], t, i, toxicity)
