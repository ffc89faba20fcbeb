"""Returns in the worst cases and the best: value at risk, its conditional mean, the tails' ratio."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tutti.model.market import FloatArray


def value_at_risk(returns: ArrayLike, *, level: float = 0.95) -> float:
    """Return the loss that is reached or exceeded in the worst ``1 - level`` of returns.

    Parameters
    ----------
    returns : array-like of shape (n,)
    level : float
        In (0, 1).

    Returns
    -------
    float
        A positive loss, as a fraction; negative where even those returns are gains. NaN without
        returns.

    Notes
    -----
    The ``ceil((1 - level) * n)``-th lowest return (the inverse of the empirical distribution), so
    that it was really observed.
    Source: historical simulation, Jorion (2007), Value at Risk, ch. 10.
    """
    tail = _tail(returns, level)
    return -float(tail[-1]) if len(tail) else math.nan


def conditional_value_at_risk(returns: ArrayLike, *, level: float = 0.95) -> float:
    """Return the mean loss in the worst ``1 - level`` of returns; arguments as `value_at_risk`.

    Notes
    -----
    Mean of the ``ceil((1 - level) * n)`` lowest returns, as the feature ``cvar_95`` has it.
    Source: Rockafellar and Uryasev (2000), Optimization of Conditional Value-at-Risk.
    """
    tail = _tail(returns, level)
    return -float(tail.mean()) if len(tail) else math.nan


def tail_ratio(returns: ArrayLike) -> float:
    """Return the 95th percentile of returns over the size of the 5th; NaN without returns.

    Above 1 the best days are larger than the worst; NaN where the 5th percentile is 0.
    """
    values = np.asarray(returns, dtype=np.float64)
    if not len(values):
        return math.nan
    low, high = np.percentile(values, [5.0, 95.0]).tolist()
    return abs(high) / abs(low) if low else math.nan


def _tail(returns: ArrayLike, level: float) -> FloatArray:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1, was {level!r}")
    values = np.sort(np.asarray(returns, dtype=np.float64))
    # 1 - 0.95 is a little more than 0.05, which must not count one return more
    return values[: math.ceil(round((1.0 - level) * len(values), 9))]
