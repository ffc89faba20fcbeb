"""Estimates with their standard errors, for samples whose errors hang together in time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tutti.model.market import FloatArray, IntArray

_FEWEST = 3
_EXPONENTS = (0.05, 2.0)
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0
_ROUNDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure, and how sure one may be of it.

    Parameters
    ----------
    standard_error : float
        In the unit of ``value``; NaN where there are too few samples to tell.
    n : int
        Samples that it rests on.
    """

    value: float
    standard_error: float
    n: int

    def to_dict(self) -> dict[str, float | int]:
        """Return JSON values."""
        return {"value": self.value, "standard_error": self.standard_error, "n": self.n}


def mean_estimate(values: FloatArray) -> Estimate:
    """Return the mean of a series in time, with a standard error that counts autocorrelation.

    Notes
    -----
    Source: Newey and West (1987), Bartlett weights over 4 (n / 100)^(2/9) lags.
    """
    count = len(values)
    if not count:
        return Estimate(value=math.nan, standard_error=math.nan, n=0)
    mean = float(values.mean())
    error = math.sqrt(_long_run(values - mean)) / count if count >= _FEWEST else math.nan
    return Estimate(value=mean, standard_error=error, n=count)


def by_period_mean(values: FloatArray, period: IntArray, *, overlap: int = 0) -> Estimate:
    """Return the mean of samples of which several fall in one period; error as in `slope`."""
    return slope(np.ones(len(values)), values, period, overlap=overlap)


def slope(x: FloatArray, y: FloatArray, period: IntArray, *, overlap: int = 0) -> Estimate:
    """Return the least-squares slope of ``y`` on ``x`` through the origin.

    Parameters
    ----------
    x, y : ndarray of float64, shape (k,)
    period : ndarray of int64, shape (k,)
        Number of the bar that a sample was taken in, rising.
    overlap : int
        Periods over which samples share what happened: at least so many lags are counted.

    Notes
    -----
    Samples of one bar are not independent, nor are neighbouring bars. Source of the standard
    error: Driscoll and Kraay (1998): Newey-West on the sums of the scores of each period.
    """
    weight = float((x * x).sum())
    if weight <= 0.0:
        return Estimate(value=math.nan, standard_error=math.nan, n=len(x))
    value = float((x * y).sum()) / weight
    scores = _by_period(x * (y - value * x), period)
    few = len(scores) < _FEWEST
    error = math.nan if few else math.sqrt(_long_run(scores, overlap)) / weight
    return Estimate(value=value, standard_error=error, n=len(x))


def power(
    base: FloatArray, factor: FloatArray, y: FloatArray, period: IntArray
) -> tuple[Estimate, Estimate]:
    """Return coefficient and exponent of ``y = coefficient * factor * base ** exponent``.

    Least squares; the exponent is sought in [0.05, 2]. Standard errors as in `slope`, from the
    derivatives at the optimum.

    Parameters
    ----------
    base, factor, y : ndarray of float64, shape (k,)
        ``base`` positive.
    """
    exponent = _lowest(lambda trial: _misfit(factor * base**trial, y))
    x = factor * base**exponent
    coefficient = float((x * y).sum() / (x * x).sum())
    jacobian = np.column_stack([x, coefficient * x * np.log(base)])
    error = y - coefficient * x
    bread = np.linalg.pinv(jacobian.T @ jacobian)
    scores = np.column_stack([_by_period(column * error, period) for column in jacobian.T])
    spread = np.sqrt(np.maximum(np.diag(bread @ _long_run_matrix(scores) @ bread), 0.0))
    if len(scores) < _FEWEST:
        spread = np.full(2, math.nan)
    return (
        Estimate(value=coefficient, standard_error=float(spread[0]), n=len(y)),
        Estimate(value=exponent, standard_error=float(spread[1]), n=len(y)),
    )


def pooled(estimates: Sequence[Estimate]) -> Estimate:
    """Return one estimate of several, with what they differ by beyond their errors counted in.

    Each is one recording, a few minutes of one day: how much they differ tells more of another day
    than the error of any of them.

    Notes
    -----
    Source: DerSimonian and Laird (1986), random effects. Estimates without a standard error are
    left out, unless there are no others.
    """
    known = [each for each in estimates if math.isfinite(each.standard_error)]
    if len(known) <= 1:
        return (known or list(estimates))[0]
    values = np.array([each.value for each in known])
    # an error of exactly 0 comes of samples that are all the same
    within = np.maximum(np.array([each.standard_error for each in known]) ** 2, 1e-18)
    weight = 1.0 / within
    mean = float((weight * values).sum() / weight.sum())
    excess = float((weight * (values - mean) ** 2).sum()) - (len(values) - 1)
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    between = max(0.0, excess / scale)
    total = 1.0 / (within + between)
    return Estimate(
        value=float((total * values).sum() / total.sum()),
        standard_error=float(1.0 / math.sqrt(total.sum())),
        n=sum(each.n for each in known),
    )


def _by_period(values: FloatArray, period: IntArray) -> FloatArray:
    _, place = np.unique(period, return_inverse=True)
    sums: FloatArray = np.bincount(place, weights=values).astype(np.float64)
    return sums


def _lags(count: int) -> int:
    return min(count - 1, int(4.0 * (count / 100.0) ** (2.0 / 9.0)))


def _long_run(values: FloatArray, overlap: int = 0) -> float:
    return max(float(_long_run_matrix(values[:, None], overlap)[0, 0]), 0.0)


def _long_run_matrix(scores: FloatArray, overlap: int = 0) -> FloatArray:
    # the variance of the sum of the rows
    total: FloatArray = scores.T @ scores
    lags = min(max(_lags(len(scores)), overlap), len(scores) - 1)
    for lag in range(1, lags + 1):
        moved = scores[lag:].T @ scores[:-lag]
        total = total + (1.0 - lag / (lags + 1.0)) * (moved + moved.T)
    return total


def _misfit(x: FloatArray, y: FloatArray) -> float:
    weight = float((x * x).sum())
    return float((y * y).sum()) - float((x * y).sum()) ** 2 / weight


def _lowest(misfit: Callable[[float], float]) -> float:
    # golden section: the misfit falls and then rises as the exponent grows
    low, high = _EXPONENTS
    for _ in range(_ROUNDS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if misfit(left) < misfit(right):
            high = right
        else:
            low = left
    return (low + high) / 2.0
