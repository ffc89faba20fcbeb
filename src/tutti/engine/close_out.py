"""Cancels every order and closes every position, by whatever way is open, until nothing is left."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.kernel.clock import SECOND
from tutti.ledger.kinds import Objection
from tutti.model.order import OrderIntent, OrderStatus, OrderType, Reason, Refusal, Side
from tutti.risk.breakers import UNLOCKED, UNRESOLVED
from tutti.risk.review import Proposals, objections, review

if TYPE_CHECKING:
    from collections.abc import Collection

    from tutti.engine.order_desk import OrderDesk
    from tutti.engine.run import Account, Counts, Setup
    from tutti.kernel.ids import IdSource
    from tutti.ledger.journal import Journal
    from tutti.model.order import ApprovedOrder, Order

_PAUSE_NS = SECOND
"""Between two attempts at one order or position: a venue that refuses is not hammered."""
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What could not be cancelled or closed yet.

    Parameters
    ----------
    what : str
        An instrument with its quantity, or an order's id.
    why : str
        What stands in the way, as far as known.
    """

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


class _Held(NamedTuple):
    """What one order closes: signed lots of a column, or of one side of it where it is routed."""

    column: int
    lots: int

    @property
    def key(self) -> tuple[int, bool]:
        """Column, and whether it is long."""
        return self.column, self.lots > 0


class CloseOut:
    """Takes an account to nothing held and nothing at work, step by step.

    Orders to close pass the review of risk like any other, but neither the age of a price nor a
    halt keeps them back: whoever closes all wants out at any price. An order of unknown fate does:
    its instrument waits until a venue has said what became of it.

    What the venues of a route hold against each other adds up to less than is open, or to nothing:
    longs and shorts are closed by an order each, at the same time. There an order at work keeps its
    own venue waiting, and no other.

    Parameters
    ----------
    setup : Setup
    account : Account
    desk : OrderDesk
    journal : Journal
    ids : IdSource
    counts : Counts
    agents : tuple of str
        Names behind the leads of positions.
    """

    def __init__(  # noqa: PLR0913 - where these meet
        self,
        *,
        setup: Setup,
        account: Account,
        desk: OrderDesk,
        journal: Journal,
        ids: IdSource,
        counts: Counts,
        agents: tuple[str, ...],
    ) -> None:
        self._setup = setup
        self._account = account
        self._desk = desk
        self._journal = journal
        self._ids = ids
        self._counts = counts
        self._agents = agents
        limits = setup.rules.limits
        self._limits = limits._replace(max_data_age_ns=_NEVER, max_clock_skew_ns=_NEVER)
        self._columns = {each.id: i for i, each in enumerate(setup.instruments)}
        self._legs = {each.column: each.legs for each in setup.routes}
        for i, legs in self._legs.items():
            self._columns |= dict.fromkeys((setup.instruments[leg].id for leg in legs), i)
        self._closing: dict[tuple[int, bool], str] = {}
        self._mine: set[str] = set()
        self._said: dict[tuple[int, bool], str] = {}
        self._again: dict[int, int] = {}
        self._asked: dict[str, int] = {}

    def step(self, ts: int, only: frozenset[int] | None = None) -> tuple[Left, ...]:
        """Hear the venues, cancel and close what can be, and return what is left.

        Parameters
        ----------
        ts : int
            Now, ns UTC.
        only : frozenset of int, optional
            Columns to close; all by default.
        """
        # before a refusal is heard: what is to be closed goes to no other venue
        self._cancel(ts, only, {OrderStatus.CREATED})
        self._desk.drain()
        # before anything is sent again: what waits to be opened is dropped
        self._cancel(ts, only)
        self._desk.send_deferred(ts)
        self._desk.drain()
        self._close(ts, only)
        self._desk.drain()
        return self.left(only)

    def left(self, only: frozenset[int] | None = None) -> tuple[Left, ...]:
        """Return what is still held or at work, in all columns or in some; by venue."""
        orders = [
            Left(what=f"order {order.id} of {order.instrument}", why=_state(order))
            for order in self._account.orders.open()
            if not self._is_mine(order) and self._is_meant(order, only)
        ]
        held: list[Left] = []
        for i in range(len(self._setup.instruments)):
            if only is None or i in only:
                held += [
                    Left(
                        what=f"{quantity} of {self._setup.instruments[leg].id}",
                        why=self._obstacle(i, leg, is_long=quantity > 0),
                    )
                    for leg, quantity in self._quantities(i)
                    if quantity
                ]
        return (*held, *orders)

    def dust(self) -> frozenset[int]:
        """Return the columns that hold too little for an order: its venue would refuse to sell it.

        Spot only: a perpetual may be reduced by any amount.
        """
        book, terms = self._account.book, self._setup.terms
        return frozenset(
            i
            for i in np.flatnonzero(book.lots).tolist()
            if not terms.is_perpetual[i]
            and (
                book.lots[i] < terms.min_lots[i]
                or book.lots[i] * terms.lot[i] * book.mark[i] < terms.min_notional[i]
            )
        )

    def opposed(self) -> frozenset[int]:
        """Return the columns whose venues hold against each other."""
        return frozenset(
            i for i in self._legs if len({q > 0 for _, q in self._quantities(i) if q}) > 1
        )

    def _is_meant(self, order: Order, only: frozenset[int] | None) -> bool:
        return only is None or self._columns[order.instrument] in only

    def _is_mine(self, order: Order) -> bool:
        # the parts of an order that closes are its own
        return order.id in self._mine or order.parent in self._mine

    def _quantities(self, i: int) -> list[tuple[int, Decimal]]:
        """Return what is held in a column, signed base units: by leg where it is routed."""
        instruments = self._setup.instruments
        if i not in self._legs:
            return [(i, int(self._account.book.lots[i]) * instruments[i].quantity_step)]
        found = [(k, self._account.portfolio.position(instruments[k].id)) for k in self._legs[i]]
        return [(k, each.quantity) for k, each in found if each is not None]

    def _held(self) -> list[_Held]:
        instruments, orders = self._setup.instruments, self._account.orders
        lots = self._account.book.lots
        held = [
            _Held(i, int(lots[i])) for i in np.flatnonzero(lots).tolist() if i not in self._legs
        ]
        for i in self._legs:
            step = instruments[i].quantity_step
            free = [q for k, q in self._quantities(i) if not orders.is_at_work(instruments[k].id)]
            longs, shorts = [q for q in free if q > 0], [q for q in free if q < 0]
            lots_of = [int(sum(side) / step) for side in (longs, shorts)]
            held += [_Held(i, count) for count in lots_of if count]
        return held

    def _waits(self, i: int) -> bool:
        """Tell whether something else than we know may be held in a column."""
        is_locked = bool(self._desk.locks[i] == UNRESOLVED)
        if i in self._legs:
            # an order of unknown fate is at work at its own venue; what nobody can explain is not
            return is_locked and not self._lost(i)
        return is_locked or bool(self._account.book.working[i])

    def _lost(self, i: int) -> list[int]:
        """Return the legs of a column that have an order of unknown fate."""
        instruments, orders = self._setup.instruments, self._account.orders
        return [leg for leg in self._legs.get(i, ()) if orders.is_locked(instruments[leg].id)]

    def _cancel(
        self,
        ts: int,
        only: frozenset[int] | None,
        those: Collection[OrderStatus] = frozenset(OrderStatus),
    ) -> None:
        for order in self._account.orders.open():
            if order.status not in those:
                continue
            if self._is_mine(order) or ts < self._asked.get(order.id, ts):
                continue
            if not self._is_meant(order, only):
                continue
            self._asked[order.id] = ts + _PAUSE_NS
            self._desk.cancel(order, ts)

    def _close(self, ts: int, only: frozenset[int] | None) -> None:
        dust = self.dust()
        parts = [
            each
            for each in self._held()
            if ts >= self._again.get(each.column, ts)
            and (only is None or each.column in only)
            and each.column not in dust
            and not self._waits(each.column)
        ]
        if not parts:
            return
        intents = [self._intent(each.column, -each.lots, ts) for each in parts]
        for intent in intents:
            self._journal.append("intent", ts, intent, intent.id)
        approved = []
        for held, intent in zip(parts, intents, strict=True):
            answer = self._review(held, intent, ts)
            self._again[held.column] = ts + _PAUSE_NS
            if isinstance(answer, Refusal):
                self._counts.refusals += 1
                self._said[held.key] = answer.reason
                self._journal.append("refusal", ts, Objection.of(answer), answer.intent.id)
                continue
            self._closing[held.key] = answer.intent.id
            self._mine.add(answer.intent.id)
            i = held.column
            self._desk.open(answer, ts, i, -held.lots, int(self._account.book.lead[i]))
            approved.append(answer)
        # what a venue is about to hear of is on disk first
        self._journal.commit()
        for each in approved:
            self._desk.send(each, ts)

    def _review(self, held: _Held, intent: OrderIntent, ts: int) -> ApprovedOrder | Refusal:
        book, i = self._account.book, held.column
        lots = book.lots.copy()
        lots[i] = held.lots
        findings = objections(
            Proposals(np.array([-held.lots]), np.array([i]), book.lead[[i]]),
            book._replace(lots=lots),
            self._setup.terms,
            self._limits,
            np.full(len(lots), UNLOCKED, np.int64),
            ts,
        )
        return review([intent], findings, ts)[0]

    def _intent(self, i: int, lots: int, ts: int) -> OrderIntent:
        book, instrument = self._account.book, self._setup.instruments[i]
        lead = int(book.lead[i])
        return OrderIntent(
            id=self._ids.new(ts),
            instrument=instrument.id,
            as_of=ts,
            side=Side.BUY if lots > 0 else Side.SELL,
            quantity=abs(lots) * instrument.quantity_step,
            type=OrderType.MARKET,
            price=None,
            reference_price=Decimal(repr(float(book.mark[i]))),
            reason=Reason.OPERATOR,
            lead=self._setup.policy_name if lead < 0 else self._agents[lead],
            reduces=True,
        )

    def _obstacle(self, i: int, leg: int, *, is_long: bool) -> str:
        lost = self._lost(i)
        if self._desk.locks[i] == UNRESOLVED and (not lost or leg in lost):
            return "an earlier order of it has an unknown fate"
        if i in self.dust():
            return "too little for the smallest order at its venue"
        orders = self._account.orders
        parts = (each for each in orders.of(self._setup.instruments[leg].id) if each.parent)
        order = next(parts, orders.get(self._closing.get((i, is_long), "")))
        if order is not None:
            return _state(order)
        return self._said.get((i, is_long), "no order to close it has left yet")


def _state(order: Order) -> str:
    said = {
        OrderStatus.CREATED: "on its way to the venues of its route, which have not answered",
        OrderStatus.SENT: "sent, and the venue has not answered",
        OrderStatus.CANCEL_SENT: "its cancellation was sent, and the venue has not answered",
        OrderStatus.UNRESOLVED: "nobody knows what became of it",
    }.get(order.status, str(order.status))
    return f"{said}: {order.detail}" if order.detail else said
