"""The market's regime, and how it re-weights the agents."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tutti.app.settings.agents import MOST_WEIGHT
from tutti.app.settings.budget import BudgetSettings
from tutti.app.settings.section import Instrument, Number, RegimeName, Section, Whole, about
from tutti.conductor.weights import REGIME_WEIGHTS


class RegimeRuleSettings(Section):
    """Thresholds of the regime rules: ``conductor.rules``."""

    adx_trend: Number = Field(25.0, ge=0, le=100)
    adx_range: Number = Field(20.0, ge=0, le=100)
    volatility_high_rank: Number = Field(0.8, ge=0, le=1)
    squeeze_rank: Number = Field(0.2, ge=0, le=1)
    hysteresis_bars: Whole = Field(3, ge=1, le=1_000_000)
    direction_band: Number = Field(0.1, ge=0)

    @model_validator(mode="after")
    def _range_below_trend(self) -> Self:
        if self.adx_range > self.adx_trend:
            raise about(
                "adx_range",
                f"must not be above adx_trend ({self.adx_trend:g}), was {self.adx_range:g}; "
                "write for example 20",
            )
        return self


class ConductorSettings(Section):
    """Market regime and how it re-weights the agents: ``conductor``."""

    scope: Literal["instrument", "reference"] = "instrument"
    reference: Instrument | None = Field(None, examples=["BTC-USDT-PERP.SIM"])
    model: str = Field("", examples=["openai:gpt-5-mini"])
    cadence_s: Number = Field(3600.0, gt=0)
    timeout_s: Number = Field(10.0, gt=0)
    budget: BudgetSettings = BudgetSettings()
    rules: RegimeRuleSettings = RegimeRuleSettings()
    weights: dict[RegimeName, dict[str, Annotated[Number, Field(ge=0, le=MOST_WEIGHT)]]] = Field(
        {regime.name: dict(factors) for regime, factors in REGIME_WEIGHTS.items()}
    )

    @model_validator(mode="after")
    def _reference_is_named(self) -> Self:
        if self.scope == "reference" and self.reference is None:
            raise about(
                "scope",
                "'reference' needs conductor.reference; write for example "
                "reference: BTC-USDT-PERP.SIM",
            )
        return self
