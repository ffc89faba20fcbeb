"""Orders of routed instruments: split into children at the venues, added up again, split anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import msgspec

from tutti.execution.lifecycle import created
from tutti.ledger.kinds import Routed
from tutti.model.order import ApprovedOrder, OrderStatus, Side
from tutti.risk.parts import approved_parts

if TYPE_CHECKING:
    from tutti.engine.routing import Router
    from tutti.engine.run import Account
    from tutti.ledger.journal import Journal
    from tutti.model.order import Order

_NOTHING = Decimal(0)
_REFUSED = frozenset({OrderStatus.REJECTED, OrderStatus.FAILED})


class Recording(Protocol):
    """Puts orders on record as sent; the order desk."""

    def record(self, approved: ApprovedOrder, ts: int, i: int, lead: int, parent: str = "") -> None:
        """Write an order down and take it among the open ones."""
        ...


@dataclass(slots=True)
class _Family:
    """An order that was split: what was approved of it, and what became of its children.

    ``open``: ids of children that may still change. ``to_send``: those that are on record and have
    not left. ``refused``: venues that would not take a part, with the parts. ``count``: children
    so far.
    """

    approved: ApprovedOrder | None
    column: int
    lead: int
    open: set[str] = field(default_factory=set)
    to_send: list[ApprovedOrder] = field(default_factory=list)
    avoided: set[str] = field(default_factory=set)
    returned: Decimal = _NOTHING
    detail: str = ""
    count: int = 0


class Splitter:
    """Keeps orders that were split and their children together.

    The order itself is never sent: it stays CREATED until its last child has ended, and is then
    FILLED, CANCELLED (filled in part, or ended by a venue) or REJECTED (no venue took any of it).
    What a venue refuses goes to the others.

    Parameters
    ----------
    router : Router
    account : Account
    journal : Journal
    """

    def __init__(self, router: Router, account: Account, journal: Journal) -> None:
        self.router = router
        self._account = account
        self._journal = journal
        self._families: dict[str, _Family] = {}
        self._returned: list[str] = []
        self._heard_at = 0

    def is_split(self, order_id: str) -> bool:
        """Tell whether an order has children of its own."""
        return order_id in self._families

    def open(self, approved: ApprovedOrder, ts: int, i: int, lead: int, desk: Recording) -> None:
        """Put an approved order and its children on record; nothing leaves yet."""
        parent = created(approved, ts)
        self._journal.append("order", ts, parent, parent.id)
        self._account.orders.add(parent)
        family = self._families[parent.id] = _Family(approved, i, lead)
        self._split(family, approved, parent.quantity, ts, desk)
        if not family.open:
            self._end(family, parent, ts)

    def adopt(self, parent: Order, i: int, lead: int) -> None:
        """Take over an order that was split before a restart; it is not split again."""
        family = self._families[parent.id] = _Family(None, i, lead)
        family.open = {
            order.id for order in self._account.orders.open() if order.parent == parent.id
        }
        if not family.open:
            self._end(family, parent, parent.updated_at)

    def keep_from_others(self, order_id: str) -> None:
        """Split no more of an order, whatever comes back of it: what it was for is long gone."""
        if order_id in self._families:
            self._families[order_id].approved = None

    def to_send(self, order_id: str) -> list[ApprovedOrder]:
        """Return the children that are on record and have not left, and take them for sent."""
        family = self._families.get(order_id)
        if family is None:
            return []
        children, family.to_send = family.to_send, []
        return children

    def heard(self, before: Order, child: Order, ts: int) -> None:
        """Add up what became of a child."""
        parent = self._account.orders.get(child.parent)
        if parent is None:
            return  # it ended so long ago that it is forgotten
        filled = child.filled - before.filled
        if filled:
            parent = _with_fill(parent, before, child)
            self._account.orders.replace(parent)
        family = self._families.get(parent.id)
        if family is None:
            if filled:  # late: it has ended before
                self._journal.append("order", ts, parent, parent.id)
            return
        if not child.status.is_final:
            return
        family.open.discard(child.id)
        if child.status in _REFUSED and family.approved is not None:
            family.avoided.add(child.instrument.venue)
            family.returned += child.remaining
            family.detail = (
                f"{child.instrument.venue} took none of {child.quantity}: {child.detail}"
            )
            self._heard_at = max(self._heard_at, ts)
            if parent.id not in self._returned:
                self._returned.append(parent.id)
        elif not family.open and not family.returned:
            self._end(family, parent, ts)

    def split_again(self, desk: Recording) -> list[tuple[ApprovedOrder, int]]:
        """Split what venues refused over the others.

        Returns
        -------
        list of (ApprovedOrder, int)
            What is to be sent once it is durable, with the time of the refusal.
        """
        children: list[tuple[ApprovedOrder, int]] = []
        ts = self._heard_at
        for order_id in self._returned:
            family = self._families[order_id]
            lots, family.returned = family.returned, _NOTHING
            parent = self._account.orders.get(order_id)
            if parent is None:
                continue
            if family.approved is not None:
                self._split(family, family.approved, lots, ts, desk)
                children += [(child, ts) for child in self.to_send(order_id)]
            if not family.open:
                self._end(family, parent, ts)
        self._returned = []
        return children

    def working(self, i: int) -> Decimal:
        """Return what orders decided on in column ``i`` may still fill, signed base units."""
        total = _NOTHING
        for order_id, family in self._families.items():
            parent = self._account.orders.get(order_id)
            if family.column == i and parent is not None:
                total += parent.remaining * parent.side.sign
        return total

    def is_locked(self, i: int) -> bool:
        """Tell whether nobody knows the fate of a child of an order decided on in column ``i``."""
        orders = self._account.orders
        children = (
            orders.get(child)
            for family in self._families.values()
            if family.column == i
            for child in family.open
        )
        return any(
            child is not None and child.status is OrderStatus.UNRESOLVED for child in children
        )

    def _split(
        self, family: _Family, approved: ApprovedOrder, quantity: Decimal, ts: int, desk: Recording
    ) -> None:
        intent = approved.intent
        lots = int(quantity / self.router.lot(family.column))
        children = self.router.children(
            family.column,
            intent.id,
            lots if intent.side is Side.BUY else -lots,
            intent.price,
            without=frozenset(family.avoided),
            first=family.count + 1,
            only_closes=intent.reduces,
        )
        routed = Routed(
            parent=intent.id,
            strategy=self.router.routes[family.column].strategy,
            arrival_price=intent.reference_price,
            children=children,
            left=quantity - sum((child.quantity for child in children), _NOTHING),
            detail=family.detail,
        )
        self._journal.append("route", ts, routed, intent.id)
        taken = intent.quantity - quantity
        for part in approved_parts(approved, children, taken):
            desk.record(part, ts, family.column, family.lead, intent.id)
            family.open.add(part.intent.id)
            family.to_send.append(part)
        family.count += len(children)

    def _end(self, family: _Family, parent: Order, ts: int) -> None:
        del self._families[parent.id]
        status = OrderStatus.CANCELLED
        if parent.filled == parent.quantity:
            status = OrderStatus.FILLED
        elif not parent.filled and (family.avoided or not family.count):
            status = OrderStatus.REJECTED
        detail = "" if status is OrderStatus.FILLED else _why(family, parent)
        ended = msgspec.structs.replace(parent, status=status, detail=detail, updated_at=ts)
        self._account.orders.replace(ended)
        self._journal.append("order", ts, ended, ended.id)
        i = family.column
        self._account.book.working[i] = int(self.working(i) / self.router.lot(i))


def _why(family: _Family, parent: Order) -> str:
    if family.detail:
        return family.detail
    if not parent.filled:
        return "it fits no venue"
    return f"its children ended with {parent.remaining} unfilled"


def _with_fill(parent: Order, before: Order, child: Order) -> Order:
    filled = child.filled - before.filled
    paid = child.filled * child.average_price - before.filled * before.average_price
    total = parent.filled + filled
    return msgspec.structs.replace(
        parent,
        filled=total,
        average_price=(parent.filled * parent.average_price + paid) / total,
        updated_at=max(parent.updated_at, child.updated_at),
    )
