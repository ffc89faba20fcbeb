"""Order book with price-time priority, of clients' orders and of nobody's."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from tutti.testing.exchanges.values import ZERO, Side

if TYPE_CHECKING:
    from decimal import Decimal

    from tutti.testing.exchanges.values import Order


class Resting:
    """Quantity in the queue of a price: an order's, or nobody's where ``order`` is None."""

    __slots__ = ("order", "quantity")

    def __init__(self, quantity: Decimal, order: Order | None = None) -> None:
        self.quantity = quantity
        self.order = order


class _Half:
    """One side of the book."""

    __slots__ = ("anonymous", "prices", "queues", "totals")

    def __init__(self) -> None:
        self.prices: list[Decimal] = []  # ascending
        self.queues: dict[Decimal, list[Resting]] = {}
        self.totals: dict[Decimal, Decimal] = {}
        self.anonymous: dict[Decimal, Decimal] = {}


class OrderBook:
    """What rests at which price, oldest first.

    Parameters
    ----------
    name : str
        Of what it is the book.
    touched : dict
        Where it enters its name when it changes; shared between books.

    Attributes
    ----------
    sequence : int
        Grows by one with every call of :meth:`drain` that had changes.
    """

    def __init__(self, name: str, touched: dict[str, None]) -> None:
        self._name = name
        self._touched = touched
        self._halves = {Side.BUY: _Half(), Side.SELL: _Half()}
        self._changed: dict[tuple[Side, Decimal], None] = {}
        self.sequence = 1

    def best(self, side: Side) -> Decimal | None:
        """Return the highest bid or the lowest ask."""
        prices = self._halves[side].prices
        if not prices:
            return None
        return prices[-1] if side is Side.BUY else prices[0]

    def levels(self, side: Side, depth: int = 1_000_000) -> list[tuple[Decimal, Decimal]]:
        """Return prices and quantities, best first."""
        half = self._halves[side]
        prices = half.prices[: -depth - 1 : -1] if side is Side.BUY else half.prices[:depth]
        return [(price, half.totals[price]) for price in prices]

    def total(self, side: Side, price: Decimal) -> Decimal:
        """Return the quantity at a price."""
        return self._halves[side].totals.get(price, ZERO)

    def add(self, side: Side, price: Decimal, resting: Resting) -> None:
        """Put at the end of a price's queue."""
        half = self._halves[side]
        queue = half.queues.get(price)
        if queue is None:
            half.queues[price] = [resting]
            half.totals[price] = resting.quantity
            insort(half.prices, price)
        else:
            queue.append(resting)
            half.totals[price] += resting.quantity
        if resting.order is None:
            half.anonymous[price] = half.anonymous.get(price, ZERO) + resting.quantity
        self._changed[side, price] = None
        self._touched[self._name] = None

    def reduce(self, side: Side, price: Decimal, resting: Resting, by: Decimal) -> None:
        """Take a quantity off; what is down to nothing leaves the queue."""
        half = self._halves[side]
        resting.quantity -= by
        half.totals[price] -= by
        if resting.order is None:
            half.anonymous[price] -= by
            if not half.anonymous[price]:
                del half.anonymous[price]
        if resting.quantity <= ZERO:
            queue = half.queues[price]
            queue.remove(resting)
            if not queue:
                del half.queues[price], half.totals[price]
                del half.prices[bisect_left(half.prices, price)]
        self._changed[side, price] = None
        self._touched[self._name] = None

    def find(self, order: Order) -> Resting | None:
        """Return the place of an order in its queue."""
        queue = self._halves[order.side].queues.get(order.price or ZERO, ())
        return next((each for each in queue if each.order is order), None)

    def front(self, side: Side, limit: Decimal | None) -> tuple[Decimal, Resting] | None:
        """Return who is served next by a taker on the other side, up to its limit price."""
        price = self.best(side)
        if price is None:
            return None
        if limit is not None and (price < limit if side is Side.BUY else price > limit):
            return None
        return price, self._halves[side].queues[price][0]

    def within(self, side: Side, limit: Decimal | None) -> Decimal:
        """Return the quantity that a taker with this limit price could get."""
        half = self._halves[side]
        if limit is None:
            return sum(half.totals.values(), ZERO)
        if side is Side.BUY:
            return sum((q for p, q in half.totals.items() if p >= limit), ZERO)
        return sum((q for p, q in half.totals.items() if p <= limit), ZERO)

    def anonymous_prices(self, side: Side) -> list[Decimal]:
        """Return the prices at which nobody's quantities are."""
        return list(self._halves[side].anonymous)

    def anonymous_at(self, side: Side, price: Decimal) -> Decimal:
        """Return nobody's quantity at a price."""
        return self._halves[side].anonymous.get(price, ZERO)

    def set_anonymous(self, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Make nobody's quantity at a price this: a cut keeps its place, growth queues anew."""
        half = self._halves[side]
        more = quantity - half.anonymous.get(price, ZERO)
        if more > ZERO:
            self.add(side, price, Resting(more))
            return
        for each in reversed(half.queues.get(price, ())):
            if more >= ZERO:
                break
            if each.order is None:
                cut = min(each.quantity, -more)
                self.reduce(side, price, each, cut)
                more += cut

    def drain(self) -> list[tuple[Side, Decimal, Decimal]]:
        """Return the levels that changed since the last call, with what they hold now."""
        if not self._changed:
            return []
        self.sequence += 1
        changes = [(side, price, self.total(side, price)) for side, price in self._changed]
        self._changed.clear()
        return changes
