"""What holds for the figures of any account."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.stats.account import DAY_NS, daily_equity, monthly_returns, returns
from tutti.stats.drawdowns import drawdown, worst_drawdown
from tutti.stats.performance import performance
from tutti.stats.tails import conditional_value_at_risk, value_at_risk

_accounts = st.lists(st.floats(1.0, 1e4), min_size=1, max_size=80)
_steps = st.sampled_from([60_000_000_000, 3_600_000_000_000, DAY_NS, 7 * DAY_NS])


@given(equity=_accounts, step=_steps, start=st.integers(0, 2_000_000_000))
def test_monthly_and_daily_returns_compound_to_the_whole(
    equity: list[float], step: int, start: int
) -> None:
    ts = start * 1_000_000_000 + np.arange(1, len(equity) + 1) * step
    whole = equity[-1] / equity[0]
    months = [1.0 + gain for *_, gain in monthly_returns(ts, equity)]
    assert math.prod(months) == pytest.approx(whole, rel=1e-9)
    assert np.prod(1.0 + returns(daily_equity(ts, equity))) == pytest.approx(whole, rel=1e-9)


@given(equity=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80), scale=st.floats(1e-3, 1e3))
def test_drawdown_is_a_fraction_of_any_unit(equity: list[float], scale: float) -> None:
    equity[0] = abs(equity[0]) + 1.0
    falls = drawdown(equity)
    assert ((falls >= 0.0) & (falls <= 1.0)).all()
    assert drawdown(np.array(equity) * scale) == pytest.approx(falls, abs=1e-9)
    worst = worst_drawdown(equity)
    assert worst.peak <= worst.trough <= worst.end < len(equity)
    assert worst.depth == falls.max()


@given(equity=st.lists(st.floats(-1e6, 1e12), min_size=1, max_size=80), step=_steps)
def test_performance_of_any_account_is_finite(equity: list[float], step: int) -> None:
    equity[0] = abs(equity[0]) + 1.0
    found = performance(
        equity,
        step_ns=step,
        span_ns=(len(equity) - 1) * step,
        trade_pnls=np.diff(equity),
        fees=1.0,
        slippage_bps=0.5,
        traded_notional=10.0,
    )
    assert all(math.isfinite(value) for value in found.values())


@given(values=st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=200), level=st.floats(0.5, 0.99))
def test_mean_loss_of_the_tail_is_at_least_where_it_begins(
    values: list[float], level: float
) -> None:
    begins = value_at_risk(values, level=level)
    assert conditional_value_at_risk(values, level=level) >= begins - 1e-12
    assert np.mean(np.array(values) <= -begins) >= 1.0 - level - 1e-9
