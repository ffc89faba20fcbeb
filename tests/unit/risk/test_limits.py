"""Limits as an operator writes them."""

from __future__ import annotations

import math

import pytest

from tutti.model.errors import ConfigError
from tutti.risk.limits import OwnLimits, RiskSettings, with_own


def test_risk_settings_defaults_are_those_of_the_specification() -> None:
    limits = RiskSettings().limits()
    assert limits.base_notional * limits.max_notional_multiple == 450.0
    assert limits.max_agent_daily_loss == 500.0
    assert limits.liquidation_margin == 0.05
    assert limits.max_consecutive_errors == 5
    assert limits.max_positions == 50
    care = RiskSettings().care_rules()
    assert care.stale_after_ns == 4 * 3600 * 10**9
    assert care.stale_move == 0.005


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_instrument_fraction", -0.1),
        ("max_venue_fraction", 0.0),
        ("max_gross_fraction", math.nan),
        ("max_notional_multiple", -3.0),
        ("base_notional", math.inf),
        ("max_drawdown", 1.5),
        ("max_daily_loss", -1.0),
        ("max_agent_daily_loss", math.nan),
        ("max_positions", 0),
        ("max_consecutive_errors", 0),
        ("max_data_age_s", 0.0),
        ("max_clock_skew_s", -1.0),
        ("take_profit", -0.01),
        ("stop_loss", -0.02),
        ("stale_after_s", math.inf),
        ("stale_move", -0.1),
        ("liquidation_margin", 2.0),
    ],
)
def test_risk_settings_value_out_of_range_names_the_key_and_the_remedy(
    key: str, value: float
) -> None:
    with pytest.raises(ConfigError, match=rf"risk\.{key} must be .+; was {value!r}"):
        RiskSettings(**{key: value})  # type: ignore[arg-type]


def test_risk_settings_infinite_exposure_is_no_limit() -> None:
    limits = RiskSettings(max_gross_fraction=math.inf, max_notional_multiple=math.inf).limits()
    assert limits.max_gross_fraction == math.inf
    assert limits.max_notional_multiple == math.inf


@pytest.mark.parametrize("key", ["max_drawdown", "max_daily_loss", "max_agent_daily_loss"])
def test_risk_settings_loss_limit_of_zero_is_no_limit(key: str) -> None:
    settings = RiskSettings(**{key: 0.0})  # type: ignore[arg-type]
    assert getattr(settings.limits(), key) == math.inf


def test_own_limits_leave_other_instruments_without_any() -> None:
    limits = with_own(RiskSettings().limits(), 3, {1: OwnLimits(0.05, 500.0)})
    assert limits.own_fraction.tolist() == [math.inf, 0.05, math.inf]
    assert limits.own_notional.tolist() == [math.inf, 500.0, math.inf]


def test_own_limits_of_no_instrument_change_nothing() -> None:
    limits = RiskSettings().limits()
    assert with_own(limits, 3, {}) is limits
    assert limits.own_fraction.shape == limits.own_notional.shape == (0,)


@pytest.mark.parametrize("value", [-1.0, math.nan])
def test_own_limit_that_is_no_limit_is_refused(value: float) -> None:
    with pytest.raises(ConfigError, match="max_notional must be 0 or positive"):
        with_own(RiskSettings().limits(), 1, {0: OwnLimits(max_notional=value)})
