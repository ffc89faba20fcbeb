"""Hard limits, and when a position is closed whatever the policy says."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tutti.app.settings.section import Instrument, Number, Section, Whole


class CareSettings(Section):
    """When a position is closed whatever the policy says: ``risk.care``; 0 turns a rule off."""

    take_profit: Number = Field(0.04, ge=0)
    stop_loss: Number = Field(0.02, ge=0, lt=1)
    stale_after_s: Number = Field(4 * 3600.0, ge=0)
    stale_move: Number = Field(0.005, ge=0)
    liquidation_margin: Number = Field(0.05, ge=0, lt=1)
    cooldown_s: Number = Field(4 * 3600.0, ge=0)


class InstrumentRiskSettings(Section):
    """Limits of one instrument, on top of those for all: ``risk.instruments.<id>``."""

    max_fraction: Number | None = Field(None, gt=0, examples=[0.05])
    max_notional: Number | None = Field(None, gt=0, examples=[500])
    leaving: Literal["keep", "close"] | None = Field(None, examples=["keep"])


class RiskSettings(Section):
    """Hard limits, in fractions of equity or in quote currency: ``risk``; null is no limit."""

    max_instrument_fraction: Number | None = Field(0.1, gt=0)
    max_venue_fraction: Number | None = Field(1.0, gt=0)
    max_gross_fraction: Number | None = Field(1.0, gt=0)
    max_notional_multiple: Number | None = Field(3.0, gt=0)
    max_drawdown: Number = Field(0.2, gt=0, le=1)
    max_daily_loss: Number | None = Field(1000.0, gt=0)
    max_agent_daily_loss: Number | None = Field(500.0, gt=0)
    max_data_age_s: Number = Field(300.0, gt=0)
    max_clock_skew_s: Number = Field(1.0, ge=0)
    max_consecutive_errors: Whole = Field(5, ge=1)
    max_bar_move: Number | None = Field(0.1, gt=0)
    pause_s: Number = Field(3600.0, ge=0)
    care: CareSettings = CareSettings()
    instruments: dict[Instrument, InstrumentRiskSettings] = Field({})
