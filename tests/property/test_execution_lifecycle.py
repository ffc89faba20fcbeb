"""Whatever a venue says, in whatever order: a legal state, and never more than was ordered."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tutti.execution.book_of_orders import OpenOrders
from tutti.execution.lifecycle import cancel_sent, unanswered
from tutti.model.errors import InvariantBroken
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    Order,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRefused,
    OrderStatus,
    OrderType,
    Side,
)

_ID = "1"
_LIVE = {
    OrderStatus.SENT,
    OrderStatus.ACCEPTED,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.CANCEL_SENT,
    OrderStatus.UNRESOLVED,
}


def _order(quantity: int) -> Order:
    return Order(
        id=_ID,
        instrument=InstrumentId("BTC-USD", "V"),
        side=Side.BUY,
        quantity=Decimal(quantity),
        type=OrderType.MARKET,
        price=None,
        status=OrderStatus.SENT,
        created_at=0,
        updated_at=0,
    )


def _fill(quantity: int, fill_id: str) -> OrderFilled:
    return OrderFilled(
        order_id=_ID,
        ts=1,
        fill_id=fill_id,
        quantity=Decimal(quantity),
        price=Decimal(100),
        fee=Decimal(0),
        is_maker=False,
    )


_ACCEPTED = OrderAccepted(order_id=_ID, ts=1, venue_order_id="v")
_REFUSED = OrderRefused(order_id=_ID, ts=1, detail="")
_CANCELLED = OrderCancelled(order_id=_ID, ts=1, detail="")
_EXPIRED = OrderExpired(order_id=_ID, ts=1, detail="")


def _check(order: Order, fills: dict[str, Decimal]) -> None:
    assert order.filled == sum(fills.values(), Decimal(0))
    assert order.filled <= order.quantity
    assert (order.status is OrderStatus.FILLED) == (order.remaining == 0)
    assert order.filled == 0 or order.average_price == 100
    if order.status in {OrderStatus.SENT, OrderStatus.ACCEPTED, OrderStatus.REJECTED}:
        assert order.filled == 0


class TruthfulVenue(RuleBasedStateMachine):
    """A venue that tells the truth, over a line that delays, repeats and reorders what it says."""

    @initialize(quantity=st.integers(1, 12))
    def send(self, quantity: int) -> None:
        self.orders = OpenOrders()
        self.orders.add(_order(quantity))
        self.said: list[OrderEvent] = []
        self.heard: list[bool] = []
        self.fills: dict[str, Decimal] = {}
        self.left = quantity
        self.truth = OrderStatus.SENT

    @property
    def order(self) -> Order:
        order = self.orders.get(_ID)
        assert order is not None
        return order

    def say(self, event: OrderEvent) -> None:
        self.said.append(event)
        self.heard.append(False)

    # ---- what happens at the venue ----

    @precondition(lambda self: self.truth is OrderStatus.SENT)
    @rule()
    def accept(self) -> None:
        self.truth = OrderStatus.ACCEPTED
        self.say(_ACCEPTED)

    @precondition(lambda self: self.truth is OrderStatus.SENT)
    @rule()
    def refuse(self) -> None:
        self.truth = OrderStatus.REJECTED
        self.say(_REFUSED)

    @precondition(lambda self: self.truth is OrderStatus.ACCEPTED)
    @rule(share=st.floats(0.01, 1.0))
    def execute(self, share: float) -> None:
        quantity = max(1, round(share * self.left))
        self.left -= quantity
        self.say(_fill(quantity, f"f{len(self.said)}"))
        if not self.left:
            self.truth = OrderStatus.FILLED

    @precondition(lambda self: self.truth is OrderStatus.ACCEPTED)
    @rule(is_cancelled=st.booleans())
    def end(self, *, is_cancelled: bool) -> None:
        self.truth = OrderStatus.CANCELLED if is_cancelled else OrderStatus.EXPIRED
        self.say(_CANCELLED if is_cancelled else _EXPIRED)

    # ---- what we do, and what we hear ----

    @precondition(
        lambda self: self.order.status in {OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED}
    )
    @rule()
    def ask_to_cancel(self) -> None:
        self.orders.replace(cancel_sent(self.order, 1))

    @precondition(lambda self: self.order.status in _LIVE)
    @rule()
    def lose_track(self) -> None:
        self.orders.replace(unanswered(self.order, 1))

    @precondition(lambda self: bool(self.said))
    @rule(data=st.data())
    def hear_something(self, data: st.DataObject) -> None:
        self.hear(data.draw(st.integers(0, len(self.said) - 1)))

    def hear(self, k: int) -> None:
        before = self.order.status
        event = self.said[k]
        self.heard[k] = True
        after = self.orders.apply(event)
        if isinstance(event, OrderFilled):
            assert (after is None) == (event.fill_id in self.fills)
            self.fills[event.fill_id] = event.quantity
        if before.is_final:
            assert self.order.status.is_final

    @invariant()
    def order_is_legal(self) -> None:
        _check(self.order, self.fills)
        assert len(self.orders) == (0 if self.order.status.is_final else 1)

    def teardown(self) -> None:
        if not hasattr(self, "said"):
            return
        for k, heard in enumerate(self.heard):
            if not heard:
                self.hear(k)
        self.order_is_legal()
        if self.truth.is_final:
            assert self.order.status is self.truth
        else:
            assert self.order.status in _LIVE


TestTruthfulVenue = TruthfulVenue.TestCase


_ANYTHING = st.one_of(
    st.sampled_from([_ACCEPTED, _REFUSED, _CANCELLED, _EXPIRED]),
    st.builds(_fill, st.integers(-1, 6), st.sampled_from("abcdef")),
)


@given(quantity=st.integers(1, 10), events=st.lists(_ANYTHING, max_size=20))
def test_order_of_a_lying_venue_is_legal_or_the_lie_is_found(
    quantity: int, events: list[OrderEvent]
) -> None:
    orders = OpenOrders()
    orders.add(_order(quantity))
    fills: dict[str, Decimal] = {}
    for event in events:
        before = orders.get(_ID)
        try:
            after = orders.apply(event)
        except InvariantBroken:
            assert orders.get(_ID) is before
        else:
            if isinstance(event, OrderFilled) and after is not None:
                fills[event.fill_id] = event.quantity
        order = orders.get(_ID)
        assert order is not None
        _check(order, fills)


@st.composite
def _histories(draw: st.DrawFn) -> tuple[int, list[OrderEvent | OrderAmended]]:
    """What a venue may truly say of an order, each event with its time."""
    quantity = draw(st.integers(1, 12))
    events: list[OrderEvent | OrderAmended] = [_ACCEPTED]
    left, ordered, ts = quantity, quantity, 2
    for kind in draw(st.lists(st.sampled_from(["fill", "fill", "amend"]), max_size=6)):
        if not left:
            break
        part = draw(st.integers(1, left))
        if kind == "fill":
            events.append(
                OrderFilled(
                    order_id=_ID,
                    ts=ts,
                    fill_id=f"f{ts}",
                    quantity=Decimal(part),
                    price=Decimal(90 + ts),
                    fee=Decimal(0),
                    is_maker=False,
                )
            )
            left -= part
        elif part < left:
            left, ordered = left - part, ordered - part
            events.append(
                OrderAmended(order_id=_ID, ts=ts, quantity=Decimal(ordered), price=Decimal(ts))
            )
        ts += 1
    if left and draw(st.booleans()):
        events.append(OrderCancelled(order_id=_ID, ts=ts, detail="by hand"))
    return quantity, events


@given(history=_histories(), data=st.data())
def test_events_in_any_order_and_any_number_of_times_lead_to_the_same_order(
    history: tuple[int, list[OrderEvent | OrderAmended]], data: st.DataObject
) -> None:
    quantity, events = history
    again = data.draw(st.lists(st.sampled_from(events), max_size=len(events)))
    ends = []
    for told in (events, data.draw(st.permutations([*events, *again]))):
        orders = OpenOrders()
        orders.add(_order(quantity))
        for event in told:
            orders.apply(event)
        order = orders.get(_ID)
        assert order is not None
        # averages are divided after each fill: the last digits follow the order
        ends.append(msgspec.structs.replace(order, average_price=round(order.average_price, 20)))
    assert ends[0] == ends[1]
