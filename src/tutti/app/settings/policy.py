"""What turns views into targets, and how large they are."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tutti.app.settings.section import Instrument, Number, Parameter, Section, Whole, about


class HybridWeightSettings(Section):
    """Shares of the hybrid policy's parts: ``policy.weights``."""

    momentum: Number = Field(0.25, ge=0)
    mean_reversion: Number = Field(0.15, ge=0)
    pairs: Number = Field(0.1, ge=0)
    context: Number = Field(0.5, ge=0)

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if not self.momentum + self.mean_reversion + self.pairs + self.context > 0:
            raise about("context", "must not be 0 when all others are; write for example 0.5")
        return self


class SizingSettings(Section):
    """How large a position is made; each method reads only its own keys: ``policy.sizing``."""

    method: Literal[
        "notional",
        "fractional_kelly",
        "volatility_target",
        "cvar_budget",
        "fixed_fraction",
        "fixed_quantity",
    ] = "notional"
    base_notional: Number = Field(150.0, gt=0)
    fraction: Number = Field(0.05, gt=0)
    quantity: Number = Field(1.0, gt=0)
    kelly_fraction: Number = Field(0.25, gt=0, le=1)
    information_coefficient: Number = Field(0.02, gt=0, le=1)
    target_volatility: Number = Field(0.2, gt=0)
    share: Number = Field(0.1, gt=0, le=1)
    cvar_budget: Number = Field(0.05, gt=0, le=1)
    horizon_bars: Whole = Field(24, ge=1)
    max_fraction: Number = Field(0.1, gt=0)


class PolicySettings(Section):
    """What turns views into targets: ``policy``."""

    name: str = Field("hybrid", min_length=1)
    entry_threshold: Number = Field(0.65, ge=0, le=1)
    exit_threshold: Number = Field(0.5, ge=0, le=1)
    exit_on_neutral: bool = True
    weights: HybridWeightSettings = HybridWeightSettings()
    pairs: tuple[tuple[Instrument, Instrument], ...] = Field((), examples=["[[A.SIM, B.SIM]]"])
    fast: Whole = Field(12, ge=1, le=5000)
    slow: Whole = Field(26, ge=2, le=5000)
    long_only: bool = True
    sizing: SizingSettings = SizingSettings()
    rebalance_band: Number = Field(0.0, ge=0)
    max_positions: Whole = Field(50, ge=1)
    params: dict[str, Parameter] = Field({})

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.fast >= self.slow:
            raise about(
                "fast", f"must be below slow ({self.slow}), was {self.fast}; write for example 12"
            )
        if self.exit_threshold > self.entry_threshold:
            raise about(
                "exit_threshold",
                f"must not be above entry_threshold ({self.entry_threshold:g}), "
                f"was {self.exit_threshold:g}; write for example 0.5",
            )
        return self
