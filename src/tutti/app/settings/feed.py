"""Where market data comes from."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tutti.app.settings.section import Instrument, Number, Section, Whole, refuse_twice


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
