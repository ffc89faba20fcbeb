"""Accepts and keeps orders, and has them matched: what every dialect of a fake exchange stands on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tutti.testing.exchanges.acceptance import check_amendment, check_terms, tied_up
from tutti.testing.exchanges.announcer import Announcer
from tutti.testing.exchanges.clearing import Clearing
from tutti.testing.exchanges.matching import Matching
from tutti.testing.exchanges.order_register import OrderRegister
from tutti.testing.exchanges.values import ZERO, Order, Reason, Refused, Side, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from tutti.kernel.clock import Clock
    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.values import Fill, Listing, OrderRequest


class Marketplace:
    """Listings, books, accounts and orders of one fake exchange; single-threaded, no I/O.

    Parameters
    ----------
    listings : sequence of Listing
        What it trades.
    accounts : sequence of Account
        Who trades.
    clock : Clock
        Its time.
    first_id : int
        Of orders, fills and prints.
    reuses_client_ids : bool
        Whether a client order id may be used again once its order is final.
    """

    def __init__(
        self,
        listings: Sequence[Listing],
        accounts: Sequence[Account],
        clock: Clock,
        *,
        first_id: int = 1_000_000,
        reuses_client_ids: bool = True,
    ) -> None:
        self.listings = {each.name: each for each in listings}
        self.accounts = {each.name: each for each in accounts}
        self.by_key = {each.key: each for each in accounts}
        self.clock = clock
        self.halted: set[str] = set()
        self._reuses_client_ids = reuses_client_ids
        self._later: list[tuple[int, Callable[[], None]]] = []
        self._next_id = first_id
        self._announcer = Announcer()
        self._register = OrderRegister(self.accounts)
        self._clearing = Clearing(self.accounts, self.next_id, self.now)
        self._matching = Matching(
            self.listings,
            register=self._register,
            clearing=self._clearing,
            announcer=self._announcer,
            next_id=self.next_id,
            now=self.now,
        )
        self.books = self._matching.books
        self.tapes = self._matching.tapes
        self.orders = self._register.orders
        self.fills = self._register.fills
        self.listeners = self._announcer.listeners

    # ---- reading ----

    def now(self) -> int:
        """Return the exchange's time, ns UTC."""
        return self.clock.now()

    def last(self, listing: Listing) -> Decimal:
        """Return the price of the last trade; where trading opened before the first."""
        return self.tapes[listing.name].last

    def find(
        self, account: Account, *, order_id: int | None = None, client_id: str | None = None
    ) -> Order:
        """Return a client's order by either id.

        Raises
        ------
        Refused
            If the client has no such order.
        """
        return self._register.find(account.name, order_id, client_id)

    def orders_of(self, account: Account, listing: Listing | None = None) -> list[Order]:
        """Return all orders that a client ever placed, oldest first."""
        return self._register.orders_of(account.name, listing)

    def open_orders(self, account: Account, listing: Listing | None = None) -> list[Order]:
        """Return a client's open and waiting orders, oldest first."""
        return self._register.open_orders(account.name, listing)

    def fills_of(self, account: Account, listing: Listing | None = None) -> list[Fill]:
        """Return a client's executions, oldest first."""
        return self._register.fills_of(account.name, listing)

    def available_margin(self, account: Account, currency: str) -> Decimal:
        """Return what can back new positions settled in a currency."""
        return (
            account.margin.get(currency, ZERO)
            + account.unrealised(currency, self.last)
            - account.position_margin(currency, self.last)
            - account.order_margin(currency, self.open_orders(account))
        )

    # ---- clients ----

    def place(self, account: Account, request: OrderRequest) -> Order:
        """Accept an order, match it, and rest what is left of a limit order.

        Raises
        ------
        Refused
            If the terms of the listing, the account or the book forbid it; nothing changed then.
        """
        self.check(account, request)
        order = Order(self.next_id(), account.name, request, self.now())
        self._keep(order)
        if request.trigger is not None:
            self._matching.wait(order)
            self._matching.say(order, "accepted")
        else:
            self._matching.say(order, "accepted")
            self._matching.work(order)
        self._flush()
        return order

    def check(self, account: Account, request: OrderRequest) -> None:
        """Refuse what :meth:`place` would refuse, and change nothing.

        Raises
        ------
        Refused
            As :meth:`place` does.
        """
        listing = request.listing
        if listing.name in self.halted:
            raise Refused(Reason.HALTED, listing.name)
        if request.client_id:
            same = self._register.with_client_id(account.name, request.client_id)
            if same is not None and not (self._reuses_client_ids and same.status.is_final):
                raise Refused(Reason.DUPLICATE_CLIENT_ID, request.client_id)
        check_terms(request, self.books[listing.name], self.last(listing))
        if request.is_reduce_only:
            if request.quantity > account.reducible(listing, request.side):
                raise Refused(Reason.NOT_REDUCING, f"quantity {request.quantity}")
            return
        needed = self._tied_up(account, request, request.quantity)
        if listing.is_perpetual:
            available = self.available_margin(account, listing.settle)
        else:
            pays = listing.quote if request.side is Side.BUY else listing.base
            available = account.free(pays)
        if needed > available:
            raise Refused(Reason.INSUFFICIENT_FUNDS, f"{needed} needed, {available} available")

    def cancel(self, order: Order, *, detail: str = "by the client") -> Order:
        """Take an order out of the book.

        Raises
        ------
        Refused
            If it is final already.
        """
        if order.status.is_final:
            raise Refused(Reason.UNKNOWN_ORDER, f"order {order.id} is {order.status}")
        self._matching.end(order, Status.CANCELLED, detail)
        self._flush()
        return order

    def cancel_all(self, account: Account, listing: Listing | None = None) -> list[Order]:
        """Cancel a client's open orders and return them."""
        gone = self.open_orders(account, listing)
        for order in gone:
            self._matching.end(order, Status.CANCELLED, "by the client")
        self._flush()
        return gone

    def amend(
        self, order: Order, *, quantity: Decimal | None = None, price: Decimal | None = None
    ) -> Order:
        """Change an open order: less at the same price keeps its place, anything else queues anew.

        Raises
        ------
        Refused
            If it is final, or the new terms are not allowed; nothing changed then.
        """
        quantity = order.quantity if quantity is None else quantity
        price = order.price if price is None else price
        book, last = self.books[order.listing.name], self.last(order.listing)
        check_amendment(order, quantity, price, book, last)
        keeps_place = price == order.price and quantity <= order.quantity
        self._hold_anew(order, quantity, price)
        if order.status is Status.WAITING:
            order.quantity, order.price = quantity, price
        elif keeps_place:
            self._matching.shrink(order, quantity)
        else:
            self._matching.unrest(order)
            order.quantity, order.price = quantity, price
        order.updated_at = self.now()
        self._matching.say(order, "amended")
        if not keeps_place and order.status is Status.OPEN:
            self._matching.work(order)
        self._flush()
        return order

    def _hold_anew(self, order: Order, quantity: Decimal, price: Decimal | None) -> None:
        account, listing = self.accounts[order.account], order.listing
        was_held = order.held
        self._clearing.release(order)
        more = self._tied_up(account, replace(order.request, price=price), quantity - order.filled)
        if order.request.is_reduce_only:
            available = more
        elif listing.is_perpetual:
            # what the order ties up as it is comes free with it
            as_it_is = account.order_margin(listing.settle, [order])
            available = self.available_margin(account, listing.settle) + as_it_is
        else:
            available = account.free(self._clearing.pays(order))
        if more > available:
            self._clearing.hold(order, was_held)
            raise Refused(Reason.INSUFFICIENT_FUNDS, f"{more} needed, {available} available")
        self._clearing.hold(order, more)

    # ---- the rest of the market ----

    def quote(
        self,
        listing: Listing,
        bids: Mapping[Decimal, Decimal],
        asks: Mapping[Decimal, Decimal],
    ) -> None:
        """Make nobody's part of the book this; clients' orders in its way are filled."""
        book = self.books[listing.name]
        wanted = {Side.BUY: bids, Side.SELL: asks}
        for side, levels in wanted.items():
            for price in book.anonymous_prices(side):
                if price not in levels:
                    book.set_anonymous(side, price, ZERO)
        for side, levels in wanted.items():
            for price, quantity in levels.items():
                if book.anonymous_at(side, price) != quantity:
                    rest = quantity - self._matching.match(listing, side, quantity, price, None)
                    book.set_anonymous(side, price, rest)
        self._flush()

    def set_level(self, listing: Listing, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Make nobody's quantity at one price this."""
        rest = quantity - self._matching.match(listing, side, quantity, price, None)
        self.books[listing.name].set_anonymous(side, price, rest)
        self._flush()

    def trade(
        self, listing: Listing, side: Side, quantity: Decimal, limit: Decimal | None = None
    ) -> Decimal:
        """Let nobody take from the book, and return how much there was to take."""
        done = self._matching.match(listing, side, quantity, limit, None)
        self._flush()
        return done

    def fill(self, order: Order, quantity: Decimal, price: Decimal | None = None) -> None:
        """Fill a client's open order out of its turn, at its own price or another.

        Raises
        ------
        Refused
            If it is not open, or has less left.
        """
        if order.status is not Status.OPEN or quantity > order.left or quantity <= ZERO:
            raise Refused(Reason.BAD_REQUEST, f"order {order.id} is {order.status}")
        at = price or order.price or self.last(order.listing)
        resting = self.books[order.listing.name].find(order)
        if resting is not None:
            book = self.books[order.listing.name]
            book.reduce(order.side, order.price or ZERO, resting, quantity)
        self._matching.report(order.listing, order.side.other, at, quantity)
        self._matching.execute(order, at, quantity, is_maker=True)
        self._flush()

    def end(self, order: Order, status: Status, detail: str) -> None:
        """End an order for a reason of the exchange's own; a final one is left alone."""
        if not order.status.is_final:
            self._matching.end(order, status, detail)
            self._flush()

    def fund(self, listing: Listing, rate: Decimal) -> None:
        """Let those that hold a perpetual pay ``rate`` of its worth to those that are short of it."""
        self._clearing.fund(listing, rate, self.last(listing))

    def later(self, ts: int, what: Callable[[], None]) -> None:
        """Do something once :meth:`pass_time` comes by at or after ``ts`` (ns UTC)."""
        self._later.append((ts, what))

    def pass_time(self) -> None:
        """Expire orders, fire dead man's switches, do what was put off."""
        now = self.now()
        if self._later:
            due = [what for ts, what in self._later if ts <= now]
            self._later = [each for each in self._later if each[0] > now]
            for what in due:
                what()
        for account in self.accounts.values():
            if account.cancel_at and account.cancel_at <= now:
                account.cancel_at = 0
                self.cancel_all(account)
            for order in self.open_orders(account):
                if order.request.expires_at and order.request.expires_at <= now:
                    self._matching.end(order, Status.EXPIRED, "its time is over")
        self._flush()

    # ---- accepting ----

    def next_id(self) -> int:
        """Return an id that was never used."""
        self._next_id += 1
        return self._next_id

    def _tied_up(self, account: Account, request: OrderRequest, quantity: Decimal) -> Decimal:
        listing = request.listing
        return tied_up(account, request, quantity, self.books[listing.name], self.last(listing))

    def _keep(self, order: Order) -> None:
        self._register.keep(order)
        if not order.listing.is_perpetual:
            account = self.accounts[order.account]
            self._clearing.hold(order, self._tied_up(account, order.request, order.quantity))

    def _flush(self) -> None:
        """Trigger what waits, then tell the listeners."""
        self._matching.trigger()
        self._matching.say_books()
        self._announcer.tell()
