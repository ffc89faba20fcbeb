"""Every setting of Tutti, with its bounds and default, as frozen models.

The defaults together are a complete configuration for a starting balance of 10,000; ``app.config``
reads a file over them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tutti.conductor.weights import REGIME_WEIGHTS
from tutti.kernel.clock import parse_instant
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Regime

DEFAULT_VENUE = "default"
"""Name under ``venues`` whose values hold for every venue that doesn't say otherwise."""


def _not_text_nor_bool(value: object) -> object:
    # True is 1 to Python, and text that looks like a number to pydantic; neither is meant as one
    if isinstance(value, bool | str):
        raise PydanticCustomError("not_a_number", "not a number")
    return value


def _not_a_bool(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("not_a_number", "not a number")
    return value


def _instrument(text: str) -> str:
    InstrumentId.parse(text)
    return text


def _regime(text: str) -> str:
    if text not in Regime.__members__:
        raise ValueError(f"no regime is called {text!r}; there are {', '.join(Regime.__members__)}")
    return text


def refuse_twice(names: tuple[str, ...] | list[str], *, key: str) -> None:
    """Refuse a list, at ``key``, that holds a name twice; for validators of a section."""
    for index, name in enumerate(names):
        if name in names[:index]:
            raise about(f"{key}.{index}", f"is {name} for the second time; remove one")


def about(key: str, message: str) -> PydanticCustomError:
    """Return what a validator of a section raises about the key of that section at ``key``."""
    # the reader of the file turns the key into a line number
    return PydanticCustomError("about_key", "{message}", {"key": key, "message": message})


Number = Annotated[float, BeforeValidator(_not_text_nor_bool)]
Whole = Annotated[int, BeforeValidator(_not_text_nor_bool)]
Exact = Annotated[Decimal, BeforeValidator(_not_a_bool)]
Instrument = Annotated[str, AfterValidator(_instrument)]
RegimeName = Annotated[str, AfterValidator(_regime)]
Parameter = bool | int | float | str


class Section(BaseModel):
    """Part of the configuration; unknown keys are refused and nothing changes after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, data: object) -> object:
        # a section whose lines are all commented out reads as nothing
        return {} if data is None else data


class SimulatedMarketSettings(Section):
    """Market that is made up as it goes: ``feed.simulated``."""

    symbols: tuple[Instrument, ...] = Field(
        (
            "BTC-USDT-PERP.SIM",
            "ETH-USDT-PERP.SIM",
            "SOL-USDT-PERP.SIM",
            "XRP-USDT-PERP.SIM",
            "DOGE-USDT-PERP.SIM",
        ),
        min_length=1,
    )
    regimes: tuple[Literal["trend", "range", "crash", "high_volatility"], ...] = Field(
        ("trend", "range", "high_volatility", "crash"), min_length=1
    )
    regime_ticks: Whole = Field(240, ge=1)
    correlation: Number = Field(0.6, ge=0, le=1)
    seed: Whole | None = Field(None, ge=0, examples=[7])

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        refuse_twice(self.symbols, key="symbols")
        return self


class LiveMarketSettings(Section):
    """Market as exchanges stream it: ``feed.live``."""

    symbols: tuple[Instrument, ...] = Field(
        ("BTC-USDT.BINANCE", "ETH-USDT.BINANCE", "BTC-USD.KRAKEN", "ETH-USD.KRAKEN"), min_length=1
    )
    grace_s: Number = Field(1.0, ge=0)
    patience_s: Number = Field(3.0, ge=0)
    silent_s: Number = Field(20.0, gt=0)
    book_levels: Whole = Field(0, ge=0, le=1000)

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        refuse_twice(self.symbols, key="symbols")
        return self


class FeedSettings(Section):
    """Where market data comes from: ``feed``."""

    kind: Literal["sim", "replay", "live"] = "sim"
    bars: tuple[str, ...] = Field((), examples=[["data/*.parquet"]])
    funding: tuple[str, ...] = Field((), examples=[["funding/*.parquet"]])
    timeframe: str | None = Field(None, pattern=r"^[1-9]\d*[smhdw]$", examples=["1m"])
    repair: bool = False
    speed: Number = Field(60.0, gt=0)
    tick_s: Number = Field(60.0, gt=0)
    warm_up_bars: Whole = Field(600, ge=0)
    symbols: str = Field("", examples=["symbols.yaml"])
    simulated: SimulatedMarketSettings = SimulatedMarketSettings()
    live: LiveMarketSettings = LiveMarketSettings()


class VenueSettings(Section):
    """What trading costs at one venue: ``venues.<name>``."""

    starting_balance: Exact | None = Field(None, ge=0, examples=[5000])
    maker_fee: Exact | None = Field(None, gt=Decimal("-0.1"), lt=Decimal("0.1"), examples=[0.0002])
    taker_fee: Exact | None = Field(None, gt=Decimal("-0.1"), lt=Decimal("0.1"), examples=[0.0005])
    latency_ms: Number = Field(0.0, ge=0)
    half_spread_bps: Number = Field(1.0, ge=0, le=1000)
    impact_coefficient: Number = Field(0.5, ge=0, le=100)
    participation: Number = Field(0.1, ge=0, le=1)
    limit_through: bool = True
    liquidation_fee: Number = Field(0.005, ge=0, le=1)
    addresses: str = Field("", examples=["fake-exchange.json"])
    test_mode: bool = False
    keys: str = Field("environment", min_length=1)


class MeasuredVenue(Section):
    """What trading was measured to cost at one venue: ``costs.venues.<name>``."""

    impact_coefficient: Number | None = Field(None, ge=0, le=100, examples=[0.5])


class MeasuredInstrument(Section):
    """What trading was measured to cost in one instrument: ``costs.instruments.<id>``."""

    half_spread_bps: Number | None = Field(None, ge=0, le=1000, examples=[0.5])


class CostsSettings(Section):
    """Measured costs, usually the name of a file of ``tutti costs calibrate``: ``costs``."""

    file: str = ""
    id: str = ""
    venues: dict[str, MeasuredVenue] = {}
    instruments: dict[Instrument, MeasuredInstrument] = {}


class InstrumentSettings(Section):
    """Contract terms that replace what is assumed of an instrument: ``instruments.<id>``."""

    kind: Literal["spot", "perpetual"] | None = None
    price_step: Exact | None = Field(None, gt=0, examples=[0.1])
    quantity_step: Exact | None = Field(None, gt=0, examples=[0.001])
    min_quantity: Exact | None = Field(None, ge=0, examples=[0.001])
    min_notional: Exact | None = Field(None, ge=0, examples=[5])
    maker_fee: Exact | None = Field(None, gt=Decimal("-0.1"), lt=Decimal("0.1"), examples=[0.0002])
    taker_fee: Exact | None = Field(None, gt=Decimal("-0.1"), lt=Decimal("0.1"), examples=[0.0005])
    max_leverage: Exact | None = Field(None, ge=1, examples=[5])
    maintenance_margin: Exact | None = Field(None, ge=0, le=1, examples=[0.005])


class BudgetSettings(Section):
    """What an agent may spend on language models: ``agents[].budget``; null is no limit."""

    tokens_per_hour: Whole | None = Field(None, ge=0, examples=[50000])
    tokens_per_day: Whole | None = Field(None, ge=0, examples=[500000])
    usd_per_hour: Exact | None = Field(None, ge=0, examples=[0.5])
    usd_per_day: Exact | None = Field(None, ge=0, examples=[5])


class AgentSettings(Section):
    """One member of the panel: an entry of ``agents``."""

    name: str = Field(min_length=1, examples=["momentum_hunter"])
    kind: str = Field("", examples=["news"])
    display_name: str = ""
    weight: Number = Field(1.0, ge=0)
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
    params: dict[str, Parameter] = {}

    @property
    def plugin(self) -> str:
        """Name of the plug-in that makes it: its kind, or its own name where it has none."""
        return self.kind or self.name


class PanelSettings(Section):
    """How agents that answer in their own time are waited for: ``panel``."""

    wait_s: Number = Field(2.0, ge=0)
    max_in_flight: Whole = Field(64, ge=1, le=10_000)


class ProviderSettings(Section):
    """Where a language model is served: ``llm.providers.<name>``."""

    kind: Literal["openai", "openrouter", "anthropic", "gemini", "ollama"] = "openai"
    url: str = Field("", examples=["http://127.0.0.1:8000/v1"])
    key: str = Field("environment", min_length=1)
    input_usd_per_million: Exact | None = Field(None, ge=0, examples=[0.15])
    output_usd_per_million: Exact | None = Field(None, ge=0, examples=[0.6])


class LlmSettings(Section):
    """Language models: ``llm``."""

    providers: dict[str, ProviderSettings] = {}
    temperature: Number = Field(0.0, ge=0, le=2)
    max_output_tokens: Whole = Field(400, ge=16)
    blind: bool = False
    cutoffs: dict[str, str] = Field({}, examples=[{"openai:gpt-5-mini": "2024-05-31"}])
    cutoff_margin_days: Whole = Field(90, ge=0, le=3650)


class TextSettings(Section):
    """Text, and figures beside bars, that agents may read: ``text``."""

    files: tuple[str, ...] = Field((), examples=[["text/*.parquet"]])
    readings: tuple[str, ...] = Field((), examples=[["macro/*.parquet"]])
    lookback_s: Number = Field(86_400.0, gt=0)
    most: Whole = Field(20, ge=1)


class MemorySettings(Section):
    """What is remembered of past situations: ``memory``."""

    file: str = Field("", examples=["memory.sqlite"])
    nearest: Whole = Field(0, ge=0, le=50)
    horizon_s: Number = Field(86_400.0, gt=0)


class ModelsSettings(Section):
    """Plug-in models: ``models``."""

    folders: tuple[str, ...] = Field((), examples=[["models"]])


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
    most: Number = Field(4.0, ge=1)


class AggregationSettings(Section):
    """How opinions become one: ``aggregation``."""

    method: Literal["weighted_average", "majority_vote", "bayesian_pool"] = "weighted_average"


class RegimeRuleSettings(Section):
    """Thresholds of the regime rules: ``conductor.rules``."""

    adx_trend: Number = Field(25.0, ge=0, le=100)
    adx_range: Number = Field(20.0, ge=0, le=100)
    volatility_high_rank: Number = Field(0.8, ge=0, le=1)
    squeeze_rank: Number = Field(0.2, ge=0, le=1)
    hysteresis_bars: Whole = Field(3, ge=1)
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
    weights: dict[RegimeName, dict[str, Annotated[Number, Field(ge=0)]]] = {
        regime.name: dict(factors) for regime, factors in REGIME_WEIGHTS.items()
    }

    @model_validator(mode="after")
    def _reference_is_named(self) -> Self:
        if self.scope == "reference" and self.reference is None:
            raise about(
                "scope",
                "'reference' needs conductor.reference; write for example "
                "reference: BTC-USDT-PERP.SIM",
            )
        return self


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
    params: dict[str, Parameter] = {}

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
    instruments: dict[Instrument, InstrumentRiskSettings] = {}


class ExecutionSettings(Section):
    """How an approved order seeks its price: ``execution``."""

    order_type: Literal["market", "limit"] = "market"
    limit_offset_bps: Number = Field(0.0, ge=-1000, le=1000)
    time_in_force_bars: Whole = Field(1, ge=1)


class LiveSettings(Section):
    """Real money: what holds whatever the policy and risk say, and how venues are asked: ``live``."""

    max_order_notional: Exact | None = Field(None, gt=0, examples=[200])
    max_orders_per_minute: Whole | None = Field(None, ge=1, examples=[20])
    order_timeout_s: Number = Field(10.0, gt=0)
    poll_orders_s: Number = Field(5.0, gt=0)
    poll_holdings_s: Number = Field(15.0, gt=0)
    dead_mans_switch: bool = True


class RouteSettings(Section):
    """Where else an instrument is traded, and how orders are split: ``routes.<id>``."""

    strategy: Literal["best_price", "equal_split", "priority", "liquidity"] = "best_price"
    instruments: tuple[Instrument, ...] = Field(
        min_length=1, examples=[["BTC-USDT-PERP.BINANCE_USDM", "BTC-USDT-PERP.BYBIT_LINEAR"]]
    )

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        refuse_twice(self.instruments, key="instruments")
        return self


class ReconcileSettings(Section):
    """How what we believe is held against what venues say: ``reconcile``."""

    every_s: Number = Field(30.0, ge=0)
    patience_s: Number = Field(10.0, ge=0)
    unknown: Literal["quarantine", "adopt"] = "quarantine"
    balance_tolerance: Number = Field(1.0, ge=0)


class KillSettings(Section):
    """Closing everything and stopping: ``kill``."""

    deadline_s: Number = Field(10.0, gt=0)


class LedgerSettings(Section):
    """What is kept of a run: ``ledger``."""

    segment_ticks: Whole = Field(16384, ge=1)
    keep_opinions: bool = True


class ApiSettings(Section):
    """HTTP interface of a running service: ``api``; only this machine can reach it."""

    enabled: bool = True
    host: Literal["127.0.0.1", "localhost", "::1"] = "127.0.0.1"
    port: Whole = Field(8765, ge=0, le=65535)
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    allowed_origins: tuple[str, ...] = Field((), examples=[["http://127.0.0.1:5173"]])


class LoggingSettings(Section):
    """What is logged: ``logging``."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    console: bool = False


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
    venues: dict[str, VenueSettings] = {}
    costs: CostsSettings = CostsSettings()
    instruments: dict[Instrument, InstrumentSettings] = {}
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
    routes: dict[Instrument, RouteSettings] = {}
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
