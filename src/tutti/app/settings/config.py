"""The whole configuration, every section in its place."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from tutti.app.settings.agents import AgentSettings, AggregationSettings, PanelSettings
from tutti.app.settings.conductor import ConductorSettings
from tutti.app.settings.feed import FeedSettings
from tutti.app.settings.llm import LlmSettings, MemorySettings, ModelsSettings, TextSettings
from tutti.app.settings.orders import (
    ExecutionSettings,
    KillSettings,
    LiveSettings,
    ReconcileSettings,
    RouteSettings,
)
from tutti.app.settings.policy import PolicySettings
from tutti.app.settings.risk import RiskSettings
from tutti.app.settings.section import Exact, Instrument, Section, Whole, about, refuse_twice
from tutti.app.settings.service import ApiSettings, LedgerSettings, LoggingSettings
from tutti.app.settings.venues import (
    CostsSettings,
    InstrumentSettings,
    MeasuredInstrument,
    VenueSettings,
)
from tutti.app.settings.worth import WorthSettings
from tutti.model.instrument import InstrumentId

DEFAULT_VENUE = "default"
"""Name under ``venues`` whose values hold for every venue that doesn't say otherwise."""

_QUANT_AGENTS = (
    "momentum_hunter",
    "breakout_sniper",
    "trend_surfer",
    "volatility_harvester",
    "mean_reversion",
    "vpin",
    "strategy_optimizer",
)


class Config(Section):
    """Whole configuration."""

    seed: Whole = Field(7, ge=0)
    starting_balance: Exact = Field(Decimal(10000), gt=0)
    quote_currency: str = Field("USDT", min_length=1)
    feed: FeedSettings = FeedSettings()
    venues: dict[str, VenueSettings] = Field({})
    costs: CostsSettings = CostsSettings()
    instruments: dict[Instrument, InstrumentSettings] = Field({})
    agents: tuple[AgentSettings, ...] = Field(
        tuple(AgentSettings(name=name) for name in _QUANT_AGENTS),
        examples=["- name: momentum_hunter"],
    )
    agents_file: str = Field("", examples=["agents.yaml"])
    panel: PanelSettings = PanelSettings()
    llm: LlmSettings = LlmSettings()
    text: TextSettings = TextSettings()
    memory: MemorySettings = MemorySettings()
    models: ModelsSettings = ModelsSettings()
    worth: WorthSettings = WorthSettings()
    aggregation: AggregationSettings = AggregationSettings()
    conductor: ConductorSettings = ConductorSettings()
    policy: PolicySettings = PolicySettings()
    risk: RiskSettings = RiskSettings()
    execution: ExecutionSettings = ExecutionSettings()
    routes: dict[Instrument, RouteSettings] = Field({})
    reconcile: ReconcileSettings = ReconcileSettings()
    live: LiveSettings = LiveSettings()
    kill: KillSettings = KillSettings()
    ledger: LedgerSettings = LedgerSettings()
    api: ApiSettings = ApiSettings()
    logging: LoggingSettings = LoggingSettings()

    def venue(self, name: str) -> VenueSettings:
        """Return the settings of a venue: its own, measured, those of ``default``, the built-in."""
        own, shared = self.venues.get(name), self.venues.get(DEFAULT_VENUE, VenueSettings())
        if (measured := self.costs.venues.get(name)) is not None:
            shared = shared.model_copy(update=measured.model_dump(exclude_none=True))
        if own is None:
            return shared
        return shared.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})

    def half_spread_bps(self, name: str) -> float:
        """Return half the spread of an instrument: measured, or else its venue's."""
        measured = self.costs.instruments.get(name, MeasuredInstrument()).half_spread_bps
        if measured is not None:
            return measured
        return self.venue(InstrumentId.parse(name).venue).half_spread_bps

    def instrument(self, name: str) -> InstrumentSettings:
        """Return the terms that replace what is assumed of an instrument; all None for none."""
        return self.instruments.get(name, InstrumentSettings())

    @model_validator(mode="after")
    def _agents_are_known(self) -> Self:
        names = [agent.name for agent in self.agents]
        refuse_twice(names, key="agents")
        # the default table names agents that a panel of one's own need not have
        if self.conductor.weights != ConductorSettings().weights:
            for regime, factors in self.conductor.weights.items():
                for name in factors:
                    if name not in names:
                        raise about(
                            f"conductor.weights.{regime}.{name}",
                            "names an agent that is not in agents; "
                            f"there are {', '.join(names) or 'none'}",
                        )
        return self
