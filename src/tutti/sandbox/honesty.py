"""What a result proves: its Sharpe ratio with an error, deflated by all that was tried before it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.stats.dependence import corrected_error, corrected_sharpe
from tutti.stats.inference import (
    deflated_sharpe,
    expected_max_sharpe,
    min_track_record_length,
    moments,
    probabilistic_sharpe,
    sharpe_error,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from tutti.model.market import FloatArray

CONFIDENCE = 0.95
"""What a result needs to count as proven: one error in twenty."""

_DAYS_A_YEAR = 365.0
_ROUNDING = 1e-9
_LARGE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSummary:
    """What was tried on the same data, this trial included.

    Parameters
    ----------
    n_trials : int
        Different trials on the data, whoever ran them and whenever.
    n_effective : float
        How many independent ones they are worth, in [1, n_trials].
    sharpe_variance : float
        Of the trials' Sharpe ratios, of one return.
    register : str
        Where they are counted; empty where nothing counts them.
    """

    n_trials: int = 1
    n_effective: float = 1.0
    sharpe_variance: float = 0.0
    register: str = ""

    def __post_init__(self) -> None:
        if not 1.0 <= self.n_effective <= self.n_trials:
            raise ValueError(
                f"n_effective must lie between 1 and n_trials ({self.n_trials}), "
                f"was {self.n_effective!r}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Honesty:
    """The figures that stand beside a headline; NaN where one is undefined.

    Parameters
    ----------
    sharpe, sharpe_se, sharpe_low, sharpe_high : float
        A year: the ratio, its standard error, its 95 % interval.
    sharpe_corrected, sharpe_corrected_se : float
        The same with the returns' dependence on each other counted in.
    psr : float
        Confidence that the true ratio is above 0, in [0, 1].
    dsr : float
        Confidence that it is above what the best of all trials shows by luck.
    expected_max_sharpe : float
        What the best of all trials shows by luck, a year.
    min_track_record_length : float
        Returns like these that it takes to prove the ratio above 0; infinite where no number does.
    min_track_record_deflated, min_track_record_days : float
        Returns, and days, that it takes to prove it above what the best of all trials shows by
        luck.
    n_returns : int
    periods_per_year : float
    skewness, kurtosis : float
        Of the returns; 0 and 3 for normal ones.
    n_trials, n_effective, sharpe_variance, register
        See `TrialSummary`.
    beta, alpha, alpha_sharpe : float
        What the market explains of the returns, and what it doesn't: exposure to it, mean a year of
        the rest, Sharpe ratio a year of the rest. NaN where no market was given.
    alpha_confidence : float
        As ``dsr``, of the rest.
    is_proven : bool
        Whether ``dsr`` and, where there is one, ``alpha_confidence`` reach `CONFIDENCE`.
    verdict : str
        All of it in one plain sentence.
    """

    sharpe: float
    sharpe_se: float
    sharpe_low: float
    sharpe_high: float
    sharpe_corrected: float
    sharpe_corrected_se: float
    psr: float
    dsr: float
    expected_max_sharpe: float
    min_track_record_length: float
    min_track_record_deflated: float
    min_track_record_days: float
    n_returns: int
    periods_per_year: float
    skewness: float
    kurtosis: float
    n_trials: int
    n_effective: float
    sharpe_variance: float
    register: str
    beta: float
    alpha: float
    alpha_sharpe: float
    alpha_confidence: float
    is_proven: bool
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values: what is undefined or infinite is None."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }


def honest_statistics(
    returns: ArrayLike,
    *,
    periods_per_year: float,
    trials: TrialSummary,
    market: ArrayLike | None = None,
) -> Honesty:
    """Return what the returns prove, after all the trials that they were chosen from.

    Parameters
    ----------
    returns : array-like of shape (n,)
        Simple returns of the account, oldest first, finite: one each day, as a rule.
    periods_per_year : float
        Returns in a year.
    trials : TrialSummary
        What was tried on the same data.
    market : array-like of shape (n,), optional
        Returns of buying and holding at the same times: what rose with it proves nothing.

    Notes
    -----
    Too few returns, or ones that never vary, prove nothing: the figures are NaN then and the
    verdict says why.
    """
    try:
        of = moments(returns)
    except ValueError as problem:
        return _nothing(np.size(returns), periods_per_year, trials, str(problem))
    root = math.sqrt(periods_per_year)
    error = sharpe_error(of)
    reach = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2.0) * error
    luck = expected_max_sharpe(trials.n_effective, trials.sharpe_variance)
    needed = min_track_record_length(of, luck, confidence=CONFIDENCE)
    dsr = deflated_sharpe(of, trials.n_effective, trials.sharpe_variance)
    beyond = _beyond_market(np.asarray(returns, dtype=np.float64), market, luck)
    alone = beyond["alpha_confidence"]
    figures: dict[str, Any] = {
        "sharpe": of.sharpe * root,
        "sharpe_se": error * root,
        "sharpe_low": (of.sharpe - reach) * root,
        "sharpe_high": (of.sharpe + reach) * root,
        "sharpe_corrected": corrected_sharpe(returns, periods_per_year),
        "sharpe_corrected_se": corrected_error(returns) * root,
        "psr": probabilistic_sharpe(of),
        "dsr": dsr,
        "expected_max_sharpe": luck * root,
        "min_track_record_length": min_track_record_length(of, confidence=CONFIDENCE),
        "min_track_record_deflated": needed,
        "min_track_record_days": needed * _DAYS_A_YEAR / periods_per_year,
        "n_returns": of.n,
        "periods_per_year": periods_per_year,
        "skewness": of.skewness,
        "kurtosis": of.kurtosis,
        "beta": beyond["beta"],
        "alpha": beyond["alpha"] * periods_per_year,
        "alpha_sharpe": beyond["sharpe"] * root,
        "alpha_confidence": alone,
        "is_proven": dsr >= CONFIDENCE and not alone < CONFIDENCE,
    }
    return Honesty(**figures, **asdict(trials), verdict=_verdict(figures, trials))


def _beyond_market(returns: FloatArray, market: ArrayLike | None, luck: float) -> dict[str, float]:
    # of one return: least squares, and what it leaves, constant included
    unknown = dict.fromkeys(("beta", "alpha", "sharpe", "alpha_confidence"), math.nan)
    if market is None:
        return unknown
    theirs = np.asarray(market, dtype=np.float64)
    if theirs.shape != returns.shape:
        raise ValueError(
            f"market must have the shape of returns, {returns.shape}, was {theirs.shape}"
        )
    off = theirs - theirs.mean()
    spread = float(off @ off)
    if not spread > 0.0:
        return unknown
    beta = float(off @ returns) / spread
    rest = returns - beta * theirs
    if not rest.std() > _ROUNDING * returns.std():
        # the market itself: nothing is left that could be better or worse
        return {"beta": beta, "alpha": 0.0, "sharpe": 0.0, "alpha_confidence": 0.5}
    of = moments(rest)
    confidence = probabilistic_sharpe(of, luck)
    alpha = float(rest.mean())
    return {"beta": beta, "alpha": alpha, "sharpe": of.sharpe, "alpha_confidence": confidence}


def _verdict(figures: Mapping[str, Any], trials: TrialSummary) -> str:
    sharpe, dsr, days = (figures[name] for name in ("sharpe", "dsr", "min_track_record_days"))
    span = _days(figures["n_returns"] * _DAYS_A_YEAR / figures["periods_per_year"])
    ratio = f"Sharpe {sharpe:.2f} give or take {figures['sharpe_se']:.2f} over {span}"
    if sharpe <= 0.0:
        return f"{ratio}: it lost money, which no statistic mends."
    against = (
        f"it is better than the best of {_trials(trials)} would be by luck"
        if trials.n_trials > 1
        else "it is better than luck"
    )
    told = f"{ratio}: confidence {_share(dsr)} that {against}"
    if dsr < CONFIDENCE:
        more = (
            "no length of record like this would prove it"
            if math.isinf(days)
            else f"a record like this would have to last {_days(days)}"
        )
        return f"{told}, not the 95 % it takes; {more}{_uncounted(trials)}."
    alone = figures["alpha_confidence"]
    if math.isnan(alone):
        return f"{told}: proven{_unless(trials)}."
    market = f"without what the market explains of it (beta {figures['beta']:.2f})"
    if alone < CONFIDENCE:
        return f"{told}, but {_share(alone)} {market}: not proven beyond holding the market."
    return f"{told}, {_share(alone)} {market}: proven{_unless(trials)}."


def _trials(trials: TrialSummary) -> str:
    if trials.n_effective == trials.n_trials:
        return f"{trials.n_trials} trials"
    return f"{trials.n_trials} trials (worth {trials.n_effective:.1f})"


def _unless(trials: TrialSummary) -> str:
    return ", if all trials are known" if trials.register else ", had nothing else been tried"


def _uncounted(trials: TrialSummary) -> str:
    return "" if trials.register else " (what else was tried isn't counted)"


def _share(value: float) -> str:
    # rounded down: 0.9996 isn't certain
    return f"{math.floor(1000.0 * value) / 10.0:.1f} %"


def _days(days: float) -> str:
    return f"{days:,.0f} days" if days < _LARGE else f"{days / _DAYS_A_YEAR:,.0f} years"


def _nothing(n: int, per_year: float, trials: TrialSummary, why: str) -> Honesty:
    values: dict[str, Any] = {
        each.name: math.nan for each in fields(Honesty) if str(each.type) == "float"
    }
    values |= {"n_returns": n, "periods_per_year": per_year} | asdict(trials)
    return Honesty(**values | {"is_proven": False, "verdict": f"Nothing to judge: {why}."})
