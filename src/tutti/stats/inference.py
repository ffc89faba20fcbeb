"""What an observed Sharpe ratio proves: its error, and the odds against luck and against selection.

Sharpe ratios here are those of one return, not annualised, unless a name says so: divide a yearly
ratio by the root of the periods in a year. Kurtosis is 3 for normal returns (not the excess).

Sources: Mertens (2002), "Comments on variance of the IID estimator in Lo (2002)"; Bailey and López
de Prado (2012), "The Sharpe Ratio Efficient Frontier" (probabilistic Sharpe ratio and minimum track
record length, eq. 11 and 13); Bailey and López de Prado (2014), "The Deflated Sharpe Ratio" (eq. 1
and 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_NORMAL = NormalDist()
_EULER = 0.5772156649015329
_NO_DEVIATION = 1e-12
_FEWEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What inference needs to know of a series of returns.

    Parameters
    ----------
    n : int
        How many returns, at least 2.
    sharpe : float
        Mean over standard deviation (with ``n - 1``), of one return.
    skewness, kurtosis : float
        Third and fourth standardised moments (with ``n``); 0 and 3 for normal returns.

    Raises
    ------
    ValueError
        If they can't be those of any returns: kurtosis is at least 1 + skewness².
    """

    n: int
    sharpe: float
    skewness: float = 0.0
    kurtosis: float = 3.0

    def __post_init__(self) -> None:
        if self.n < 2:  # noqa: PLR2004
            raise ValueError(f"at least two returns are needed, there are {self.n}")
        for name in ("sharpe", "skewness", "kurtosis"):
            if not math.isfinite(value := getattr(self, name)):
                raise ValueError(f"{name} must be finite, was {value!r}")
        least = 1.0 + self.skewness**2
        if self.kurtosis < least * (1.0 - 1e-9):
            raise ValueError(
                f"no returns have a kurtosis of {self.kurtosis:g} with a skewness of "
                f"{self.skewness:g}: it is at least {least:g} (3 for normal returns, not the excess)"
            )


def moments(returns: ArrayLike) -> Moments:
    """Return the moments of a series of returns.

    Parameters
    ----------
    returns : array-like of shape (n,)
        At least three, finite, not all equal.

    Raises
    ------
    ValueError
        If there are too few, one is NaN or infinite, or all are equal.
    """
    values = checked_returns(returns)
    centred = values - values.mean()
    variance = float(np.mean(centred**2))
    deviation = math.sqrt(variance)
    if not deviation > _NO_DEVIATION * float(np.abs(values).max()):
        raise ValueError(f"all {len(values)} returns are equal: there is no risk to divide by")
    shape = centred / deviation
    n = len(values)
    return Moments(
        n=n,
        sharpe=float(values.mean()) / (deviation * math.sqrt(n / (n - 1))),
        skewness=float(np.mean(shape**3)),
        kurtosis=float(np.mean(shape**4)),
    )


def checked_returns(returns: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the returns as an array of shape (n,); raise ValueError as `moments` does."""
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"returns must have shape (n,), was {values.shape}")
    if not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"returns must be finite, was {float(values[at])!r} at {at}")
    if len(values) < _FEWEST:
        raise ValueError(f"at least {_FEWEST} returns are needed, there are {len(values)}")
    return values


def sharpe_error(of: Moments) -> float:
    """Return the standard error of the Sharpe ratio, for returns that don't depend on each other.

    ``sqrt((1 - skewness * SR + (kurtosis - 1) / 4 * SR²) / (n - 1))``: Mertens (2002), with
    ``n - 1`` as Bailey and López de Prado have it.
    """
    return math.sqrt(_spread(of) / (of.n - 1))


def probabilistic_sharpe(of: Moments, benchmark: float = 0.0) -> float:
    """Return the confidence that the true Sharpe ratio is above ``benchmark``, in [0, 1].

    One minus the p-value of a one-sided test; 0.5 where the observed ratio is the benchmark.
    """
    error = sharpe_error(of)
    if error == 0.0:
        return 0.5 if of.sharpe == benchmark else float(of.sharpe > benchmark)
    return _NORMAL.cdf((of.sharpe - benchmark) / error)


def min_track_record_length(
    of: Moments, benchmark: float = 0.0, *, confidence: float = 0.95
) -> float:
    """Return how many returns like these prove a Sharpe ratio above ``benchmark``.

    Parameters
    ----------
    confidence : float
        In (0, 1), of the one-sided test.

    Returns
    -------
    float
        Infinite where the observed ratio isn't above the benchmark: no length would do.
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must be between 0 and 1, was {confidence!r}")
    if of.sharpe <= benchmark:
        return math.inf
    return 1.0 + _spread(of) * (_NORMAL.inv_cdf(confidence) / (of.sharpe - benchmark)) ** 2


def expected_max_sharpe(n_trials: float, variance: float) -> float:
    """Return the Sharpe ratio that the best of so many trials without any skill shows.

    Parameters
    ----------
    n_trials : float
        Independent trials, at least 1; one alone selects nothing and gives 0.
    variance : float
        Of the trials' Sharpe ratios, of one return.

    Notes
    -----
    The "false strategy theorem": the mean of the highest of ``n_trials`` normal variables, within
    a few per cent for few trials.
    """
    if not (math.isfinite(n_trials) and n_trials >= 1.0):
        raise ValueError(f"there is at least one trial, was {n_trials!r}")
    if not (math.isfinite(variance) and variance >= 0.0):
        raise ValueError(f"the variance of the trials must not be negative, was {variance!r}")
    if n_trials == 1.0:
        return 0.0
    highest = (1.0 - _EULER) * _NORMAL.inv_cdf(1.0 - 1.0 / n_trials) + _EULER * _NORMAL.inv_cdf(
        1.0 - 1.0 / (n_trials * math.e)
    )
    return max(0.0, math.sqrt(variance) * highest)


def deflated_sharpe(of: Moments, n_trials: float, variance: float) -> float:
    """Return the confidence that the best of ``n_trials`` is better than luck made it look.

    The `probabilistic_sharpe` against the `expected_max_sharpe` of the trials.
    """
    return probabilistic_sharpe(of, expected_max_sharpe(n_trials, variance))


def _spread(of: Moments) -> float:
    # not negative for moments of any returns; rounding may make it so
    return max(0.0, 1.0 - of.skewness * of.sharpe + (of.kurtosis - 1.0) / 4.0 * of.sharpe**2)
