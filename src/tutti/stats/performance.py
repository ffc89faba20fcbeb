"""Ratios of gain to risk, figures of trading, and the summary that reports show."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tutti.stats.account import (
    DAY_NS,
    YEAR_NS,
    checked,
    daily_returns,
    monthly_returns,
    periods_per_year,
    returns,
)
from tutti.stats.drawdowns import drawdown, max_drawdown, worst_drawdown
from tutti.stats.tails import conditional_value_at_risk, tail_ratio, value_at_risk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from tutti.model.market import FloatArray, IntArray

__all__ = [
    "cagr",
    "calmar",
    "drawdown",
    "exposure",
    "hit_rate",
    "max_drawdown",
    "monthly_returns",
    "performance",
    "periods_per_year",
    "profit_factor",
    "returns",
    "sharpe",
    "sortino",
    "turnover",
    "volatility",
    "worst_drawdown",
]

# Returns that are equal but for rounding have no deviation to divide by.
_NO_DEVIATION = 1e-12


def cagr(equity: ArrayLike, periods_per_year: float) -> float:
    """Return the compound annual growth rate.

    Parameters
    ----------
    equity : array-like of shape (n,)
    periods_per_year : float
        Steps of ``equity`` in a year.

    Returns
    -------
    float
        ``(last / first) ** (1 / years) - 1`` with ``years = (n - 1) / periods_per_year``; -1 at
        ruin; NaN for a single value, or where the rate is too large for a float.
    """
    values = checked(equity)
    years = (len(values) - 1) / periods_per_year
    if years <= 0.0:
        return math.nan
    if values[-1] == 0.0:
        return -1.0
    try:
        return math.expm1(math.log(values[-1] / values[0]) / years)
    except OverflowError:
        return math.nan


def volatility(returns: ArrayLike, periods_per_year: float) -> float:
    """Return the annualised standard deviation of returns.

    ``std(returns, ddof=1) * sqrt(periods_per_year)``; NaN for fewer than two returns.
    """
    values = np.asarray(returns, dtype=np.float64)
    return _deviation(values) * math.sqrt(periods_per_year)


def sharpe(returns: ArrayLike, periods_per_year: float) -> float:
    """Return the annualised Sharpe ratio.

    Notes
    -----
    ``mean(returns) / std(returns, ddof=1) * sqrt(periods_per_year)``, against holding quote
    currency at no interest. NaN for fewer than two returns or when all are equal.
    Source: Sharpe (1994), The Sharpe Ratio, eq. 3; annualised as in Lo (2002) for returns without
    serial correlation.
    """
    values = np.asarray(returns, dtype=np.float64)
    return _ratio(values, _deviation(values)) * math.sqrt(periods_per_year)


def sortino(returns: ArrayLike, periods_per_year: float) -> float:
    """Return the annualised Sortino ratio with a target of 0.

    Notes
    -----
    ``mean(returns) / sqrt(mean(min(returns, 0) ** 2)) * sqrt(periods_per_year)``: the mean of
    squares is over all returns, gains counting 0. NaN for fewer than two returns or without a loss.
    Source: Sortino and Price (1994), Performance Measurement in a Downside Risk Framework.
    """
    values = np.asarray(returns, dtype=np.float64)
    if len(values) < 2:  # noqa: PLR2004
        return math.nan
    downside = math.sqrt(np.mean(np.minimum(values, 0.0) ** 2))
    return _ratio(values, downside) * math.sqrt(periods_per_year)


def calmar(equity: ArrayLike, periods_per_year: float) -> float:
    """Return the compound annual growth rate over the maximum drawdown; NaN without a drawdown.

    Source: Young (1991), over the whole span instead of the last 36 months.
    """
    fall = max_drawdown(equity)
    return cagr(equity, periods_per_year) / fall if fall > 0.0 else math.nan


def hit_rate(trade_pnls: ArrayLike) -> float:
    """Return the share of closed trades with a gain after fees; NaN without trades."""
    pnls = np.asarray(trade_pnls, dtype=np.float64)
    return float(np.mean(pnls > 0.0)) if len(pnls) else math.nan


def profit_factor(trade_pnls: ArrayLike) -> float:
    """Return the sum of gains over the sum of losses of closed trades; NaN without a loss."""
    pnls = np.asarray(trade_pnls, dtype=np.float64)
    lost = -float(pnls[pnls < 0.0].sum())
    return float(pnls[pnls > 0.0].sum()) / lost if lost > 0.0 else math.nan


def turnover(notional_traded: float, equity: ArrayLike, years: float) -> float:
    """Return how many times a year the mean equity is traded, both sides counted.

    ``notional_traded / mean(equity) / years``; NaN without time.
    """
    return notional_traded / float(checked(equity).mean()) / years if years > 0.0 else math.nan


def exposure(gross_exposure: ArrayLike) -> float:
    """Return the mean of the gross exposure, a fraction of equity; NaN without values."""
    values = np.asarray(gross_exposure, dtype=np.float64)
    return float(values.mean()) if len(values) else math.nan


def performance(  # noqa: PLR0913
    equity: ArrayLike,
    *,
    step_ns: int,
    span_ns: int,
    trade_pnls: ArrayLike,
    fees: float,
    slippage_bps: float,
    traded_notional: float,
    ts: IntArray | Sequence[int] | None = None,
    gross_exposure: ArrayLike = (),
) -> dict[str, float]:
    """Return the figures of one run, safe for JSON: what is undefined is 0.

    Parameters
    ----------
    equity : array-like of shape (n,)
        Quote currency, at the close of each bar.
    step_ns : int
        Length of a bar.
    span_ns : int
        Time from the first value to the last.
    trade_pnls : array-like of shape (trades,)
        Of closed trades, after fees.
    fees, traded_notional : float
        Sums over the run, in quote currency.
    slippage_bps : float
        Mean over the fills, against the price at which it was decided; positive is worse.
    ts : array-like of int, shape (n,), optional
        When each value was known, ns UTC; one step after the other when left out.
    gross_exposure : array-like of shape (n,), optional
        Fractions of equity.

    Returns
    -------
    dict of str to float
        cagr, sharpe, sortino, calmar, max_drawdown, max_drawdown_days, volatility, sharpe_bars,
        var_95, cvar_95, tail_ratio, hit_rate, profit_factor, exposure, turnover, fees,
        slippage_bps, n_trades.

    Notes
    -----
    Sharpe, Sortino, volatility, values at risk (95 %) and the tail ratio are those of daily returns
    (UTC days; of the bars where these are longer), the first three times the root of 365: from bar
    to bar an account is mostly flat or follows one position, so bar returns are neither alike nor
    independent, and the root of their number would misstate the ratio. ``sharpe_bars`` is the ratio
    of the bar returns all the same, times the root of as many as there were in a year, for
    comparison with tools that report it. Drawdowns are those of every bar. No growth rate is made
    of less than a day.
    """
    values = checked(equity)
    known_at = (np.arange(len(values)) + 1) * step_ns if ts is None else np.asarray(ts)
    years = span_ns / YEAR_NS
    per_year = (len(values) - 1) / years if span_ns >= DAY_NS else math.nan
    daily, daily_per_year = daily_returns(known_at, values, step_ns)
    worst = worst_drawdown(values)
    days = (int(known_at[worst.end]) - int(known_at[worst.peak])) / DAY_NS
    figures = {
        "cagr": cagr(values, per_year),
        "sharpe": sharpe(daily, daily_per_year),
        "sortino": sortino(daily, daily_per_year),
        "calmar": calmar(values, per_year),
        "max_drawdown": worst.depth,
        "max_drawdown_days": days,
        "volatility": volatility(daily, daily_per_year),
        "sharpe_bars": sharpe(
            returns(values), per_year if math.isfinite(per_year) else periods_per_year(step_ns)
        ),
        "var_95": value_at_risk(daily),
        "cvar_95": conditional_value_at_risk(daily),
        "tail_ratio": tail_ratio(daily),
        "hit_rate": hit_rate(trade_pnls),
        "profit_factor": profit_factor(trade_pnls),
        "exposure": exposure(gross_exposure),
        "turnover": turnover(traded_notional, values, years),
        "fees": float(fees),
        "slippage_bps": float(slippage_bps),
        "n_trades": float(len(np.asarray(trade_pnls))),
    }
    return {name: value if math.isfinite(value) else 0.0 for name, value in figures.items()}


def _deviation(values: FloatArray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def _ratio(values: FloatArray, deviation: float) -> float:
    if not deviation > _NO_DEVIATION * float(np.abs(values).max(initial=0.0)):
        return math.nan
    return float(values.mean()) / deviation
