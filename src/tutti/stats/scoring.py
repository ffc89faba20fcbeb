"""How good stated probabilities are: proper scores, reliability, and what they are off by.

A probability p was stated for something that then came (y = 1) or not (y = 0)::

    Brier score = mean((p - y)^2)                     0.25 for even odds on everything
    log loss    = -mean(y log p + (1 - y) log(1 - p)) 0.693 for even odds on everything

Both are proper: who knows the true odds does best by stating them. Sources: Brier (1950),
Verification of forecasts expressed in terms of probability; Good (1952), Rational decisions (log
loss); Wilson (1927), Probable inference (interval of a share); Naeini, Cooper and Hauskrecht
(2015), Obtaining well calibrated probabilities using Bayesian binning (expected calibration
error); Cox (1958), Two further applications of a model for binary regression (slope).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tutti.model.market import FloatArray

_SMALLEST = float(np.finfo(np.float64).eps)
_ROUNDS = 50
_STILL = 1e-10
_STEEPEST = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Statements of about the same probability, and what came of them.

    Parameters
    ----------
    low, high : float
        Edges; ``high`` belongs to it only in the last bin.
    n : int
        Statements.
    stated, came : float
        Their mean probability, and the share that came true.
    came_low, came_high : float
        Interval that holds the true share in 95 of 100 cases (Wilson).
    """

    low: float
    high: float
    n: int
    stated: float
    came: float
    came_low: float
    came_high: float


def brier_losses(stated: ArrayLike, came: ArrayLike) -> FloatArray:
    """Return the squared error of each statement; their mean is the Brier score.

    Parameters
    ----------
    stated : array-like of shape (n,)
        Probabilities, in [0, 1].
    came : array-like of shape (n,)
        1 where it came true, 0 where it didn't.

    Raises
    ------
    ValueError
        If a value can't be, or the shapes differ.
    """
    p, y = _checked(stated, came)
    return np.asarray((p - y) ** 2)


def log_losses(stated: ArrayLike, came: ArrayLike, *, surest: float = _SMALLEST) -> FloatArray:
    """Return the log loss of each statement, in nats; their mean is the log loss.

    Parameters
    ----------
    surest : float
        Probabilities closer to 0 or 1 than this count as this: one certainty that fails would
        otherwise cost more than everything else together.
    """
    p, y = _checked(stated, came)
    p = np.clip(p, surest, 1.0 - surest)
    return np.asarray(-(y * np.log(p) + (1.0 - y) * np.log1p(-p)))


def reliability(
    stated: ArrayLike, came: ArrayLike, edges: ArrayLike, *, share_told: float = 1.0
) -> tuple[Bin, ...]:
    """Return what came of statements of about the same probability, bin by bin; empty ones left out.

    Parameters
    ----------
    edges : array-like of shape (k + 1,)
        Of the bins, rising; statements beyond them are left out.
    share_told : float
        Independent statements for each one made, in (0, 1]: intervals are as wide as that many
        deserve. See `effective_share`.
    """
    p, y = _checked(stated, came)
    bounds = np.asarray(edges, np.float64)
    if len(bounds) < 2 or not (np.diff(bounds) > 0).all():  # noqa: PLR2004
        raise ValueError(f"edges must rise and be at least two, were {bounds.tolist()}")
    place = np.searchsorted(bounds, p, side="right") - 1
    place[p == bounds[-1]] = len(bounds) - 2
    found = []
    for k in range(len(bounds) - 1):
        here = place == k
        if not (n := int(here.sum())):
            continue
        share = float(y[here].mean())
        low, high = wilson(share, n * share_told)
        found.append(
            Bin(
                low=float(bounds[k]),
                high=float(bounds[k + 1]),
                n=n,
                stated=float(p[here].mean()),
                came=share,
                came_low=low,
                came_high=high,
            )
        )
    return tuple(found)


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Return the expected calibration error: mean of |stated - came|, by the size of the bins."""
    total = sum(each.n for each in bins)
    if not total:
        return math.nan
    return sum(each.n * abs(each.stated - each.came) for each in bins) / total


def wilson(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a share seen in ``n`` independent cases; the whole of [0, 1] for none."""
    if not n > 0.0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    centre = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)
    reach = z / (1.0 + z * z / n) * math.sqrt(share * (1.0 - share) / n + (z / (2.0 * n)) ** 2)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def effective_share(losses: ArrayLike, standard_error: float) -> float:
    """Return how many independent cases each one is worth, in (0, 1].

    Parameters
    ----------
    losses : array-like of shape (n,)
        Cases that hang together.
    standard_error : float
        Of their mean, dependence counted in; NaN where it isn't known.

    Returns
    -------
    float
        Squared error of the mean if they were independent, over the squared error that it has.
    """
    values = np.asarray(losses, np.float64)
    if len(values) < 2 or not standard_error > 0.0:  # noqa: PLR2004
        return 1.0
    return float(min(1.0, max(1.0 / len(values), values.var() / len(values) / standard_error**2)))


def calibration_slope(stated: ArrayLike, came: ArrayLike) -> float:
    """Return by how much log odds should have been multiplied: 1 is right, below 1 too sure.

    Notes
    -----
    Maximum likelihood of ``P(y) = 1 / (1 + exp(-slope * log(p / (1 - p))))``, without intercept:
    even odds stay even. NaN where nothing but even odds was stated; cut off at ±1000 where the
    cases are told apart without an error.
    """
    p, y = _checked(stated, came)
    p = np.clip(p, _SMALLEST, 1.0 - _SMALLEST)
    odds = np.log(p) - np.log1p(-p)
    if not (odds != 0.0).any():
        return math.nan
    slope = 0.0
    for _ in range(_ROUNDS):
        chance = 0.5 * (1.0 + np.tanh(0.5 * slope * odds))
        gradient = float(odds @ (y - chance))
        curvature = float((odds * odds) @ (chance * (1.0 - chance)))
        if not curvature > _SMALLEST:
            break
        step = gradient / curvature
        slope = min(_STEEPEST, max(-_STEEPEST, slope + step))
        if abs(step) < _STILL or abs(slope) == _STEEPEST:
            break
    return slope


def _checked(stated: ArrayLike, came: ArrayLike) -> tuple[FloatArray, FloatArray]:
    p, y = np.asarray(stated, np.float64), np.asarray(came, np.float64)
    if p.ndim != 1 or p.shape != y.shape:
        raise ValueError(f"stated and came must have one shape (n,), were {p.shape} and {y.shape}")
    if not ((p >= 0.0) & (p <= 1.0)).all():
        raise ValueError("stated probabilities must be in [0, 1]")
    if not ((y == 0.0) | (y == 1.0)).all():
        raise ValueError("came must be 0 or 1")
    return p, y
