"""A spoken opinion of the regime, and how it is heard beside the rules.

A language model says a regime S with a confidence s (``agents.llm.regime``), which fades like every
opinion. The rules say R with a confidence r. With a trust k in [0, 1]::

    nothing said, or faded      R, r
    the rules do not know yet   S, k * s
    S is R                      R, 1 - (1 - r) * (1 - k * s)
    S is not R, k * s > r       S, k * s * (1 - r)
    S is not R, k * s <= r      R, r * (1 - k * s)

So agreement makes surer and dissent less sure, and what is said prevails only where the rules waver:
with k = 1/2 never against rules that are at least as sure as a coin, which they are while the regime
in force is also their candidate. Whatever a model is brought to say, it can't turn a clear trend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.model.opinion import Regime, RegimeBlock, Views

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, IntArray

TRUST = 0.5
"""How much of a spoken confidence counts."""

_UNKNOWN = -1
_BY_BIAS = {
    4: Regime.BULL_TRENDING,
    3: Regime.BULL_VOLATILE,
    2: Regime.RANGE_BOUND,
    1: Regime.BEAR_VOLATILE,
    0: Regime.BEAR_TRENDING,
}
_CODES = np.array([int(_BY_BIAS[step]) for step in range(len(_BY_BIAS))], np.int64)


def regimes_of(bias: FloatArray) -> IntArray:
    """Return the code of the regime that each bias says, -1 for NaN; any shape.

    Parameters
    ----------
    bias : ndarray of float64
        1, 0.5, 0, -0.5 or -1; what lies between is the nearest.
    """
    known = np.isfinite(bias)
    steps = np.rint(2.0 * np.where(known, bias, 0.0) + 2.0).astype(np.int64)
    return np.where(known, _CODES[np.clip(steps, 0, len(_CODES) - 1)], _UNKNOWN)


def blend(rules: RegimeBlock, spoken: Views, trust: float = TRUST) -> RegimeBlock:
    """Return the regimes of the rules as they stand once what was said is heard.

    Parameters
    ----------
    rules : RegimeBlock
        Of shape (t, n).
    spoken : Views
        Bias and faded confidence of the one that speaks, shape (t, n) or what broadcasts to it;
        NaN where nothing was said.
    trust : float
        In [0, 1]; 0 leaves the rules alone.

    Returns
    -------
    RegimeBlock
        A new one, of shape (t, n).

    Raises
    ------
    ValueError
        If the trust is out of range.
    """
    if not 0.0 <= trust <= 1.0:
        raise ValueError(f"trust must be in [0, 1], was {trust!r}")
    said = np.broadcast_to(regimes_of(spoken.bias), rules.code.shape)
    heard = np.where(said == _UNKNOWN, 0.0, trust * np.nan_to_num(spoken.confidence))
    heard = np.broadcast_to(heard, rules.code.shape)
    sure = np.nan_to_num(rules.confidence)
    is_new = rules.code == _UNKNOWN
    agrees = (said == rules.code) & ~is_new
    prevails = ~agrees & (heard > sure)
    code = np.where((prevails | is_new) & (heard > 0.0), said, rules.code)
    confidence = np.where(
        agrees,
        1.0 - (1.0 - sure) * (1.0 - heard),
        np.where(prevails, heard * (1.0 - sure), sure * (1.0 - heard)),
    )
    confidence = np.where(code == _UNKNOWN, np.nan, confidence)
    return RegimeBlock(code.astype(np.int64), confidence)
