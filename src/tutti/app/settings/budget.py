"""What language models may cost."""

from __future__ import annotations

from pydantic import Field

from tutti.app.settings.section import Exact, Section, Whole


class BudgetSettings(Section):
    """What an agent may spend on language models: ``agents[].budget``; null is no limit."""

    tokens_per_hour: Whole | None = Field(None, ge=0, examples=[50000])
    tokens_per_day: Whole | None = Field(None, ge=0, examples=[500000])
    usd_per_hour: Exact | None = Field(None, ge=0, examples=[0.5])
    usd_per_day: Exact | None = Field(None, ge=0, examples=[5])
