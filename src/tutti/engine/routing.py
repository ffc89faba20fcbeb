"""Which venues could take an order of a routed instrument now, and what they get of it."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from tutti.execution.port import BookVenue
from tutti.execution.router.children import Wanted, route
from tutti.execution.router.ladders import ladder_of_bar
from tutti.execution.router.offers import Ladder, Offer
from tutti.model.order import OrderStatus, Side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.engine.run import Account, Route, Setup
    from tutti.execution.port import Venue
    from tutti.model.arrays import Signals, Tradable
    from tutti.model.order import ChildOrder, Order

_NOTHING = Decimal(0)
_ROOM = 0.99
"""Share of what an account could carry that is asked of it: prices move until an order is there."""


class Router:
    """Splits orders over the legs of their route, by the venues' books or else by the last bars.

    Parameters
    ----------
    setup : Setup
    account : Account
    venues : mapping of str to Venue
    routes : tuple of Route

    Attributes
    ----------
    routes : dict of int to Route
        By the column that is decided on.
    columns : ndarray of int64, shape (n,)
        For each column, the one that its position counts to; itself where nothing is routed.
    legs : frozenset of int
        Columns of all routes; ``followers`` are those that are not decided on.
    """

    def __init__(
        self,
        setup: Setup,
        account: Account,
        venues: Mapping[str, Venue],
        routes: tuple[Route, ...],
    ) -> None:
        self.routes = {each.column: each for each in routes}
        self.columns = np.arange(len(setup.instruments))
        self.legs = frozenset(leg for each in routes for leg in each.legs)
        for each in routes:
            self.columns[list(each.legs)] = each.column
        self.followers = [leg for leg in sorted(self.legs) if self.columns[leg] != leg]
        self._instruments = setup.instruments
        self._terms = setup.terms
        self._costs = setup.costs
        self._account = account
        # asked once: looking for the methods of a protocol takes longer than a small book
        self._books = {name: each for name, each in venues.items() if isinstance(each, BookVenue)}
        self._bars: Tradable | None = None
        self._t = 0

    def silence(self, signals: Signals) -> None:
        """Take the views on legs that are traded for another column's sake out, in place."""
        signals.score[:, self.followers] = math.nan

    def see(self, bars: Tradable, t: int) -> None:
        """Take bar ``t`` for the last one known."""
        self._bars, self._t = bars, t

    def children(  # noqa: PLR0913 (an order, and what may become of it)
        self,
        i: int,
        parent: str,
        lots: int,
        limit: Decimal | None = None,
        *,
        without: frozenset[str] = frozenset(),
        first: int = 1,
        only_closes: bool = False,
    ) -> tuple[ChildOrder, ...]:
        """Return the orders that an order for a routed instrument becomes; none where none fits.

        Parameters
        ----------
        i : int
            Column that was decided on.
        lots : int
            Signed. What closes goes to the venues that hold, the rest where the strategy says.
        without : frozenset of str
            Venues that are not asked.
        first : int
            Number of the first child.
        only_closes : bool
            Open nothing: an order that was approved because it reduces may do no more, also where
            the venues that hold don't take it.
        """
        rule = self.routes[i]
        legs = [leg for leg in rule.legs if self._instruments[leg].id.venue not in without]
        side = Side.BUY if lots > 0 else Side.SELL
        lot = self._instruments[i].quantity_step
        to_go = {leg: self._to_close(leg, side) for leg in legs}
        closing = {leg: q for leg, q in to_go.items() if q > 0}
        can_close = int(sum(closing.values(), _NOTHING) / lot)
        to_close = min(abs(lots), can_close)
        to_open = 0 if only_closes else abs(lots) - to_close
        children: list[ChildOrder] = []
        for count, closes in ((to_close, True), (to_open, False)):
            offers = [
                self._offer(leg, side, closing[leg] if closes else None)
                for leg in (closing if closes else legs)
            ]
            wanted = Wanted(
                parent=parent, side=side, lots=count, lot=lot, limit=limit,
                first=first + len(children),
            )  # fmt: skip
            children += route(wanted, offers, rule.strategy)
        return tuple(children)

    def lot(self, i: int) -> Decimal:
        """Return the base units in one lot of column ``i``."""
        return self._instruments[i].quantity_step

    def _held(self, leg: int) -> Decimal:
        position = self._account.portfolio.position(self._instruments[leg].id)
        return _NOTHING if position is None else position.quantity

    def _to_close(self, leg: int, side: Side) -> Decimal:
        """Return what an order may close there, base units: nothing where one is at work already."""
        if self._account.orders.is_at_work(self._instruments[leg].id):
            return _NOTHING
        return max(self._held(leg) * -side.sign, _NOTHING)

    def _offer(self, leg: int, side: Side, held: Decimal | None) -> Offer:
        instrument = self._instruments[leg]
        ladder = self._ladder(leg, side)
        room = held
        if room is None:
            price = float(ladder.prices[0]) if len(ladder.prices) else 0.0
            room = self._room(leg, side, price)
        return Offer(
            instrument=instrument,
            ladder=ladder,
            room=room,
            is_free=held is not None and instrument.is_perpetual,
        )

    def _ladder(self, leg: int, side: Side) -> Ladder:
        instrument = self._instruments[leg].id
        venue = self._books.get(instrument.venue)
        if venue is not None:
            ladder = venue.ladder(instrument, side)
            if ladder is not None:
                return ladder
        if self._bars is None:
            return _NO_BOOK
        return ladder_of_bar(side.sign, leg, self._t, self._bars, self._terms, self._costs)

    def _room(self, leg: int, side: Side, price: float) -> Decimal:
        # by the same reckoning as a venue's acceptance: spot is paid for, contracts need margin
        instrument = self._instruments[leg]
        spot_sale = side is Side.SELL and not instrument.is_perpetual
        if not price > 0.0 or spot_sale:
            return _NOTHING
        name = instrument.id.venue
        free = float(self._account.portfolio.cash[name])
        for k, each in enumerate(self._instruments):
            if each.id.venue != name:
                continue
            mark = float(self._account.book.mark[k])
            quantity = float(self._held(k))
            at_work = sum(
                float(order.remaining)
                for order in self._account.orders.of(each.id)
                if order.status is not OrderStatus.CREATED and _adds(order, quantity)
            )
            if each.is_perpetual:
                free += quantity * mark if quantity else 0.0
                margin = (abs(quantity) + at_work) / float(each.max_leverage)
                free -= margin * mark if margin else 0.0
            elif at_work:
                free -= at_work * mark * (1.0 + float(each.taker_fee))
        fee = max(float(instrument.taker_fee), 0.0)
        rate = 1.0 / float(instrument.max_leverage) if instrument.is_perpetual else 1.0
        return Decimal(repr(max(free, 0.0) * _ROOM / (price * (rate + fee))))


def _adds(order: Order, held: float) -> bool:
    return order.side.sign * held >= 0.0


_NO_BOOK = Ladder(np.empty(0), np.empty(0))
