"""What another engine is asked to replay, and what it answers; values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tutti.model.instrument import Instrument
from tutti.model.market import FloatArray, MarketBlock


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRules:
    """What trading costs at a venue, and how its bars fill orders; as in decision 0003."""

    name: str
    starting_balance: Decimal
    impact_coefficient: float
    participation: float
    limit_through: bool
    liquidation_fee: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOrder:
    """One order as it was sent, without what became of it.

    Parameters
    ----------
    instrument : int
        Column of the market.
    side : int
        +1 for a buy, -1 for a sell.
    type : str
        ``market``, ``limit`` or ``stop``.
    price : Decimal or None
        Limit or trigger.
    arrival : int
        When it was at the venue, ns UTC.
    cancel_at : int or None
        When the request to cancel it was there; None where there was none.
    forced_price : Decimal or None
        Of a forced close, which no strategy sent and no engine decides alike: its price is given.
    """

    order_id: str
    instrument: int
    side: int
    quantity: Decimal
    type: str
    price: Decimal | None
    arrival: int
    cancel_at: int | None = None
    forced_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRequest:
    """Everything that a replay needs; fills are not among it.

    Parameters
    ----------
    half_spread_bps : sequence of float
        Of each instrument, basis points of price.
    """

    market: MarketBlock
    instruments: Sequence[Instrument]
    half_spread_bps: Sequence[float]
    venues: Sequence[VenueRules]
    orders: Sequence[ReplayOrder]
    quote_currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFill:
    """One fill, of the run or of the replay.

    Parameters
    ----------
    row : int
        Row of the market whose bar filled it.
    price, fee : Decimal
        Quote currency.
    is_forced : bool
        Whether it closed a position by force.
    """

    order_id: str
    instrument: int
    row: int
    side: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    is_maker: bool
    is_forced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What an engine made of the orders.

    Parameters
    ----------
    engine : str
        Name and version.
    refused : sequence of (order id, reason)
        Orders that it would not take.
    equity : ndarray of float64, shape (t,)
        After each tick, quote currency.
    funding : float
        Received, quote currency.
    mapped : mapping of str to float
        Costs that the engine has no model of and was given, by kind, quote currency.
    """

    engine: str
    fills: Sequence[ReplayFill]
    refused: Sequence[tuple[str, str]]
    equity: FloatArray
    funding: float
    mapped: Mapping[str, float]
