"""Matches orders of a fake exchange by price and time, and ends them."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from tutti.testing.exchanges.book import OrderBook, Resting
from tutti.testing.exchanges.happenings import BookChanged, OrderChanged, Printed
from tutti.testing.exchanges.tape import Tape
from tutti.testing.exchanges.values import ZERO, Kind, Life, Print, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tutti.testing.exchanges.announcer import Announcer
    from tutti.testing.exchanges.clearing import Clearing
    from tutti.testing.exchanges.order_register import OrderRegister
    from tutti.testing.exchanges.values import Fill, Listing, Order, Side


class Matching:
    """Books, trades, and the orders that wait for a price.

    Parameters
    ----------
    listings : mapping of str to Listing
        What is traded, by name.
    register : OrderRegister
        Where executions and ends are taken down.
    clearing : Clearing
        Settles what was traded.
    announcer : Announcer
        Hears of all that happens.
    next_id : callable
        Returns an id that was never used.
    now : callable
        Returns the exchange's time, ns UTC.
    """

    def __init__(
        self,
        listings: Mapping[str, Listing],
        *,
        register: OrderRegister,
        clearing: Clearing,
        announcer: Announcer,
        next_id: Callable[[], int],
        now: Callable[[], int],
    ) -> None:
        self._listings = listings
        self._register = register
        self._clearing = clearing
        self._announcer = announcer
        self._next_id = next_id
        self._now = now
        self._touched: dict[str, None] = {}
        self._waiting: dict[str, list[Order]] = {}
        self.books = {name: OrderBook(name, self._touched) for name in listings}
        self.tapes = {name: Tape(each) for name, each in listings.items()}

    def wait(self, order: Order) -> None:
        """Let an order wait until `trigger` finds its price reached."""
        order.status = Status.WAITING
        self._waiting.setdefault(order.listing.name, []).append(order)

    def work(self, order: Order) -> None:
        """Match an open order, and rest what is left of a limit order."""
        request = order.request
        listing = order.listing
        limit = order.price if request.kind is Kind.LIMIT else None
        book = self.books[listing.name]
        if request.life is Life.FILL_OR_KILL and book.within(order.side.other, limit) < order.left:
            self.end(order, Status.EXPIRED, "it could not be filled whole")
            return
        if request.quote_quantity:
            self._spend(order)
            return
        self.match(listing, order.side, order.left, limit, order)
        if order.status is not Status.OPEN:
            return
        if request.kind is Kind.MARKET:
            self.end(order, Status.EXPIRED, "nobody is left on the other side")
        elif request.life in (Life.IMMEDIATE_OR_CANCEL, Life.FILL_OR_KILL):
            self.end(order, Status.EXPIRED, "immediate or cancel")
        else:
            book.add(order.side, order.price or ZERO, Resting(order.left, order))

    def _spend(self, order: Order) -> None:
        # a market order by notional: whole steps of quantity, level after level
        step = order.listing.quantity_step
        money = order.request.quote_quantity
        book = self.books[order.listing.name]
        while (found := book.front(order.side.other, None)) is not None:
            price, resting = found
            part = min(resting.quantity, (money / price).quantize(step, rounding=ROUND_DOWN))
            if part <= ZERO:
                break
            order.quantity += part
            self.match(order.listing, order.side, part, None, order)
            money -= part * price
        if order.status is Status.OPEN:
            self.end(order, Status.FILLED if order.filled else Status.EXPIRED, "")

    def match(
        self,
        listing: Listing,
        side: Side,
        quantity: Decimal,
        limit: Decimal | None,
        taker: Order | None,
    ) -> Decimal:
        """Take up to a quantity from the other side of the book, and return how much there was."""
        book = self.books[listing.name]
        left = quantity
        while left > ZERO and (found := book.front(side.other, limit)) is not None:
            price, resting = found
            maker = resting.order
            if maker is not None and taker is not None and maker.account == taker.account:
                self.end(maker, Status.EXPIRED, "it would have traded with its own account")
                continue
            part = min(left, resting.quantity)
            for order in (maker, taker):
                if order is not None and order.request.is_reduce_only:
                    part = min(part, self._clearing.executable(order))
            if part <= ZERO:
                done = (
                    maker if maker is not None and not self._clearing.executable(maker) else taker
                )
                if done is not None:
                    self.end(done, Status.EXPIRED, "there is nothing left to reduce")
                if done is taker:
                    break
                continue
            book.reduce(side.other, price, resting, part)
            left -= part
            self.report(listing, side, price, part)
            if maker is not None:
                self.execute(maker, price, part, is_maker=True)
            if taker is not None:
                self.execute(taker, price, part, is_maker=False)
        return quantity - left

    def execute(self, order: Order, price: Decimal, part: Decimal, *, is_maker: bool) -> None:
        """Book a part of an order as executed; one that is filled whole is closed."""
        fill = self._clearing.execute(order, price, part, is_maker=is_maker)
        self._register.note(fill)
        if not order.left and not order.request.quote_quantity:
            self._close(order, Status.FILLED)
        self.say(order, "filled", fill)

    def report(self, listing: Listing, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Note a public trade."""
        trade = Print(
            id=self._next_id(),
            listing=listing,
            side=side,
            price=price,
            quantity=quantity,
            ts=self._now(),
        )
        self.tapes[listing.name].add(trade)
        self._announcer.say(Printed(trade=trade))

    def shrink(self, order: Order, quantity: Decimal) -> None:
        """Make an order smaller where it stands."""
        resting = self.books[order.listing.name].find(order)
        if resting is not None and quantity < order.quantity:
            book = self.books[order.listing.name]
            book.reduce(order.side, order.price or ZERO, resting, order.quantity - quantity)
        order.quantity = quantity

    def unrest(self, order: Order) -> None:
        """Take what is left of an order out of the book."""
        book = self.books[order.listing.name]
        resting = book.find(order)
        if resting is not None:
            book.reduce(order.side, order.price or ZERO, resting, resting.quantity)

    def end(self, order: Order, status: Status, detail: str) -> None:
        """Take an order out of the book for good."""
        if order.status is Status.WAITING:
            self._waiting[order.listing.name].remove(order)
        self.unrest(order)
        order.detail = detail
        order.updated_at = self._now()
        self._close(order, status)
        self.say(order, "ended")

    def _close(self, order: Order, status: Status) -> None:
        order.status = status
        self._register.close(order)
        self._clearing.release(order)

    def say(self, order: Order, what: str, fill: Fill | None = None) -> None:
        """Note what happened to an order."""
        self._announcer.say(OrderChanged(order=order, what=what, ts=self._now(), fill=fill))

    def trigger(self) -> None:
        """Set to work the waiting orders whose trigger the last price has reached."""
        for name, waiting in self._waiting.items():
            last = self.tapes[name].last
            for order in list(waiting):
                trigger = order.request.trigger or ZERO
                if last >= trigger if order.request.triggers_above else last <= trigger:
                    waiting.remove(order)
                    order.status = Status.OPEN
                    order.updated_at = self._now()
                    self.say(order, "triggered")
                    self.work(order)

    def say_books(self) -> None:
        """Note how the books that were touched have changed since the last time."""
        for name in self._touched:
            book = self.books[name]
            self._announcer.say(
                BookChanged(
                    listing=self._listings[name],
                    changes=tuple(book.drain()),
                    sequence=book.sequence,
                    ts=self._now(),
                )
            )
        self._touched.clear()
