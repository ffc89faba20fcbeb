"""ccxt's orders, trades, balances and positions in our words."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.adapters.venues.by_ccxt.contracts import Contract, decimal_of
from tutti.execution.port import VenueOrderReport
from tutti.model.order import (
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRefused,
    OrderStatus,
    Side,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tutti.model.instrument import InstrumentId
    from tutti.model.order import OrderEvent

_NOTHING = Decimal(0)
_MILLISECOND = 1_000_000
_ENDED = {
    "canceled": OrderStatus.CANCELLED,
    "cancelled": OrderStatus.CANCELLED,
    "expired": OrderStatus.EXPIRED,
    "expired_in_match": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}
_WORKING = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)
_CLOSED = ("closed", "filled")


@dataclass(slots=True)
class Tracked:
    """An order of ours that may be at the venue, and what is known of it there.

    Attributes
    ----------
    asked_at : int
        When it was last sent, or given to us after a restart, ns UTC.
    arrives_until : int
        Until when a request of it that is on its way may still reach the venue, ns UTC.
    booked : Decimal
        Base units filled that the book had before this process, and that are to be told once more.
    looked_at : int
        When the venue was last asked for it, ns UTC; 0 for never.
    is_unsent : bool
        The last request certainly did not reach the venue.
    is_over : bool
        The venue has said how it ended, and told all of its fills.
    """

    order_id: str
    client_id: str
    contract: Contract
    side: Side
    quantity: Decimal
    asked_at: int
    venue_order_id: str = ""
    filled: Decimal = _NOTHING
    fill_ids: set[str] = field(default_factory=set)
    arrives_until: int = 0
    booked: Decimal = _NOTHING
    looked_at: int = 0
    is_unsent: bool = False
    is_accepted: bool = False
    is_over: bool = False


def fill_of(
    trade: Mapping[str, Any],
    tracked: Tracked,
    taker_fee: Decimal,
    worth: Callable[..., Any],
    otherwise: int,
) -> OrderFilled | None:
    """Return an execution of ours; None for a trade without what a fill needs.

    Parameters
    ----------
    trade : mapping
        ccxt's.
    taker_fee : Decimal
        Rate to assume where the venue tells a fee in a currency of unknown worth, or none.
    worth : callable
        ``worth(currency, quote)``: price of the one in the other, or None.
    otherwise : int
        Time to assume where the venue tells none, ns UTC.

    Notes
    -----
    The id is ours and the venue's together: the venue's own need not be unique beyond a symbol, and
    after a restart fills are recognised by the order that they begin with.
    """
    price, amount = decimal_of(trade.get("price")), decimal_of(trade.get("amount"))
    if trade.get("id") is None or price is None or amount is None or amount <= 0:
        return None
    quantity = tracked.contract.rounded(amount * tracked.contract.size)
    is_maker = trade.get("takerOrMaker") == "maker"
    return OrderFilled(
        order_id=tracked.order_id,
        ts=stamp(trade, otherwise),
        fill_id=f"{tracked.order_id}-{trade['id']}",
        quantity=quantity,
        price=price,
        fee=_fee(trade, tracked.contract, quantity * price, taker_fee, worth),
        is_maker=is_maker,
    )


def _fee(
    trade: Mapping[str, Any],
    contract: Contract,
    notional: Decimal,
    taker_fee: Decimal,
    worth: Callable[..., Any],
) -> Decimal:
    fees = [each for each in (trade.get("fees") or [trade.get("fee")]) if each]
    total, is_told = _NOTHING, False
    for each in fees:
        cost, currency = decimal_of(each.get("cost")), each.get("currency")
        if cost is None or currency is None:
            continue
        if currency == contract.quote:
            rate: Decimal | None = Decimal(1)
        elif currency == contract.base:
            rate = decimal_of(trade.get("price"))
        else:
            rate = worth(currency, contract.quote)
        if rate is None:
            return notional * taker_fee
        total, is_told = total + cost * rate, True
    return total if is_told else notional * taker_fee


def stamp(said: Mapping[str, Any], otherwise: int = 0) -> int:
    """Return the venue's time of something, ns UTC."""
    for name in ("lastTradeTimestamp", "lastUpdateTimestamp", "timestamp"):
        value = said.get(name)
        if value is not None:
            return int(value) * _MILLISECOND
    return otherwise


def status_of(order: Mapping[str, Any], tracked: Tracked) -> OrderStatus:
    """Return what ccxt's order says of ours; one without a status is at work."""
    told = str(order.get("status") or "open").lower()
    filled = filled_of(order, tracked)
    if told in _ENDED:
        ended = _ENDED[told]
        # some call an immediate order that found nothing (more) to trade with expired
        if ended is OrderStatus.REJECTED and filled:
            return OrderStatus.CANCELLED
        return OrderStatus.FILLED if filled >= tracked.quantity else ended
    if told in _CLOSED:
        # an order may be closed without having been filled: nobody to trade with
        return OrderStatus.FILLED if filled >= tracked.quantity else OrderStatus.CANCELLED
    return OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.ACCEPTED


def filled_of(order: Mapping[str, Any], tracked: Tracked) -> Decimal:
    """Return how much of the order is filled, base units."""
    filled = (decimal_of(order.get("filled")) or _NOTHING) * tracked.contract.size
    return tracked.contract.rounded(filled)


def report_of(
    order: Mapping[str, Any], fills: Iterable[OrderFilled], tracked: Tracked, now: int
) -> VenueOrderReport:
    """Return what the venue knows of an order, from its words on it and its executions."""
    unique = {each.fill_id: each for each in fills}
    listed = sum((each.quantity for each in unique.values()), _NOTHING)
    return VenueOrderReport(
        order_id=tracked.order_id,
        venue_order_id=str(order.get("id") or tracked.venue_order_id),
        status=status_of(order, tracked),
        filled=max(filled_of(order, tracked), listed),
        fills=tuple(sorted(unique.values(), key=lambda each: (each.ts, each.fill_id))),
        ts=stamp(order, now),
        detail=str(order.get("status") or ""),
        quantity=_ordered(order, tracked),
        price=decimal_of(order.get("triggerPrice") or order.get("price")),
    )


def _ordered(order: Mapping[str, Any], tracked: Tracked) -> Decimal | None:
    # an order that works may have been amended there; one that ended need not tell its size, but
    # that it was enlarged shows in what was filled
    amount, filled = decimal_of(order.get("amount")), filled_of(order, tracked)
    ordered = tracked.contract.rounded((amount or _NOTHING) * tracked.contract.size)
    if filled > tracked.quantity:
        return max(ordered, filled)
    return ordered if amount and status_of(order, tracked) in _WORKING else None


def events_of(report: VenueOrderReport, tracked: Tracked) -> list[OrderEvent]:
    """Return what a report says that was not told yet, and take note of it.

    An order that ended is told as ended only once all of its fills are: what comes after the end of
    an order is a surprise to everybody.
    """
    events: list[OrderEvent] = []
    tracked.venue_order_id = tracked.venue_order_id or report.venue_order_id
    if report.status is OrderStatus.REJECTED:
        if not tracked.is_over:
            tracked.is_over = True
            events.append(
                OrderRefused(order_id=tracked.order_id, ts=report.ts, detail=report.detail)
            )
        return events
    if not tracked.is_accepted and report.venue_order_id:
        tracked.is_accepted = True
        events.append(
            OrderAccepted(
                order_id=tracked.order_id, ts=report.ts, venue_order_id=report.venue_order_id
            )
        )
    listed = sum((each.quantity for each in report.fills), _NOTHING)
    if max(report.filled, listed) > tracked.quantity:
        # nothing else explains it: somebody enlarged the order at the venue
        tracked.quantity = max(report.filled, listed, report.quantity or _NOTHING)
        tracked.is_over = False
        events.append(
            OrderAmended(
                order_id=tracked.order_id, ts=report.ts, quantity=tracked.quantity,
                price=report.price,
            )
        )  # fmt: skip
    for fill in report.fills:
        if fill.fill_id not in tracked.fill_ids:
            tracked.fill_ids.add(fill.fill_id)
            tracked.filled += fill.quantity
            events.append(fill)
    if tracked.is_over or tracked.filled < report.filled:
        return events
    if report.status is OrderStatus.FILLED or tracked.filled >= tracked.quantity:
        tracked.is_over = True
    elif report.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED):
        tracked.is_over = True
        kind = OrderCancelled if report.status is OrderStatus.CANCELLED else OrderExpired
        events.append(kind(order_id=tracked.order_id, ts=report.ts, detail=report.detail))
    return events


def positions_of(
    positions: Iterable[Mapping[str, Any]], contracts: Mapping[str, Contract]
) -> dict[InstrumentId, Decimal]:
    """Return what is held of perpetuals, signed base units, by ccxt's positions."""
    held: dict[InstrumentId, Decimal] = {}
    for each in positions:
        contract = contracts.get(str(each.get("symbol")))
        quantity = decimal_of(each.get("contracts"))
        if contract is None or not quantity:
            continue
        signed = abs(quantity) * contract.size * (-1 if each.get("side") == "short" else 1)
        held[contract.id] = held.get(contract.id, _NOTHING) + signed
    return {instrument: quantity for instrument, quantity in held.items() if quantity}


def spot_of(
    balance: Mapping[str, Any], contracts: Iterable[Contract]
) -> dict[InstrumentId, Decimal]:
    """Return what is held of spot instruments: the whole balance of their base currency.

    Where two instruments have one base currency (BTC-USD and BTC-USDT), the venue does not tell
    which of them bought it: it is counted to the first.
    """
    held: dict[InstrumentId, Decimal] = {}
    seen: set[str] = set()
    for contract in contracts:
        if contract.base in seen:
            continue
        seen.add(contract.base)
        total = total_of(balance, contract.base)
        if total:
            held[contract.id] = total
    return held


def total_of(balance: Mapping[str, Any], currency: str) -> Decimal:
    """Return the balance of a currency, what orders hold included."""
    totals = balance.get("total") or {}
    return decimal_of(totals.get(currency)) or _NOTHING


def contracts_cost(
    positions: Iterable[Mapping[str, Any]], contracts: Mapping[str, Contract]
) -> Decimal:
    """Return what open contracts cost at their entry prices, signed, quote currency."""
    total = _NOTHING
    for each in positions:
        contract = contracts.get(str(each.get("symbol")))
        quantity, entry = decimal_of(each.get("contracts")), decimal_of(each.get("entryPrice"))
        if contract is None or not quantity or entry is None:
            continue
        sign = -1 if each.get("side") == "short" else 1
        total += sign * abs(quantity) * contract.size * entry
    return total


def unrealised(positions: Iterable[Mapping[str, Any]]) -> Decimal:
    """Return the gain of open contracts that is not realised, quote currency."""
    return sum((decimal_of(each.get("unrealizedPnl")) or _NOTHING for each in positions), _NOTHING)
