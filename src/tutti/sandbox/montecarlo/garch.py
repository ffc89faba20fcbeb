"""Volatility that clusters, and jumps: GARCH(1,1) fitted to returns that jumps were taken out of.

Bollerslev (1986), "Generalized autoregressive conditional heteroskedasticity", by quasi maximum
likelihood with the variance targeted (Francq, Horvath and Zakoian 2011). Jumps are returns that
diffusion can't explain at the 1 % level: Lee and Mykland (2008), "Jumps in financial markets: a new
nonparametric test", section 1, against bipower variation of the returns before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.jit import lean_njit
from tutti.model.errors import DataError

if TYPE_CHECKING:
    from tutti.model.market import FloatArray

FEWEST_RETURNS = 200
_WINDOW = 168
_MEAN_ABS = math.sqrt(2.0 / math.pi)
_LEVEL = 0.01
_STEPS = (0.02, 0.005, 0.001, 0.0002)
_MOST_PERSISTENT = 0.9995


@dataclass(frozen=True, slots=True, kw_only=True)
class Garch:
    """Model of the returns of one instrument, by bar.

    ``variance[t] = omega + alpha * shock[t-1]**2 + beta * variance[t-1]``, and the return is
    ``mean + shock[t]`` plus a jump where there is one.

    Parameters
    ----------
    mean, variance : float
        Of the returns without jumps.
    """

    mean: float
    variance: float
    alpha: float
    beta: float

    @property
    def omega(self) -> float:
        """Constant part of the variance."""
        return self.variance * (1.0 - self.alpha - self.beta)


def find_jumps(returns: FloatArray) -> FloatArray:
    """Return the jump in each return, 0 where there is none.

    Parameters
    ----------
    returns : ndarray of float64, shape (t,)
        Logarithmic, without NaN. In the first week of hours (168 returns) none is found.
    """
    count = len(returns)
    size = np.abs(returns)
    products = np.append(0.0, size[1:] * size[:-1])
    summed = np.append(0.0, np.cumsum(products))
    jumps = np.zeros(count)
    if count <= _WINDOW:
        return jumps
    t = np.arange(_WINDOW, count)
    bipower = (summed[t] - summed[t - _WINDOW + 2]) / (_WINDOW - 2)
    # the mean of products of neighbours is 2/pi of the variance
    local = np.sqrt(np.maximum(bipower, 0.0)) / _MEAN_ABS
    log_count = math.sqrt(2.0 * math.log(count))
    centre = log_count - (math.log(math.pi) + math.log(math.log(count))) / (2.0 * log_count)
    limit = centre - math.log(-math.log(1.0 - _LEVEL)) / log_count
    found = t[(size[t] > limit * local) & (local > 0.0)]
    jumps[found] = returns[found]
    return jumps


def fit_garch(returns: FloatArray) -> Garch:
    """Return the model of highest likelihood.

    Parameters
    ----------
    returns : ndarray of float64, shape (t,)
        Logarithmic, without jumps and NaN.

    Raises
    ------
    DataError
        If they are too few, or all the same.
    """
    if len(returns) < FEWEST_RETURNS:
        raise DataError(
            f"GARCH takes at least {FEWEST_RETURNS} returns, there are {len(returns)}; use more bars"
        )
    mean = float(returns.mean())
    shocks = np.ascontiguousarray(returns - mean)
    variance = float(np.mean(shocks**2))
    if not variance > 0.0:
        raise DataError("GARCH needs returns that move; the price of an instrument never does")
    coarse = [(a, b) for a in (0.02, 0.05, 0.1, 0.2) for b in (0.0, 0.3, 0.6, 0.75, 0.85, 0.93)]
    best = max(coarse, key=lambda at: log_likelihood(shocks, variance, *at))
    for step in _STEPS:
        best = _climb(shocks, variance, best, step)
    return Garch(mean=mean, variance=variance, alpha=best[0], beta=best[1])


def _climb(
    shocks: FloatArray, variance: float, start: tuple[float, float], step: float
) -> tuple[float, float]:
    # compass search: likelihoods of two parameters have no need of more
    here, value = start, log_likelihood(shocks, variance, *start)
    while True:
        around = [
            (here[0] + a * step, here[1] + b * step)
            for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1))
        ]
        allowed = [
            at for at in around if at[0] >= 0.0 <= at[1] and at[0] + at[1] <= _MOST_PERSISTENT
        ]
        found = max(allowed, key=lambda at: log_likelihood(shocks, variance, *at))
        better = log_likelihood(shocks, variance, *found)
        if better <= value:
            return here
        here, value = found, better


@lean_njit
def log_likelihood(shocks: FloatArray, variance: float, alpha: float, beta: float) -> float:
    """Return twice the Gaussian log likelihood of GARCH(1,1), without its constant."""
    omega = variance * (1.0 - alpha - beta)
    now = variance
    total = 0.0
    for shock in shocks:
        total -= math.log(now) + shock * shock / now
        now = omega + alpha * shock * shock + beta * now
    return total


def variances(shocks: FloatArray, model: Garch) -> FloatArray:
    """Return the variance that the model expected of each shock, shape (t,)."""
    expected = np.empty(len(shocks))
    now = model.variance
    for t, shock in enumerate(shocks.tolist()):
        expected[t] = now
        now = model.omega + model.alpha * shock * shock + model.beta * now
    return expected


@lean_njit
def simulate(  # noqa: PLR0913, a kernel takes its arrays one by one
    draws: FloatArray,
    omega: FloatArray,
    alpha: FloatArray,
    beta: FloatArray,
    variance: FloatArray,
    shocks: FloatArray,
    deviations: FloatArray,
) -> None:
    """Turn standard draws into shocks of several instruments.

    Parameters
    ----------
    draws : ndarray of float64, shape (t, n)
    omega, alpha, beta : ndarray of float64, shape (n,)
    variance : ndarray of float64, shape (n,)
        Of the next tick; updated.
    shocks, deviations : ndarray of float64, shape (t, n)
        Written: the shock, and the deviation that it was drawn with.
    """
    for t in range(draws.shape[0]):
        for i in range(draws.shape[1]):
            deviation = math.sqrt(variance[i])
            shock = deviation * draws[t, i]
            deviations[t, i] = deviation
            shocks[t, i] = shock
            variance[i] = omega[i] + alpha[i] * shock * shock + beta[i] * variance[i]
