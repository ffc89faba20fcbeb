"""What agents' records do to their confidence and weight."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tutti.app.settings.agents import MOST_WEIGHT
from tutti.app.settings.section import Number, Section, Whole, about
from tutti.kernel.clock import parse_instant


class ConfidenceMapSettings(Section):
    """What one agent's confidence should have been: an entry of ``worth.maps``."""

    agent: str = Field(min_length=1)
    valid_from: str
    fitted_from: str
    n: Whole = Field(ge=1)
    knots: tuple[tuple[Number, Number], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _never_falls(self) -> Self:
        if any(
            x <= before or y < lower
            for (before, lower), (x, y) in zip(self.knots, self.knots[1:], strict=False)
        ):
            raise about("knots", "must rise: each [stated, corrected] beyond the one before")
        if not all(0.0 <= value <= 1.0 for knot in self.knots for value in knot):
            raise about("knots", "must hold confidences in [0, 1]")
        for key in ("valid_from", "fitted_from"):
            try:
                parse_instant(getattr(self, key))
            except (ValueError, OverflowError) as error:
                raise about(key, "is no date or time; write for example 2024-01-31") from error
        return self


class WorthSettings(Section):
    """What agents' records do to their confidence and weight: ``worth``."""

    calibration: str = Field("", examples=["calibration.json"])
    maps: tuple[ConfidenceMapSettings, ...] = ()
    window_s: Number = Field(30 * 86_400.0, gt=0)
    bad_windows: Whole = Field(3, ge=1)
    baseline: Literal["flat", "hold"] = "flat"
    follows: bool = False
    every_s: Number = Field(86_400.0, gt=0)
    max_step: Number = Field(0.1, gt=0, le=1)
    least: Number = Field(0.25, ge=0, le=1)
    most: Number = Field(4.0, ge=1, le=MOST_WEIGHT)
