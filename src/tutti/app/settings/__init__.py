"""Every setting of Tutti, with its bounds and default, as frozen models: a module a family of sections.

The defaults together are a complete configuration for a starting balance of 10,000; ``app.config``
reads a file over them.
"""

from tutti.app.settings.agents import (
    MOST_WEIGHT,
    AgentSettings,
    AggregationSettings,
    PanelSettings,
)
from tutti.app.settings.budget import BudgetSettings
from tutti.app.settings.conductor import ConductorSettings, RegimeRuleSettings
from tutti.app.settings.config import DEFAULT_VENUE, Config
from tutti.app.settings.feed import FeedSettings, LiveMarketSettings, SimulatedMarketSettings
from tutti.app.settings.llm import (
    LlmSettings,
    MemorySettings,
    ModelsSettings,
    ProviderSettings,
    TextSettings,
)
from tutti.app.settings.orders import (
    ExecutionSettings,
    KillSettings,
    LiveSettings,
    ReconcileSettings,
    RouteSettings,
)
from tutti.app.settings.policy import HybridWeightSettings, PolicySettings, SizingSettings
from tutti.app.settings.risk import CareSettings, InstrumentRiskSettings, RiskSettings
from tutti.app.settings.section import (
    Exact,
    Instrument,
    Number,
    Parameter,
    RegimeName,
    Section,
    Whole,
    about,
    refuse_twice,
)
from tutti.app.settings.service import ApiSettings, LedgerSettings, LoggingSettings
from tutti.app.settings.venues import (
    CostsSettings,
    InstrumentSettings,
    MeasuredInstrument,
    MeasuredVenue,
    VenueSettings,
)
from tutti.app.settings.worth import ConfidenceMapSettings, WorthSettings

__all__ = [
    "DEFAULT_VENUE",
    "MOST_WEIGHT",
    "AgentSettings",
    "AggregationSettings",
    "ApiSettings",
    "BudgetSettings",
    "CareSettings",
    "ConductorSettings",
    "ConfidenceMapSettings",
    "Config",
    "CostsSettings",
    "Exact",
    "ExecutionSettings",
    "FeedSettings",
    "HybridWeightSettings",
    "Instrument",
    "InstrumentRiskSettings",
    "InstrumentSettings",
    "KillSettings",
    "LedgerSettings",
    "LiveMarketSettings",
    "LiveSettings",
    "LlmSettings",
    "LoggingSettings",
    "MeasuredInstrument",
    "MeasuredVenue",
    "MemorySettings",
    "ModelsSettings",
    "Number",
    "PanelSettings",
    "Parameter",
    "PolicySettings",
    "ProviderSettings",
    "ReconcileSettings",
    "RegimeName",
    "RegimeRuleSettings",
    "RiskSettings",
    "RouteSettings",
    "Section",
    "SimulatedMarketSettings",
    "SizingSettings",
    "TextSettings",
    "VenueSettings",
    "Whole",
    "WorthSettings",
    "about",
    "refuse_twice",
]
