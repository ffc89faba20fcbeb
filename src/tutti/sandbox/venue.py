"""Venue that fills orders against bars, by the kernels that the fast tier uses.

Lots and ticks are whole numbers in the kernels; here they become decimals, exactly: quantity is
lots times quantity step, price is ticks times price step, a fee is notional times rate. Funding is
rounded to 1e-12 of the quote currency, because its rate is a float.
"""

from __future__ import annotations

import math
from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from tutti.execution.acceptance import Objection
from tutti.execution.matching import (
    FILL_LOTS,
    FILL_TICKS,
    IS_MAKER,
    KIND,
    LIMIT,
    LIMIT_TICKS,
    MARKET,
    N_COLUMNS,
    RESTING,
    STOP,
    match_orders,
)
from tutti.kernel.jit import bound
from tutti.model.errors import ConfigError, OrderRejected, OutcomeUnknown
from tutti.model.order import (
    Liquidated,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRefused,
    OrderStatus,
    OrderType,
    Side,
)
from tutti.sandbox.account import Account
from tutti.sandbox.venue_order import VenueOrder, fill_id_of, objection_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tutti.execution.cost import Costs
    from tutti.execution.port import VenueOrderReport
    from tutti.model.arrays import Tradable
    from tutti.model.instrument import Instrument, InstrumentId
    from tutti.model.order import ApprovedOrder, Order, VenueEvent

_KINDS = {OrderType.MARKET: MARKET, OrderType.LIMIT: LIMIT, OrderType.STOP: STOP}
_NOTHING = Decimal(0)
_KEEP_FINAL = 10_000


class SimulatedVenue:
    """One venue with one account, driven by bars; implements :class:`~tutti.execution.port.Venue`.

    Parameters
    ----------
    name : str
        Venue part of the ids of its instruments.
    instruments : sequence of Instrument
        What it trades.
    columns : sequence of int
        Column of each in the bars that it will observe.
    costs : Costs
        Cost and fill rules, over all columns of the bars.
    start_balance : Decimal
        Quote currency in the account.
    currency : str
        Name of that currency.
    good_for_ns : int
        Orders lapse at the first bar that opens this long after they arrived; 0 for never.

    Raises
    ------
    ConfigError
        If an instrument belongs to another venue, or the balance is negative.
    """

    is_authoritative = True

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        instruments: Sequence[Instrument],
        columns: Sequence[int],
        costs: Costs,
        start_balance: Decimal,
        *,
        currency: str = "USD",
        good_for_ns: int = 0,
    ) -> None:
        if not start_balance.is_finite() or start_balance < 0:
            raise ConfigError(f"{name}: start balance must not be negative, was {start_balance!r}")
        self.name = name
        self._costs = costs
        self._currency = currency
        self._good_for_ns = good_for_ns
        self._account = Account(name, instruments, columns, costs, start_balance)
        self._known: dict[str, VenueOrder] = {}
        self._final: deque[str] = deque()
        self._working: list[VenueOrder] = []
        self._table = np.zeros((64, N_COLUMNS), dtype=np.int64)
        self._events: list[VenueEvent] = []
        self._bars: Tradable | None = None
        self._match_orders: Callable[..., int] = match_orders
        self._row = -1
        self._untested: list[str] = []
        self._is_timed = costs.latency_ns > 0 or good_for_ns > 0

    # ---- what execution asks ----

    def submit(self, order: ApprovedOrder, ts: int) -> None:
        """Take an order that was sent at ``ts``, or refuse it; the answer is an event.

        Raises
        ------
        OutcomeUnknown
            If the client order id is known already: look the order up.
        """
        intent = order.intent
        order_id = intent.id
        if order_id in self._known:
            raise OutcomeUnknown(
                f"order {order_id} is here already: look it up, don't send it again",
                venue=self.name,
            )
        listing = self._account.listings.get(intent.instrument)
        if listing is None:
            self._refuse(order_id, ts, f"{intent.instrument} does not trade here")
            return
        limit_ticks = 0
        price = math.nan
        if intent.type is not OrderType.MARKET:
            limit_ticks = _whole(intent.price, listing.price_step)
            if intent.price is None or not limit_ticks:
                said = f"price {intent.price} is not a positive multiple of {listing.price_step}"
                self._refuse(order_id, ts, said)
                return
            price = float(intent.price)
        lots = _whole(intent.quantity, listing.quantity_step)
        if not lots:
            said = f"quantity {intent.quantity} is not a positive multiple"
            self._refuse(order_id, ts, f"{said} of {listing.quantity_step}")
            return
        self._account.mark(self._row + 1)
        signed_lots = lots if intent.side is Side.BUY else -lots
        if code := self._account.objection(listing, signed_lots, price):
            self._refuse(order_id, ts, objection_of(code, listing))
            return
        arrival = ts + self._costs.latency_ns
        taken = VenueOrder(order_id, listing, intent.side, lots, arrival)
        self._work(taken, _KINDS[intent.type], limit_ticks, arrival)
        if arrival == ts:
            self._answer(taken)

    def cancel(self, order_id: str, ts: int) -> None:
        """Cancel an order once the request has arrived; it may fill before.

        Raises
        ------
        OrderRejected
            If no such order is working.
        """
        order = self._known.get(order_id)
        if order is None or order.status.is_final:
            state = "unknown" if order is None else str(order.status)
            raise OrderRejected(f"can't cancel order {order_id}: it is {state}", venue=self.name)
        if self._costs.latency_ns == 0:
            self._end(order, OrderStatus.CANCELLED, ts, "as asked")
        else:
            # asking again doesn't put it off
            order.cancel_at = min(order.cancel_at, ts + self._costs.latency_ns)

    def events(self) -> list[VenueEvent]:
        """Return what happened since the last call, oldest first, and forget it."""
        events = self._events
        if events:
            self._events = []
        return events

    def find(self, order_id: str) -> VenueOrderReport | None:
        """Return what is known of an order; None when it was refused or is long finished."""
        order = self._known.get(order_id)
        if order is None:
            return None
        return order.report()

    def positions(self) -> dict[InstrumentId, Decimal]:
        """Return what is held, signed base units; instruments held flat are absent."""
        return {
            each.instrument: each.lots * each.quantity_step
            for each in self._account.listings.values()
            if each.lots
        }

    def balances(self) -> dict[str, Decimal]:
        """Return the cash; a purchase lowers it by its notional, for perpetuals too."""
        return {self._currency: self._account.cash}

    # ---- what drives it ----

    @property
    def is_idle(self) -> bool:
        """True when no order works and no perpetual is held: bars change nothing here."""
        return not self._working and not self._account.n_perpetuals_held

    def enter(self, bars: Tradable) -> None:
        """Go over to the next block of bars: what is held is marked at the closes of the last.

        Needed only for a block of which no row may be observed.
        """
        self._account.enter(bars)
        self._bars = bars
        self._row = -1

    def reprice(self, costs: Costs) -> None:
        """Charge and fill by other rules from the next bar on; latency stays what it is.

        Raises
        ------
        ValueError
            If the latency differs: orders on their way would arrive at two times.
        """
        if costs.latency_ns != self._costs.latency_ns:
            raise ValueError(f"{self.name}: latency can't change while orders may be on their way")
        self._costs = costs
        self._account.reprice(costs)
        # kernels are bound to what they were given: bind them anew at the next bar
        self._row = -1

    def observe(self, bars: Tradable, t: int) -> None:
        """Live through bar ``t``: match orders, pay funding, liquidate; queue the events.

        Rows and blocks are observed in order; while :attr:`is_idle`, all may be left out but the
        one at whose close an order is sent. Events carry the time of the bar's start.
        """
        account = self._account
        if bars is not self._bars:
            self.enter(bars)
        if self._untested:
            self._test_again(int(bars.ts[t]))
        if self._row < 0:
            self._match_orders = bound(
                match_orders, 0, self._table, 0, bars, account.terms, self._costs
            )
        self._row = t
        if self._working:
            self._match(bars, t)
        if account.n_perpetuals_held:
            events = account.settle(bars, t)
            if events:
                self._events += events
                if any(isinstance(event, Liquidated) for event in events):
                    self._drop_perpetuals(int(bars.ts[t]))

    def restore(
        self,
        positions: Mapping[InstrumentId, Decimal],
        cash: Decimal,
        orders: Iterable[Order] = (),
    ) -> None:
        """Set the account as it was before a restart: what is held, the cash, working orders.

        An order that was sent, and whose answer nobody wrote down, is judged anew, by the closes
        before the next bar: it may have been refused.

        Raises
        ------
        ConfigError
            If a position or an order doesn't fit the instruments of this venue.
        """
        account = self._account
        lots = {name: account.fitted(name, held)[1] for name, held in positions.items()}
        account.restore(cash, lots)
        for order in orders:
            listing, left = account.fitted(order.instrument, order.remaining)
            _, filled = account.fitted(order.instrument, order.filled)
            arrival = order.created_at + self._costs.latency_ns
            taken = VenueOrder(order.id, listing, order.side, left, arrival)
            taken.lots += filled
            is_sent = order.status is OrderStatus.SENT
            # what takes time to arrive may still be on its way
            taken.is_answered = not (is_sent and self._costs.latency_ns)
            if is_sent:
                self._untested.append(order.id)
            if filled:
                # one for all of them, with the id of the last: whoever booked that booked them all
                taken.fills.append(
                    OrderFilled(
                        order_id=order.id,
                        ts=order.updated_at,
                        fill_id=fill_id_of(order.id, filled),
                        quantity=order.filled,
                        price=order.average_price,
                        fee=_NOTHING,
                        is_maker=False,
                    )
                )
            kind = _KINDS[order.type]
            if filled and kind == STOP:
                kind = MARKET  # it was triggered
            ticks = _whole(order.price, listing.price_step)
            self._work(taken, kind, ticks, RESTING if filled else arrival)

    # ---- orders ----

    def _refuse(self, order_id: str, ts: int, said: str) -> None:
        self._events.append(OrderRefused(order_id=order_id, ts=ts, detail=said))

    def _test_again(self, ts: int) -> None:
        # as they were judged the first time: each with those before it at work
        account = self._account
        orders = [each for each in self._working if each.order_id in self._untested]
        self._untested = []
        for order in orders:
            account.set_aside(order.listing, -order.signed_left)
        for order in orders:
            k = self._working.index(order)
            is_market = self._table[k, KIND] == MARKET
            step = order.listing.price_step
            price = math.nan if is_market else float(int(self._table[k, LIMIT_TICKS]) * step)
            code = account.objection(order.listing, order.signed_left, price)
            # before any price is known everything would be refused
            if code and code != Objection.NO_PRICE:
                order.status = OrderStatus.REJECTED
                order.said = objection_of(code, order.listing)
                self._refuse(order.order_id, ts, order.said)
                self._remove(k)
            else:
                account.set_aside(order.listing, order.signed_left)

    def _work(self, order: VenueOrder, kind: int, limit_ticks: int, arrival: int) -> None:
        count = len(self._working)
        if count == len(self._table):
            self._table = np.vstack([self._table, np.zeros_like(self._table)])
        column = order.listing.column
        side = 1 if order.side is Side.BUY else -1
        self._table[count] = column, kind, side, order.left, limit_ticks, arrival, 0, 0, 0
        self._account.set_aside(order.listing, order.signed_left)
        if self._good_for_ns:
            order.expires_at = order.accepted_at + self._good_for_ns
        self._working.append(order)
        self._known[order.order_id] = order

    def _answer(self, order: VenueOrder) -> None:
        order.is_answered = True
        self._events.append(
            OrderAccepted(
                order_id=order.order_id,
                ts=order.accepted_at,
                venue_order_id=order.venue_order_id,
            )
        )

    def _match(self, bars: Tradable, t: int) -> None:
        ts = int(bars.ts[t])
        if self._is_timed:
            self._pass_time(ts)
        count = len(self._working)
        account = self._account
        if not self._match_orders(t, self._table, count, bars, account.terms, self._costs):
            return
        for k, row in enumerate(self._table[:count].tolist()):
            if row[FILL_LOTS]:
                is_maker = row[IS_MAKER] != 0
                self._fill(self._working[k], row[FILL_LOTS], row[FILL_TICKS], ts, is_maker=is_maker)
        for k in range(count - 1, -1, -1):
            if not self._working[k].left:
                self._remove(k)

    def _pass_time(self, ts: int) -> None:
        for order in list(self._working):
            if order.accepted_at <= ts and not order.is_answered:
                self._answer(order)
            if order.cancel_at <= min(ts, order.expires_at):
                self._end(order, OrderStatus.CANCELLED, order.cancel_at, "as asked")
            elif order.expires_at <= ts:
                self._end(order, OrderStatus.EXPIRED, order.expires_at, "its time is over")

    def _fill(self, order: VenueOrder, lots: int, ticks: int, ts: int, *, is_maker: bool) -> None:
        listing = order.listing
        account = self._account
        quantity = lots * listing.quantity_step
        price = ticks * listing.price_step
        notional = quantity * price
        fee = notional * (listing.maker_fee if is_maker else listing.taker_fee)
        if order.side is Side.BUY:
            account.pay(notional + fee)
            account.hold(listing, lots)
            account.set_aside(listing, -lots)
        else:
            account.pay(fee - notional)
            account.hold(listing, -lots)
            account.set_aside(listing, lots)
        order.left -= lots
        order.said_at = ts
        if not order.left:
            order.status = OrderStatus.FILLED
        fill = OrderFilled(
            order_id=order.order_id,
            ts=ts,
            fill_id=fill_id_of(order.order_id, order.lots - order.left),
            quantity=quantity,
            price=price,
            fee=fee,
            is_maker=is_maker,
        )
        order.fills.append(fill)
        self._events.append(fill)

    def _drop_perpetuals(self, ts: int) -> None:
        for order in list(self._working):
            if order.listing.is_perpetual:
                self._end(order, OrderStatus.CANCELLED, ts, "the account was liquidated")

    def _end(self, order: VenueOrder, status: OrderStatus, ts: int, said: str) -> None:
        kind = OrderCancelled if status is OrderStatus.CANCELLED else OrderExpired
        self._events.append(kind(order_id=order.order_id, ts=ts, detail=said))
        self._account.set_aside(order.listing, -order.signed_left)
        order.status = status
        order.said = said
        order.said_at = ts
        self._remove(self._working.index(order))

    def _remove(self, k: int) -> None:
        order = self._working.pop(k)
        count = len(self._working)
        if k < count:
            self._table[k:count] = self._table[k + 1 : count + 1].copy()
        self._final.append(order.order_id)
        if len(self._final) > _KEEP_FINAL:
            del self._known[self._final.popleft()]


def _whole(value: Decimal | None, step: Decimal) -> int:
    # how many steps; 0 when there is no value, or it isn't a positive multiple
    if value is None or value <= 0:
        return 0
    steps, off = divmod(value, step)
    return 0 if off else int(steps)
