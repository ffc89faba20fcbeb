"""What a fake exchange trades and keeps: listings, orders, fills and the reasons for refusing."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class Side(StrEnum):
    """Which way an order goes."""

    BUY = "buy"
    SELL = "sell"

    @property
    def other(self) -> Side:
        """The side it trades with."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class Kind(StrEnum):
    """Whether an order names a price."""

    MARKET = "market"
    LIMIT = "limit"


class Life(StrEnum):
    """How long an order works."""

    GOOD_TILL_CANCELLED = "gtc"
    IMMEDIATE_OR_CANCEL = "ioc"
    FILL_OR_KILL = "fok"
    GOOD_TILL_DATE = "gtd"


class Status(StrEnum):
    """Where an order is in its life."""

    WAITING = "waiting"
    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        """True when nothing more can happen to the order."""
        return self not in (Status.WAITING, Status.OPEN)


class Reason(StrEnum):
    """Why an exchange says no; each dialect has its own code for it."""

    BAD_KEY = "bad_key"
    BAD_SIGNATURE = "bad_signature"
    BAD_TIME = "bad_time"
    BAD_NONCE = "bad_nonce"
    BAD_REQUEST = "bad_request"
    MISSING_PARAMETER = "missing_parameter"
    UNKNOWN_SYMBOL = "unknown_symbol"
    UNKNOWN_ORDER = "unknown_order"
    UNKNOWN_ENDPOINT = "unknown_endpoint"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    BELOW_MIN_QUANTITY = "below_min_quantity"
    BELOW_MIN_NOTIONAL = "below_min_notional"
    OFF_QUANTITY_STEP = "off_quantity_step"
    OFF_PRICE_STEP = "off_price_step"
    WOULD_TAKE = "would_take"
    WOULD_TRIGGER = "would_trigger"
    NO_LIQUIDITY = "no_liquidity"
    NOT_REDUCING = "not_reducing"
    TOO_MANY_REQUESTS = "too_many_requests"
    TOO_MANY_ORDERS = "too_many_orders"
    UNAVAILABLE = "unavailable"
    HALTED = "halted"


class Refused(Exception):
    """The exchange says no, for a reason that each dialect words in its own way."""

    def __init__(self, reason: Reason, detail: str = "", *, retry_after_s: float = 0.0) -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One instrument that an exchange trades, and its terms.

    Parameters
    ----------
    name : str
        Unified name, as in ccxt: ``BTC/USDT`` for spot, ``BTC/USDT:USDT`` for a perpetual.
    price_step, quantity_step : Decimal
        Prices and quantities are positive multiples of these.
    min_quantity, min_notional : Decimal
        Smallest order, in base units and in quote currency.
    maker_fee, taker_fee : Decimal
        Fractions of the notional.
    price : Decimal
        Where trading opens.
    is_fee_in_received : bool
        Fee of a spot purchase in the base currency bought (Binance), else always in quote.
    max_leverage : int
        Perpetuals: notional over margin at most.
    """

    name: str
    price_step: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    price: Decimal
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")
    is_fee_in_received: bool = False
    max_leverage: int = 20

    @property
    def base(self) -> str:
        """Currency bought or sold."""
        return self.name.partition("/")[0]

    @property
    def quote(self) -> str:
        """Currency of the price."""
        return self.name.partition("/")[2].partition(":")[0]

    @property
    def settle(self) -> str:
        """Currency that a perpetual is settled in; empty for spot."""
        return self.name.partition(":")[2]

    @property
    def is_perpetual(self) -> bool:
        """True for a perpetual contract, False for spot."""
        return ":" in self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """What a client asks for, after its dialect was understood.

    Parameters
    ----------
    quantity : Decimal
        Base units; zero where ``quote_quantity`` says what to spend.
    trigger : Decimal or None
        The order waits until the last price crosses this.
    triggers_above : bool
        Whether it is crossed from below.
    expires_at : int
        ns UTC; 0 for never.
    extra_fee : Decimal
        Fraction of the notional on top of the listing's fee.
    """

    listing: Listing
    side: Side
    kind: Kind
    quantity: Decimal
    price: Decimal | None = None
    client_id: str = ""
    life: Life = Life.GOOD_TILL_CANCELLED
    is_post_only: bool = False
    is_reduce_only: bool = False
    quote_quantity: Decimal = ZERO
    trigger: Decimal | None = None
    triggers_above: bool = True
    expires_at: int = 0
    extra_fee: Decimal = ZERO
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution of one of a client's orders."""

    id: int
    order: Order
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_currency: str
    is_maker: bool
    ts: int
    pnl: Decimal = ZERO

    def to_dict(self) -> dict[str, object]:
        """Return it for the control endpoint, numbers as text."""
        return {
            "id": self.id,
            "order_id": self.order.id,
            "client_id": self.order.client_id,
            "account": self.order.account,
            "listing": self.order.listing.name,
            "side": self.order.side,
            "price": str(self.price),
            "quantity": str(self.quantity),
            "fee": str(self.fee),
            "fee_currency": self.fee_currency,
            "is_maker": self.is_maker,
            "ts": self.ts,
        }


class Order:
    """A client's order as the exchange keeps it; never forgotten."""

    __slots__ = (
        "account",
        "client_id",
        "cost",
        "created_at",
        "detail",
        "filled",
        "fills",
        "held",
        "id",
        "price",
        "quantity",
        "request",
        "status",
        "updated_at",
    )

    def __init__(self, order_id: int, account: str, request: OrderRequest, ts: int) -> None:
        self.id = order_id
        self.account = account
        self.request = request
        self.client_id = request.client_id
        self.quantity = request.quantity
        self.price = request.price
        self.status = Status.OPEN
        self.filled = ZERO
        self.cost = ZERO
        self.held = ZERO
        self.fills: list[Fill] = []
        self.created_at = self.updated_at = ts
        self.detail = ""

    @property
    def listing(self) -> Listing:
        """What it trades."""
        return self.request.listing

    @property
    def side(self) -> Side:
        """Which way it goes."""
        return self.request.side

    @property
    def left(self) -> Decimal:
        """Base units that are not filled."""
        return self.quantity - self.filled

    @property
    def average(self) -> Decimal:
        """Average price of its fills; zero before the first."""
        return self.cost / self.filled if self.filled else ZERO

    def fees(self) -> dict[str, Decimal]:
        """Return what was charged, by currency."""
        total: dict[str, Decimal] = {}
        for fill in self.fills:
            total[fill.fee_currency] = total.get(fill.fee_currency, ZERO) + fill.fee
        return total

    def to_dict(self) -> dict[str, object]:
        """Return it for the control endpoint, numbers as text."""
        return {
            "id": self.id,
            "client_id": self.client_id,
            "account": self.account,
            "listing": self.listing.name,
            "side": self.side,
            "kind": self.request.kind,
            "price": None if self.price is None else str(self.price),
            "quantity": str(self.quantity),
            "filled": str(self.filled),
            "cost": str(self.cost),
            "status": self.status,
            "detail": self.detail,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "fills": [fill.id for fill in self.fills],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """One public trade."""

    id: int
    listing: Listing
    side: Side
    price: Decimal
    quantity: Decimal
    ts: int
