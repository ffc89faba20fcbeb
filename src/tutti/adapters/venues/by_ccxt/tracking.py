"""Our orders at one venue, and everything that was said of them, told on once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutti.adapters.venues.by_ccxt.reading import Tracked, events_of
from tutti.model.order import OrderAccepted, OrderFilled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from decimal import Decimal

    from tutti.adapters.venues.by_ccxt.contracts import Contract
    from tutti.adapters.venues.by_ccxt.dialect import Dialect
    from tutti.execution.port import VenueOrderReport
    from tutti.model.order import Side, SubmissionEvent, VenueEvent

_MOST_STRAYS = 1000
_KEEP_OVER = 5000


class Tracking:
    """Orders by our id and by the venue's; a fill or an end is told once, whoever brings it.

    Parameters
    ----------
    dialect : Dialect
    wake : callable
        Called when there is something new to be told.
    filled : callable
        Called with the order and each execution that is told: what the account holds changed.
    """

    def __init__(
        self,
        dialect: Dialect,
        wake: Callable[[], None],
        filled: Callable[[Tracked, OrderFilled], None],
    ) -> None:
        self._dialect = dialect
        self._wake = wake
        self._filled = filled
        self._orders: dict[str, Tracked] = {}
        self._by_venue_id: dict[str, str] = {}
        self._events: list[Any] = []
        self._strays: list[Mapping[str, Any]] = []

    def get(self, order_id: str) -> Tracked | None:
        """Return an order by our id."""
        return self._orders.get(order_id)

    def track(
        self, order_id: str, contract: Contract, side: Side, quantity: Decimal, ts: int
    ) -> Tracked:
        """Take note that an order was sent, again perhaps, at ``ts`` (ns UTC)."""
        tracked = self._orders.get(order_id)
        if tracked is None:
            client_id = self._dialect.client_ids.encode(order_id)
            tracked = Tracked(
                order_id=order_id, client_id=client_id, contract=contract, side=side,
                quantity=quantity, asked_at=ts,
            )  # fmt: skip
            self._orders[order_id] = tracked
        tracked.asked_at = max(tracked.asked_at, ts)
        return tracked

    def learn(self, tracked: Tracked, venue_order_id: str) -> None:
        """Take note of the venue's id of an order."""
        if venue_order_id:
            tracked.venue_order_id = venue_order_id
            self._by_venue_id[venue_order_id] = tracked.order_id

    def ours(self, order: Mapping[str, Any]) -> Tracked | None:
        """Return which of our orders ccxt's order is; None for somebody else's."""
        order_id = self._by_venue_id.get(str(order.get("id") or ""))
        if order_id is None:
            order_id = self._dialect.client_ids.decode(str(order.get("clientOrderId") or ""))
        return self._orders.get(order_id or "")

    def working(self) -> list[Tracked]:
        """Return the orders that may still change, oldest first."""
        return [each for each in self._orders.values() if not each.is_over and not each.is_unsent]

    def forget(self) -> list[str]:
        """Drop the oldest of the orders that are over; return their ids."""
        over = [each for each in self._orders.values() if each.is_over]
        dropped = over[: max(0, len(over) - _KEEP_OVER)]
        for tracked in dropped:
            del self._orders[tracked.order_id]
            self._by_venue_id.pop(tracked.venue_order_id, None)
        return [each.order_id for each in dropped]

    # ---- telling ----

    def take(self) -> list[VenueEvent]:
        """Return what there is to tell, oldest first, and forget it."""
        events, self._events = self._events, []
        return events

    def tell(self, *events: VenueEvent | SubmissionEvent) -> None:
        """Tell something."""
        if not events:
            return
        self._events += events
        for each in events:
            if isinstance(each, OrderFilled) and each.order_id in self._orders:
                self._filled(self._orders[each.order_id], each)
        self._wake()

    def report(self, report: VenueOrderReport, tracked: Tracked) -> None:
        """Tell what a report has that was not told yet."""
        self.learn(tracked, report.venue_order_id)
        self.tell(*events_of(report, tracked))

    def fill(self, fill: OrderFilled, tracked: Tracked) -> None:
        """Tell an execution, unless it was told already."""
        if fill.fill_id in tracked.fill_ids:
            return
        if not tracked.is_accepted:
            tracked.is_accepted = True
            self.tell(
                OrderAccepted(
                    order_id=tracked.order_id, ts=fill.ts, venue_order_id=tracked.venue_order_id
                )
            )
        tracked.fill_ids.add(fill.fill_id)
        tracked.filled += fill.quantity
        tracked.is_over = tracked.is_over or tracked.filled >= tracked.quantity
        self.tell(fill)

    def owner(self, trade: Mapping[str, Any]) -> Tracked | None:
        """Return the order that ccxt's trade belongs to; a trade of none yet is kept for later."""
        tracked = self._orders.get(self._by_venue_id.get(str(trade.get("order") or ""), ""))
        if tracked is None:
            if len(self._strays) >= _MOST_STRAYS:
                self._strays.clear()  # a look finds what was ours among them
            self._strays.append(trade)
        return tracked

    def strays(self, tracked: Tracked) -> Iterable[Mapping[str, Any]]:
        """Return the trades of an order that were heard of before its id was."""
        mine = [each for each in self._strays if each.get("order") == tracked.venue_order_id]
        if mine:
            self._strays = [each for each in self._strays if each not in mine]
        return mine
