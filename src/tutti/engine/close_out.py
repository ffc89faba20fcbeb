"""Cancels every order and closes every position, by whatever way is open, until nothing is left."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.clock import SECOND
from tutti.ledger.kinds import Objection
from tutti.model.order import OrderIntent, OrderStatus, OrderType, Reason, Refusal, Side
from tutti.risk.breakers import UNLOCKED, UNRESOLVED
from tutti.risk.review import Proposals, objections, review

if TYPE_CHECKING:
    from tutti.engine.order_desk import OrderDesk
    from tutti.engine.run import Account, Counts, Setup
    from tutti.kernel.ids import IdSource
    from tutti.ledger.journal import Journal
    from tutti.model.order import Order

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


class CloseOut:
    """Takes an account to nothing held and nothing at work, step by step.

    Orders to close pass the review of risk like any other, but neither the age of a price nor a
    halt keeps them back: whoever closes all wants out at any price. An order of unknown fate does:
    its instrument waits until a venue has said what became of it.

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
        self._closing: dict[int, str] = {}
        self._said: dict[int, str] = {}
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
        self._desk.drain()
        # before anything is sent again: what waits to be opened is dropped
        self._cancel(ts, only)
        self._desk.send_deferred(ts)
        self._desk.drain()
        self._close(ts, only)
        self._desk.drain()
        return self.left(only)

    def left(self, only: frozenset[int] | None = None) -> tuple[Left, ...]:
        """Return what is still held or at work, in all columns or in some."""
        mine = set(self._closing.values())
        orders = [
            Left(what=f"order {order.id} of {order.instrument}", why=_state(order))
            for order in self._account.orders.open()
            if order.id not in mine and self._is_meant(order, only)
        ]
        book = self._account.book
        held = [
            Left(
                what=f"{book.lots[i] * each.quantity_step} of {each.id}",
                why=self._obstacle(i),
            )
            for i, each in enumerate(self._setup.instruments)
            if book.lots[i] and (only is None or i in only)
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

    def _is_meant(self, order: Order, only: frozenset[int] | None) -> bool:
        return only is None or self._columns[order.instrument] in only

    def _cancel(self, ts: int, only: frozenset[int] | None) -> None:
        mine = set(self._closing.values())
        for order in self._account.orders.open():
            if order.id in mine or ts < self._asked.get(order.id, ts):
                continue
            if not self._is_meant(order, only):
                continue
            self._asked[order.id] = ts + _PAUSE_NS
            self._desk.cancel(order, ts)

    def _close(self, ts: int, only: frozenset[int] | None) -> None:
        book, locks, dust = self._account.book, self._desk.locks, self.dust()
        columns = [
            i
            for i in np.flatnonzero(book.lots).tolist()
            if book.working[i] == 0
            and locks[i] != UNRESOLVED
            and ts >= self._again.get(i, ts)
            and (only is None or i in only)
            and i not in dust
        ]
        if not columns:
            return
        lots = [-int(book.lots[i]) for i in columns]
        findings = objections(
            Proposals(
                np.array(lots, np.int64), np.array(columns, np.int64), book.lead[columns].copy()
            ),
            book,
            self._setup.terms,
            self._limits,
            np.full(len(locks), UNLOCKED, np.int64),
            ts,
        )
        intents = [self._intent(i, n, ts) for i, n in zip(columns, lots, strict=True)]
        for intent in intents:
            self._journal.append("intent", ts, intent, intent.id)
        approved = []
        for i, n, answer in zip(columns, lots, review(intents, findings, ts), strict=True):
            self._again[i] = ts + _PAUSE_NS
            if isinstance(answer, Refusal):
                self._counts.refusals += 1
                self._said[i] = answer.reason
                self._journal.append("refusal", ts, Objection.of(answer), answer.intent.id)
                continue
            self._closing[i] = answer.intent.id
            self._desk.open(answer, ts, i, n, int(book.lead[i]))
            approved.append(answer)
        # what a venue is about to hear of is on disk first
        self._journal.commit()
        for each in approved:
            self._desk.send(each, ts)

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

    def _obstacle(self, i: int) -> str:
        if self._desk.locks[i] == UNRESOLVED:
            return "an earlier order of it has an unknown fate"
        if i in self.dust():
            return "too little for the smallest order at its venue"
        order = self._account.orders.get(self._closing.get(i, ""))
        if order is not None:
            return _state(order)
        return self._said.get(i, "no order to close it has left yet")


def _state(order: Order) -> str:
    said = {
        OrderStatus.CREATED: "on its way to the venues of its route, which have not answered",
        OrderStatus.SENT: "sent, and the venue has not answered",
        OrderStatus.CANCEL_SENT: "its cancellation was sent, and the venue has not answered",
        OrderStatus.UNRESOLVED: "nobody knows what became of it",
    }.get(order.status, str(order.status))
    return f"{said}: {order.detail}" if order.detail else said
