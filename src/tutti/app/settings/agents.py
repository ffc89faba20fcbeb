"""Who is on the panel, how it is waited for, and how opinions become one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tutti.app.settings.budget import BudgetSettings
from tutti.app.settings.section import Instrument, Number, Parameter, Section, Whole

MOST_WEIGHT = 1000.0
"""Of an agent, and of what multiplies it: beyond that the others count as nothing."""


class AgentSettings(Section):
    """One member of the panel: an entry of ``agents``."""

    name: str = Field(min_length=1, examples=["momentum_hunter"])
    kind: str = Field("", examples=["news"])
    display_name: str = ""
    weight: Number = Field(1.0, ge=0, le=MOST_WEIGHT)
    enabled: bool = True
    instruments: tuple[Instrument, ...] | None = Field(None, examples=[["BTC-USDT-PERP.SIM"]])
    timeout_s: Number = Field(2.0, gt=0)
    cadence_s: Number = Field(0.0, ge=0)
    time_to_live_s: Number = Field(0.0, ge=0)
    horizon_s: Number = Field(0.0, ge=0)
    model: str = Field("", examples=["openai:gpt-5-mini"])
    fallback: tuple[str, ...] = Field((), examples=[["ollama:llama3.2"]])
    prompt: str = Field("", examples=["prompts/news.md"])
    retries: Whole = Field(1, ge=0, le=10)
    budget: BudgetSettings = BudgetSettings()
    params: dict[str, Parameter] = Field({})

    @property
    def plugin(self) -> str:
        """Name of the plug-in that makes it: its kind, or its own name where it has none."""
        return self.kind or self.name


class PanelSettings(Section):
    """How agents that answer in their own time are waited for: ``panel``."""

    wait_s: Number = Field(2.0, ge=0)
    max_in_flight: Whole = Field(64, ge=1, le=10_000)


class AggregationSettings(Section):
    """How opinions become one: ``aggregation``."""

    method: Literal["weighted_average", "majority_vote", "bayesian_pool"] = "weighted_average"
