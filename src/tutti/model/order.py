"""From wish to fill: intents, approvals, refusals, orders, what venues answer."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from tutti.model.instrument import InstrumentId


class Side(StrEnum):
    """Direction of an order."""

    __hash__ = str.__hash__  # enumerations have one in Python, ten times as slow

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """How an order seeks its price."""

    __hash__ = str.__hash__

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"


class OrderStatus(StrEnum):
    """Where an order is in its life.

    ``SENT`` is *sent and unanswered*: it may or may not exist at the venue. It is reconciled, never
    resent blindly and never called failed. ``UNRESOLVED`` is an order whose fate reconciliation
    could not find: the instrument stays locked.
    """

    __hash__ = str.__hash__

    CREATED = "created"
    SENT = "sent"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    CANCEL_SENT = "cancel_sent"
    UNRESOLVED = "unresolved"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """True when nothing more can happen, late fills found by reconciliation aside."""
        return self in _FINAL


_FINAL = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
        OrderStatus.FAILED,
    }
)


class Reason(StrEnum):
    """Why a target is what it is; the position in the enumeration is its code in arrays."""

    __hash__ = str.__hash__

    NONE = "none"
    ENTRY = "entry"
    SIGNAL_EXIT = "signal_exit"
    FLIP = "flip"
    RESIZE = "resize"
    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"
    STALE_POSITION = "stale_position"
    LIQUIDATION_GUARD = "liquidation_guard"
    DRAWDOWN_STOP = "drawdown_stop"
    DAILY_LOSS_STOP = "daily_loss_stop"
    OPERATOR = "operator"

    @property
    def code(self) -> int:
        """Integer that stands for the reason in arrays."""
        return _REASONS.index(self)

    @classmethod
    def of(cls, code: int) -> Reason:
        """Return the reason that an array's code stands for."""
        return _REASONS[code]


_REASONS = tuple(Reason)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy wants to hold, as a signed fraction of equity."""

    instrument: InstrumentId
    as_of: int
    weight: float
    reason: Reason
    lead: str


class OrderIntent(msgspec.Struct, frozen=True, kw_only=True):
    """Order before risk has seen it.

    Parameters
    ----------
    id : str
        Becomes the client order id; 32 hexadecimal digits, time-ordered.
    quantity : Decimal
        Base units, positive, a whole number of the instrument's steps.
    price : Decimal or None
        Limit or trigger price; None for a market order.
    reference_price : Decimal
        Close at which it was decided; arrival price for slippage.
    lead : str
        Agent (or policy) that the position is booked to.
    """

    id: str
    instrument: InstrumentId
    as_of: int
    side: Side
    quantity: Decimal
    type: OrderType
    price: Decimal | None
    reference_price: Decimal
    reason: Reason
    lead: str
    reduces: bool


class ApprovedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Intent that passed every rule; only ``risk`` constructs one, and venues accept nothing else."""

    intent: OrderIntent
    approved_at: int
    rules: tuple[str, ...]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Intent that a rule objected to, and why."""

    intent: OrderIntent
    refused_at: int
    rule: str
    reason: str


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Instruction to a venue and what is known of it; a new value at each change.

    Parameters
    ----------
    id : str
        Client order id, equal to the intent's.
    filled : Decimal
        Base units filled so far.
    average_price : Decimal
        Of the fills; 0 before the first.
    parent : str
        Id of the order that this is a child of; empty for none.
    """

    id: str
    instrument: InstrumentId
    side: Side
    quantity: Decimal
    type: OrderType
    price: Decimal | None = None
    status: OrderStatus
    created_at: int
    updated_at: int
    filled: Decimal = Decimal(0)
    average_price: Decimal = Decimal(0)
    venue_order_id: str = ""
    detail: str = ""
    parent: str = ""

    @property
    def remaining(self) -> Decimal:
        """Base units not filled yet."""
        return self.quantity - self.filled


class ChildOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Part of an order that goes to one venue.

    Parameters
    ----------
    id : str
        Client order id at the venue; follows from the parent's.
    instrument : InstrumentId
        What the venue trades.
    quantity : Decimal
        Base units, a whole number of the venue's steps.
    price : Decimal or None
        Limit price on the venue's grid, no worse for us than the order's; None for a market order.
    expected_price : float or None
        Average price that the venue's book promised when it was routed, before fees; None where
        there was no book.
    """

    id: str
    parent: str
    instrument: InstrumentId
    quantity: Decimal
    expected_price: float | None
    price: Decimal | None = None


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """Execution of (a part of) an order.

    Parameters
    ----------
    fee : Decimal
        Quote currency; negative for a rebate.
    slippage_bps : float
        Signed, against the reference price of the intent; positive is worse than arrival.
    """

    id: str
    order_id: str
    instrument: InstrumentId
    ts: int
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    is_maker: bool
    slippage_bps: float


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word for what became of an order that no venue can tell of.

    Parameters
    ----------
    outcome : OrderStatus
        FILLED, CANCELLED (with what was filled before) or REJECTED.
    filled : Decimal
        Base units filled in all, those that were booked before included.
    price : Decimal or None
        Average of what is booked now; None where nothing is.
    fee : Decimal
        Of the same, quote currency.
    by, reason : str
        Who says so, and why.
    said : str
        What the venue says that was overruled; empty where it can't tell.
    """

    order_id: str
    outcome: OrderStatus
    filled: Decimal
    price: Decimal | None
    fee: Decimal
    by: str
    reason: str
    said: str = ""


# ---- what a venue says; each carries the venue's time (ns UTC) ----


class OrderAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """Venue has the order."""

    order_id: str
    ts: int
    venue_order_id: str


class OrderRefused(msgspec.Struct, frozen=True, kw_only=True):
    """Venue definitively does not have the order."""

    order_id: str
    ts: int
    detail: str


class OrderFilled(msgspec.Struct, frozen=True, kw_only=True):
    """Venue executed a part; the same fill id is applied once however often it arrives."""

    order_id: str
    ts: int
    fill_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    is_maker: bool


class OrderCancelled(msgspec.Struct, frozen=True, kw_only=True):
    """Venue no longer works the order."""

    order_id: str
    ts: int
    detail: str


class OrderExpired(msgspec.Struct, frozen=True, kw_only=True):
    """Venue let the order lapse."""

    order_id: str
    ts: int
    detail: str


class OrderAmended(msgspec.Struct, frozen=True, kw_only=True):
    """Venue works the order on other terms: somebody changed it there.

    Parameters
    ----------
    quantity : Decimal
        Base units ordered in total, what is filled included.
    price : Decimal or None
        Limit or trigger price; None for a market order.
    """

    order_id: str
    ts: int
    quantity: Decimal
    price: Decimal | None


class OrderUnsent(msgspec.Struct, frozen=True, kw_only=True):
    """Order certainly did not reach the venue's book this time, and may the next time.

    Parameters
    ----------
    retry_after_s : float
        Seconds that the venue asks to be left alone for; 0 where it didn't say.
    """

    order_id: str
    ts: int
    detail: str
    retry_after_s: float = 0.0


class OrderUnanswered(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody knows whether the venue has the order: look for it, never send it again."""

    order_id: str
    ts: int
    detail: str


class FundingPaid(msgspec.Struct, frozen=True, kw_only=True):
    """Funding of a perpetual; ``amount`` is what the account received, negative when it paid.

    ``rate`` is 0 where a venue tells the amount only.
    """

    instrument: InstrumentId
    ts: int
    rate: float
    amount: Decimal


class Liquidated(msgspec.Struct, frozen=True, kw_only=True):
    """Venue closed a position by force."""

    instrument: InstrumentId
    ts: int
    fill_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal


OrderEvent = (
    OrderAccepted | OrderRefused | OrderFilled | OrderCancelled | OrderExpired | OrderAmended
)
SubmissionEvent = OrderUnsent | OrderUnanswered
"""What became of a request to send an order, where the venue didn't answer it."""
VenueEvent = OrderEvent | SubmissionEvent | FundingPaid | Liquidated


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What is held of one instrument; quantity is signed, negative when short."""

    instrument: InstrumentId
    quantity: Decimal
    average_price: Decimal
    opened_at: int
    updated_at: int
    realised: Decimal
    fees: Decimal
    lead: str
