"""What trading costs, assumed or measured, and the terms of contracts."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from tutti.app.settings.section import Exact, Instrument, Number, Section


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
    venues: dict[str, MeasuredVenue] = Field({})
    instruments: dict[Instrument, MeasuredInstrument] = Field({})


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
