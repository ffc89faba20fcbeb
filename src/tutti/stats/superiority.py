"""Whether the best of many trials beats a benchmark by more than so many tries explain.

Sources: White (2000), "A Reality Check for Data Snooping"; Hansen (2005), "A Test for Superior
Predictive Ability", eq. 2 to 5, with his estimate of the variance (p. 372); Romano and Wolf (2005),
"Stepwise Multiple Testing as Formalized Data Snooping". Hansen's statistic is cut off at 0, here it
isn't: they differ only where no trial beats the benchmark, and no p-value is small there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.stats.resampling import sample_counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tutti.model.market import FloatArray

_FEWEST = 10
_AT_ONCE = 1000  # samples that are held in memory row by row


@dataclass(frozen=True, slots=True, kw_only=True)
class Superiority:
    """P-values of the hypothesis that no trial beats the benchmark.

    Parameters
    ----------
    reality_check : float
        White's: as if every trial were as good as the benchmark.
    spa_lower, spa, spa_upper : float
        Hansen's: bounds, and the consistent one, which leaves hopeless trials out.
    superior : tuple of int
        Columns of the trials that beat it at the 5 % level, all together (Romano and Wolf).
    n_samples : int
    mean_block : float
    """

    reality_check: float
    spa_lower: float
    spa: float
    spa_upper: float
    superior: tuple[int, ...]
    n_samples: int
    mean_block: float


def superiority(
    excess: ArrayLike,
    rng: np.random.Generator,
    *,
    n_samples: int = 1000,
    mean_block: float | None = None,
    level: float = 0.05,
    studentize: bool = True,
) -> Superiority:
    """Test whether any trial beats the benchmark.

    Parameters
    ----------
    excess : array-like of shape (t, n)
        Return of each trial less that of the benchmark, finite.
    n_samples : int
        Bootstrap samples.
    mean_block : float, optional
        Mean length of a block; the root of ``t`` when left out.
    level : float
        At which ``superior`` is told.
    studentize : bool
        Compare trials by mean over error, as Hansen does, so that a volatile one doesn't drown the
        others; arch 8 compares plain means, and gives the same numbers then.

    Raises
    ------
    ValueError
        If there are fewer than ten rows, no trials, or a value isn't finite.
    """
    values = np.asarray(excess, dtype=np.float64)
    if values.ndim != 2 or len(values) < _FEWEST or not values.shape[1]:  # noqa: PLR2004
        raise ValueError(f"at least {_FEWEST} rows of trials are needed, shape is {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("excess returns must be finite")
    block = float(int(math.sqrt(len(values)))) if mean_block is None else mean_block
    means = np.vstack(
        [
            sample_counts(len(values), min(_AT_ONCE, n_samples - done), block, rng) @ values
            for done in range(0, n_samples, _AT_ONCE)
        ]
    )
    means /= len(values)
    variance = bootstrap_variance(values, block)
    plain = _simulated(values, means, variance, studentize=False)
    chosen = _simulated(values, means, variance, studentize=True) if studentize else plain
    lower, consistent, upper = _p_values(*chosen)
    return Superiority(
        reality_check=_p_values(*plain)[2],
        spa_lower=lower,
        spa=consistent,
        spa_upper=upper,
        superior=_stepwise(*chosen, level),
        n_samples=n_samples,
        mean_block=block,
    )


def bootstrap_variance(values: ArrayLike, mean_block: float) -> FloatArray:
    """Return the variance of a stationary bootstrap mean times the number of rows, per column.

    Parameters
    ----------
    values : array-like of shape (t, n)
    mean_block : float

    Notes
    -----
    Hansen (2005), p. 372: autocovariances weighted by how likely a block holds both ends.
    """
    array = np.asarray(values, dtype=np.float64)
    n = len(array)
    off = array - array.mean(axis=0)
    spectrum = np.fft.rfft(off, 2 * n, axis=0)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), 2 * n, axis=0)[:n] / n
    lag = np.arange(1, n)
    stay = 1.0 - 1.0 / mean_block
    weight = (1.0 - lag / n) * stay**lag + lag / n * stay ** (n - lag)
    return np.asarray(covariance[0] + 2.0 * (weight @ covariance[1:]))


def _simulated(
    values: FloatArray, means: FloatArray, variance: FloatArray, *, studentize: bool
) -> tuple[FloatArray, FloatArray]:
    # the statistics, of shape (n,), and those of the samples under three centres, (3, samples, n)
    n = len(values)
    mean = values.mean(axis=0)
    is_hopeless = mean < -np.sqrt(np.maximum(variance, 0.0) / n * 2.0 * math.log(math.log(n)))
    centres = (np.maximum(mean, 0.0), np.where(is_hopeless, 0.0, mean), mean)
    scale = np.sqrt(np.maximum(variance, 0.0)) if studentize else np.ones_like(variance)
    # a trial that is the benchmark itself has no variance, and beats nothing
    varies = scale > np.finfo(np.float64).eps * np.abs(values).max(axis=0, initial=0.0)
    divisor = np.where(varies, scale, 1.0)
    samples = np.stack([np.where(varies, (means - centre) / divisor, 0.0) for centre in centres])
    return np.where(varies, mean / divisor, 0.0), samples


def _p_values(statistics: FloatArray, samples: FloatArray) -> tuple[float, float, float]:
    # "or equal" for trials that do nothing: they are at 0 in every sample, too
    lower, consistent, upper = np.mean(samples.max(axis=2) >= statistics.max(), axis=1).tolist()
    return lower, consistent, upper


def _stepwise(statistics: FloatArray, samples: FloatArray, level: float) -> tuple[int, ...]:
    left = np.ones(len(statistics), dtype=bool)
    while left.any():
        bar = np.percentile(samples[1][:, left].max(axis=1), 100.0 * (1.0 - level))
        beaten = left & (statistics > bar)
        if not beaten.any():
            break
        left &= ~beaten
    return tuple(np.flatnonzero(~left).tolist())
