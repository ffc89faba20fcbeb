"""Accepts, matches and keeps orders: what every dialect of a fake exchange stands on."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from tutti.testing.exchanges.acceptance import check_steps, check_terms, tied_up
from tutti.testing.exchanges.book import OrderBook, Resting
from tutti.testing.exchanges.clearing import Clearing
from tutti.testing.exchanges.happenings import (
    BookChanged,
    Happening,
    OrderChanged,
    Printed,
)
from tutti.testing.exchanges.tape import Tape
from tutti.testing.exchanges.values import (
    ZERO,
    Fill,
    Kind,
    Life,
    Listing,
    Order,
    OrderRequest,
    Print,
    Reason,
    Refused,
    Side,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tutti.kernel.clock import Clock
    from tutti.testing.exchanges.accounts import Account


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
        self._touched: dict[str, None] = {}
        self.books = {each.name: OrderBook(each.name, self._touched) for each in listings}
        self.tapes = {each.name: Tape(each) for each in listings}
        self.orders: dict[int, Order] = {}
        self.fills: list[Fill] = []
        self.listeners: list[Callable[[Happening], None]] = []
        self.halted: set[str] = set()
        self._reuses_client_ids = reuses_client_ids
        self._by_client_id: dict[tuple[str, str], Order] = {}
        self._of_account: dict[str, list[Order]] = {each.name: [] for each in accounts}
        self._fills_of: dict[str, list[Fill]] = {each.name: [] for each in accounts}
        self._open: dict[str, dict[int, Order]] = {each.name: {} for each in accounts}
        self._waiting: dict[str, list[Order]] = {}
        self._later: list[tuple[int, Callable[[], None]]] = []
        self._next_id = first_id
        self._clearing = Clearing(self.accounts, self.next_id, self.now)
        self._happened: deque[Happening] = deque()
        self._is_telling = False

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
        order = None
        if order_id is not None:
            order = self.orders.get(order_id)
        elif client_id is not None:
            order = self._by_client_id.get((account.name, client_id))
        if order is None or order.account != account.name:
            raise Refused(Reason.UNKNOWN_ORDER, f"{order_id or client_id}")
        return order

    def orders_of(self, account: Account, listing: Listing | None = None) -> list[Order]:
        """Return all orders that a client ever placed, oldest first."""
        placed = self._of_account[account.name]
        return [each for each in placed if listing is None or each.listing is listing]

    def open_orders(self, account: Account, listing: Listing | None = None) -> list[Order]:
        """Return a client's open and waiting orders, oldest first."""
        placed = self._open[account.name].values()
        return [each for each in placed if listing is None or each.listing is listing]

    def fills_of(self, account: Account, listing: Listing | None = None) -> list[Fill]:
        """Return a client's executions, oldest first."""
        fills = self._fills_of[account.name]
        return [each for each in fills if listing is None or each.order.listing is listing]

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
            order.status = Status.WAITING
            self._waiting.setdefault(request.listing.name, []).append(order)
            self._say(order, "accepted")
        else:
            self._say(order, "accepted")
            self._work(order)
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
            same = self._by_client_id.get((account.name, request.client_id))
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
        self._end(order, Status.CANCELLED, detail)
        self._flush()
        return order

    def cancel_all(self, account: Account, listing: Listing | None = None) -> list[Order]:
        """Cancel a client's open orders and return them."""
        gone = self.open_orders(account, listing)
        for order in gone:
            self._end(order, Status.CANCELLED, "by the client")
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
        if order.status.is_final:
            raise Refused(Reason.UNKNOWN_ORDER, f"order {order.id} is {order.status}")
        quantity = order.quantity if quantity is None else quantity
        price = order.price if price is None else price
        check_steps(order.listing, quantity, price)
        if quantity <= order.filled:
            raise Refused(Reason.BAD_REQUEST, "the new quantity is filled already")
        keeps_place = price == order.price and quantity <= order.quantity
        account = self.accounts[order.account]
        was_held = order.held
        self._clearing.release(order)
        terms = replace(order.request, price=price)
        more = self._tied_up(account, terms, quantity - order.filled)
        if not order.listing.is_perpetual and more > account.free(self._clearing.pays(order)):
            self._clearing.hold(order, was_held)
            raise Refused(Reason.INSUFFICIENT_FUNDS, f"{more} needed")
        self._clearing.hold(order, more)
        if order.status is Status.WAITING:
            order.quantity, order.price = quantity, price
        elif keeps_place:
            self._shrink(order, quantity)
        else:
            self._unrest(order)
            order.quantity, order.price = quantity, price
        order.updated_at = self.now()
        self._say(order, "amended")
        if not keeps_place and order.status is Status.OPEN:
            self._work(order)
        self._flush()
        return order

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
                    rest = quantity - self._match(listing, side, quantity, price, None)
                    book.set_anonymous(side, price, rest)
        self._flush()

    def set_level(self, listing: Listing, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Make nobody's quantity at one price this."""
        rest = quantity - self._match(listing, side, quantity, price, None)
        self.books[listing.name].set_anonymous(side, price, rest)
        self._flush()

    def trade(
        self, listing: Listing, side: Side, quantity: Decimal, limit: Decimal | None = None
    ) -> Decimal:
        """Let nobody take from the book, and return how much there was to take."""
        done = self._match(listing, side, quantity, limit, None)
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
        self._print(order.listing, order.side.other, at, quantity)
        self._execute(order, at, quantity, is_maker=True)
        self._flush()

    def end(self, order: Order, status: Status, detail: str) -> None:
        """End an order for a reason of the exchange's own; a final one is left alone."""
        if not order.status.is_final:
            self._end(order, status, detail)
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
                    self._end(order, Status.EXPIRED, "its time is over")
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
        self.orders[order.id] = order
        self._of_account[order.account].append(order)
        self._open[order.account][order.id] = order
        if order.client_id:
            self._by_client_id[order.account, order.client_id] = order
        if not order.listing.is_perpetual:
            account = self.accounts[order.account]
            self._clearing.hold(order, self._tied_up(account, order.request, order.quantity))

    # ---- matching ----

    def _work(self, order: Order) -> None:
        request = order.request
        listing = order.listing
        limit = order.price if request.kind is Kind.LIMIT else None
        book = self.books[listing.name]
        if request.life is Life.FILL_OR_KILL and book.within(order.side.other, limit) < order.left:
            self._end(order, Status.EXPIRED, "it could not be filled whole")
            return
        if request.quote_quantity:
            self._spend(order)
            return
        self._match(listing, order.side, order.left, limit, order)
        if order.status is not Status.OPEN:
            return
        if request.kind is Kind.MARKET:
            self._end(order, Status.EXPIRED, "nobody is left on the other side")
        elif request.life in (Life.IMMEDIATE_OR_CANCEL, Life.FILL_OR_KILL):
            self._end(order, Status.EXPIRED, "immediate or cancel")
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
            self._match(order.listing, order.side, part, None, order)
            money -= part * price
        if order.status is Status.OPEN:
            self._end(order, Status.FILLED if order.filled else Status.EXPIRED, "")

    def _match(
        self,
        listing: Listing,
        side: Side,
        quantity: Decimal,
        limit: Decimal | None,
        taker: Order | None,
    ) -> Decimal:
        book = self.books[listing.name]
        left = quantity
        while left > ZERO and (found := book.front(side.other, limit)) is not None:
            price, resting = found
            maker = resting.order
            if maker is not None and taker is not None and maker.account == taker.account:
                self._end(maker, Status.EXPIRED, "it would have traded with its own account")
                continue
            part = min(left, resting.quantity)
            book.reduce(side.other, price, resting, part)
            left -= part
            self._print(listing, side, price, part)
            if maker is not None:
                self._execute(maker, price, part, is_maker=True)
            if taker is not None:
                self._execute(taker, price, part, is_maker=False)
        return quantity - left

    def _execute(self, order: Order, price: Decimal, part: Decimal, *, is_maker: bool) -> None:
        fill = self._clearing.execute(order, price, part, is_maker=is_maker)
        self.fills.append(fill)
        self._fills_of[order.account].append(fill)
        if not order.left and not order.request.quote_quantity:
            self._close(order, Status.FILLED)
        self._say(order, "filled", fill)

    def _print(self, listing: Listing, side: Side, price: Decimal, quantity: Decimal) -> None:
        trade = Print(
            id=self.next_id(),
            listing=listing,
            side=side,
            price=price,
            quantity=quantity,
            ts=self.now(),
        )
        self.tapes[listing.name].add(trade)
        self._happened.append(Printed(trade=trade))

    # ---- ending ----

    def _shrink(self, order: Order, quantity: Decimal) -> None:
        resting = self.books[order.listing.name].find(order)
        if resting is not None and quantity < order.quantity:
            book = self.books[order.listing.name]
            book.reduce(order.side, order.price or ZERO, resting, order.quantity - quantity)
        order.quantity = quantity

    def _unrest(self, order: Order) -> None:
        book = self.books[order.listing.name]
        resting = book.find(order)
        if resting is not None:
            book.reduce(order.side, order.price or ZERO, resting, resting.quantity)

    def _end(self, order: Order, status: Status, detail: str) -> None:
        if order.status is Status.WAITING:
            self._waiting[order.listing.name].remove(order)
        self._unrest(order)
        order.detail = detail
        order.updated_at = self.now()
        self._close(order, status)
        self._say(order, "ended")

    def _close(self, order: Order, status: Status) -> None:
        order.status = status
        self._open[order.account].pop(order.id, None)
        self._clearing.release(order)

    # ---- telling ----

    def _say(self, order: Order, what: str, fill: Fill | None = None) -> None:
        self._happened.append(OrderChanged(order=order, what=what, ts=self.now(), fill=fill))

    def _flush(self) -> None:
        """Trigger what waits, then tell the listeners; what they cause is told after."""
        self._trigger()
        for name in self._touched:
            book = self.books[name]
            self._happened.append(
                BookChanged(
                    listing=self.listings[name],
                    changes=tuple(book.drain()),
                    sequence=book.sequence,
                    ts=self.now(),
                )
            )
        self._touched.clear()
        if self._is_telling:
            return
        self._is_telling = True
        try:
            while self._happened:
                happening = self._happened.popleft()
                for listener in list(self.listeners):
                    listener(happening)
        finally:
            self._is_telling = False

    def _trigger(self) -> None:
        for name, waiting in self._waiting.items():
            last = self.tapes[name].last
            for order in list(waiting):
                trigger = order.request.trigger or ZERO
                if last >= trigger if order.request.triggers_above else last <= trigger:
                    waiting.remove(order)
                    order.status = Status.OPEN
                    order.updated_at = self.now()
                    self._say(order, "triggered")
                    self._work(order)
