"""Our own orders: what is open, what each instrument has working, which fills were seen."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.execution.lifecycle import apply
from tutti.model.errors import InvariantBroken
from tutti.model.order import OrderAmended, OrderFilled, OrderStatus, Side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tutti.model.instrument import InstrumentId
    from tutti.model.order import Order, OrderEvent


class OpenOrders:
    """Orders by id and by instrument, with every venue event applied at most once.

    Parameters
    ----------
    keep_final : int
        How many finished orders stay known, for late fills and answers that come twice.
    """

    def __init__(self, keep_final: int = 10_000) -> None:
        self._orders: dict[str, Order] = {}
        self._seen: dict[str, set[str]] = {}
        self._amended: dict[str, int] = {}
        self._open: dict[InstrumentId, list[str]] = {}
        self._final: deque[str] = deque()
        self._keep_final = keep_final

    def __len__(self) -> int:
        return sum(len(ids) for ids in self._open.values())

    @property
    def is_idle(self) -> bool:
        """True when no order may still change."""
        return not self._open

    def add(self, order: Order, seen: Iterable[str] = ()) -> None:
        """Take in a new order; after a restart, with the ids of the fills that are in it.

        Raises
        ------
        InvariantBroken
            If the id is taken: an order is never sent twice.
        """
        if order.id in self._orders:
            raise InvariantBroken(f"there is an order {order.id} already")
        self._orders[order.id] = order
        if seen:
            self._seen[order.id] = set(seen)
        if order.status.is_final:
            self._retire(order.id)
            return
        ids = self._open.get(order.instrument)
        if ids is None:
            self._open[order.instrument] = [order.id]
        else:
            ids.append(order.id)

    def replace(self, order: Order) -> None:
        """Store an order that changed otherwise than by a venue's event.

        Raises
        ------
        InvariantBroken
            If the order is unknown.
        """
        self._store(self._known(order.id), order)

    def apply(self, event: OrderEvent) -> Order | None:
        """Return the order after the event; None when the event says nothing new.

        Raises
        ------
        InvariantBroken
            If the order is unknown, or the event contradicts it.
        """
        before = self._known(event.order_id)
        if isinstance(event, OrderFilled):
            seen = self._seen.get(before.id)
            if seen is None:
                after = apply(before, event)
                self._seen[before.id] = {event.fill_id}
            elif event.fill_id in seen:
                return None
            else:
                after = apply(before, event)
                seen.add(event.fill_id)
        elif isinstance(event, OrderAmended) and event.ts < self._amended.get(before.id, 0):
            return None  # newer terms are known
        else:
            after = apply(before, event)
            if isinstance(event, OrderAmended):
                self._amended[before.id] = event.ts
            if after is before:
                return None
        self._store(before, after)
        return after

    def get(self, order_id: str) -> Order | None:
        """Return the order as it is now; None when it is unknown or long finished."""
        return self._orders.get(order_id)

    def open(self) -> tuple[Order, ...]:
        """Return every order that may still change, oldest first within an instrument."""
        return tuple(self._orders[order_id] for ids in self._open.values() for order_id in ids)

    def of(self, instrument: InstrumentId) -> tuple[Order, ...]:
        """Return the open orders of one instrument, oldest first."""
        return tuple(self._orders[order_id] for order_id in self._open.get(instrument, ()))

    def working(self, instrument: InstrumentId) -> Decimal:
        """Return what open orders may still fill, in base units; sales are negative."""
        total = Decimal(0)
        for order in self.of(instrument):
            total += order.remaining if order.side is Side.BUY else -order.remaining
        return total

    def is_locked(self, instrument: InstrumentId) -> bool:
        """Tell whether the instrument has an order whose fate nobody knows."""
        return any(order.status is OrderStatus.UNRESOLVED for order in self.of(instrument))

    def is_at_work(self, instrument: InstrumentId) -> bool:
        """Tell whether a venue has, or may have, an order of the instrument."""
        return any(order.status is not OrderStatus.CREATED for order in self.of(instrument))

    def _known(self, order_id: str) -> Order:
        order = self._orders.get(order_id)
        if order is None:
            raise InvariantBroken(f"order {order_id} is not ours, or long finished; reconcile")
        return order

    def _store(self, before: Order, after: Order) -> None:
        self._orders[after.id] = after
        if after.status.is_final and not before.status.is_final:
            ids = self._open[after.instrument]
            if len(ids) == 1:
                del self._open[after.instrument]
            else:
                ids.remove(after.id)
            self._retire(after.id)
        elif before.status.is_final and not after.status.is_final:
            # it was filled, and enlarged at the venue
            self._final.remove(after.id)
            self._open.setdefault(after.instrument, []).append(after.id)

    def _retire(self, order_id: str) -> None:
        self._final.append(order_id)
        if len(self._final) > self._keep_final:
            forgotten = self._final.popleft()
            del self._orders[forgotten]
            self._seen.pop(forgotten, None)
            self._amended.pop(forgotten, None)
