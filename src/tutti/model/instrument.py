"""What can be traded, where, and in which steps."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import msgspec

_ID_FORM = "instrument id must look like SYMBOL.VENUE (BTC-USDT.BINANCE), was {!r}"


class InstrumentKind(StrEnum):
    """Whether holding the instrument means owning the asset or a contract on it."""

    SPOT = "spot"
    PERPETUAL = "perpetual"


class InstrumentId(msgspec.Struct, frozen=True, order=True):
    """Tradable contract at a venue, written ``BTC-USDT-PERP.BINANCE_USDM``."""

    symbol: str
    venue: str

    def __post_init__(self) -> None:
        if not self.symbol or not self.venue or "." in self.venue:
            raise ValueError(_ID_FORM.format(f"{self.symbol}.{self.venue}"))

    def __str__(self) -> str:
        return f"{self.symbol}.{self.venue}"

    @classmethod
    def parse(cls, text: str) -> InstrumentId:
        """Return the id written as ``SYMBOL.VENUE``.

        Raises
        ------
        ValueError
            If there is no dot, or a part is empty.
        """
        symbol, dot, venue = text.rpartition(".")
        if not dot:
            raise ValueError(_ID_FORM.format(text))
        return cls(symbol, venue)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """Contract terms of one instrument.

    Parameters
    ----------
    price_step, quantity_step : Decimal
        Smallest move of a price (quote currency) and of a quantity (base units).
    min_quantity, min_notional : Decimal
        Smallest order, in base units and in quote currency; 0 for none.
    maker_fee, taker_fee : Decimal
        Fractions of notional; a rebate is negative.
    max_leverage : Decimal
        1 for spot.
    maintenance_margin : Decimal
        Fraction of notional below which a perpetual account is liquidated; 0 for spot.
    """

    id: InstrumentId
    kind: InstrumentKind
    price_step: Decimal
    quantity_step: Decimal
    min_quantity: Decimal = Decimal(0)
    min_notional: Decimal = Decimal(0)
    maker_fee: Decimal = Decimal("0.0002")
    taker_fee: Decimal = Decimal("0.0005")
    max_leverage: Decimal = Decimal(1)
    maintenance_margin: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        for name in ("price_step", "quantity_step", "max_leverage"):
            value: Decimal = getattr(self, name)
            if not value.is_finite() or value <= 0:
                raise ValueError(f"{self.id}: {name} must be positive, was {value!r}")
        for name in ("min_quantity", "min_notional", "maintenance_margin"):
            value = getattr(self, name)
            if not value.is_finite() or value < 0:
                raise ValueError(f"{self.id}: {name} must not be negative, was {value!r}")
        for name in ("maker_fee", "taker_fee"):
            value = getattr(self, name)
            if not value.is_finite() or abs(value) >= Decimal("0.1"):
                raise ValueError(f"{self.id}: {name} is a fraction below 0.1, was {value!r}")

    @property
    def is_perpetual(self) -> bool:
        """True when a short needs no borrowed asset and funding is paid."""
        return self.kind is InstrumentKind.PERPETUAL
