"""Two strategies on the same market, and whether one is better or was lucky.

Both runs saw the same bars, so their returns are compared day by day: what the market did to both
cancels, and the difference is tested, not the two results. Samples of the days are drawn in blocks,
the same days for both, because good days come in a row.

Sources: Politis and Romano (1994), "The stationary bootstrap", for the samples; Politis and White
(2004), "Automatic block-length selection for the dependent bootstrap", as corrected by Patton,
Politis and White (2009), for the mean length of a block; Ledoit and Wolf (2008), "Robust
performance hypothesis testing with the Sharpe ratio", for bootstrapping a difference of Sharpe
ratios from the pairs (they studentize it, which is not done here).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.stats.resampling import stationary_indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tutti.model.market import FloatArray

FEWEST = 30
"""Returns below which no comparison is made."""

_LEVEL = 0.05
_NO_DEVIATION = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A figure of B less that of A, and what chance makes of it.

    Parameters
    ----------
    value : float
    low, high : float
        Interval that holds the true difference in 95 of 100 cases.
    p_value : float
        How often at least as large a difference, either way, comes from two strategies that are
        equally good.
    """

    value: float
    low: float
    high: float
    p_value: float

    @property
    def is_told(self) -> bool:
        """True where chance explains it in fewer than 5 of 100 cases."""
        return self.p_value < _LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """B against A on the same days.

    Parameters
    ----------
    mean : Difference
        Of mean returns, a year.
    sharpe : Difference
        Of Sharpe ratios, a year.
    correlation : float
        Between the returns of the two; NaN where one never moves.
    n_returns, n_samples : int
    n_idle : int
        Returns of 0 in both: days that say nothing, because nobody held anything.
    mean_block : float
        Mean length of a block, in returns.
    """

    mean: Difference
    sharpe: Difference
    correlation: float
    n_returns: int
    n_idle: int
    n_samples: int
    mean_block: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values; what is not finite becomes None."""
        values = asdict(self)
        if not math.isfinite(self.correlation):
            values["correlation"] = None
        return values


def paired(
    first: FloatArray,
    second: FloatArray,
    rng: np.random.Generator,
    *,
    per_year: float,
    n_samples: int = 2000,
    mean_block: float | None = None,
) -> Paired:
    """Compare two series of returns over the same periods.

    Parameters
    ----------
    first, second : ndarray of float64, shape (t,)
        Of A and of B.
    per_year : float
        Returns in a year.
    n_samples : int
        Bootstrap samples, at least 100.
    mean_block : float, optional
        Mean length of a block; `automatic_block` of the difference when left out.

    Raises
    ------
    ValueError
        If the series differ in length, are shorter than `FEWEST`, or hold what is not finite.
    """
    if first.shape != second.shape or first.ndim != 1 or len(first) < FEWEST:
        raise ValueError(
            f"two series of at least {FEWEST} returns are needed, of one length; shapes are "
            f"{first.shape} and {second.shape}"
        )
    pair = np.column_stack([first, second])
    if not np.isfinite(pair).all():
        raise ValueError("returns must be finite")
    difference = second - first
    block = automatic_block(difference) if mean_block is None else mean_block
    samples = np.empty((n_samples, 2))
    for k in range(n_samples):
        rows = pair[stationary_indices(len(pair), block, rng)]
        samples[k] = (rows[:, 1] - rows[:, 0]).mean(), _sharpe(rows[:, 1]) - _sharpe(rows[:, 0])
    root = math.sqrt(per_year)
    return Paired(
        mean=_difference(float(difference.mean()) * per_year, samples[:, 0] * per_year),
        sharpe=_difference((_sharpe(second) - _sharpe(first)) * root, samples[:, 1] * root),
        correlation=_correlation(first, second),
        n_returns=len(first),
        n_idle=int(((first == 0.0) & (second == 0.0)).sum()),
        n_samples=n_samples,
        mean_block=block,
    )


def automatic_block(series: FloatArray) -> float:
    """Return the mean length of blocks that suits the dependence in a series, at least 1.

    Notes
    -----
    Politis and White (2004), section 3.2, for the stationary bootstrap, with the corrected constant
    ``D = 2 g(0)**2`` of Patton, Politis and White (2009): autocorrelations count up to twice the
    first lag of ``K`` in a row that are within ``2 sqrt(log10(n) / n)``, weighted by a flat-top lag
    window; never more than ``min(3 sqrt(n), n / 3)``.
    """
    n = len(series)
    off = series - series.mean()
    variance = float(off @ off) / n
    if not variance > _NO_DEVIATION**2 * float(np.abs(series).max(initial=0.0)) ** 2:
        return 1.0
    in_a_row = max(5, math.ceil(math.log10(n)))
    most_lags = math.ceil(math.sqrt(n)) + in_a_row
    lags = np.arange(1, most_lags + 1)
    products = np.array([off[lag:] @ off[:-lag] for lag in lags])
    # a correlation between what both ends of the lag have in common
    squares = np.cumsum(off * off)
    both = np.sqrt((squares[-1] - squares[lags - 1]) * squares[n - 1 - lags])
    is_small = np.abs(products / both) < 2.0 * math.sqrt(math.log10(n) / n)
    kept = _kept_lags(is_small, in_a_row)
    share = lags[:kept] / kept
    weight = np.minimum(1.0, 2.0 * (1.0 - share))
    autocovariance = products[:kept] / n
    spread = 2.0 * float(weight @ (lags[:kept] * autocovariance))
    long_run = variance + 2.0 * float(weight @ autocovariance)
    if not long_run > 0.0:
        return 1.0
    best = (2.0 * spread**2 / (2.0 * long_run**2)) ** (1 / 3) * n ** (1 / 3)
    return float(min(max(best, 1.0), math.ceil(min(3.0 * math.sqrt(n), n / 3.0))))


def _kept_lags(is_small: NDArray[np.bool_], in_a_row: int) -> int:
    # twice the first lag from which so many in a row are small; all where there is none
    for first in range(len(is_small) - in_a_row + 1):
        if is_small[first : first + in_a_row].all():
            return min(2 * (first + 1), len(is_small))
    return len(is_small)


def _difference(value: float, samples: FloatArray) -> Difference:
    off = np.abs(samples - value)
    # symmetric, as the p-value is: the interval holds 0 where chance explains the difference
    reach = float(np.quantile(off, 1.0 - _LEVEL, method="higher"))
    # the sample itself is one of those that could have come
    larger = int((off >= abs(value)).sum())
    return Difference(
        value=value,
        low=value - reach,
        high=value + reach,
        p_value=(1 + larger) / (1 + len(samples)),
    )


def _sharpe(returns: FloatArray) -> float:
    deviation = float(returns.std(ddof=1))
    if not deviation > _NO_DEVIATION * float(np.abs(returns).max(initial=0.0)):
        return 0.0
    return float(returns.mean()) / deviation


def _correlation(first: FloatArray, second: FloatArray) -> float:
    if not (first.std() > 0.0 and second.std() > 0.0):
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])
