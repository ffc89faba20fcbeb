"""Holds what we believe against what venues say: orders, positions, cash; and acts on what differs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec
import numpy as np

from tutti.execution.port import AsyncVenue
from tutti.execution.reconcile import compare_cash, compare_positions, reconcile_orders
from tutti.ledger.kinds import Adopted, Reconciled, Transfer
from tutti.model.difference import Difference, DifferenceKind, Resolution
from tutti.model.errors import VenueError
from tutti.model.order import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tutti.engine.booking import Booking
    from tutti.engine.run import Account, Counts, Setup
    from tutti.execution.port import Venue
    from tutti.ledger.journal import Journal
    from tutti.model.instrument import InstrumentId
    from tutti.model.order import Order, VenueEvent

_FILLED = DifferenceKind.FILLED
_PERPETUAL = "-PERP"
_EXPLAINED = frozenset({Resolution.APPLIED, Resolution.ADOPTED, Resolution.SETTLED})


class Acting(Protocol):
    """What reconciliation has done to orders and positions; the order desk."""

    def handle(self, event: VenueEvent) -> None:
        """Apply what a venue said."""
        ...

    def lose(self, order: Order, ts: int) -> None:
        """Take an order for one whose fate nobody knows."""
        ...

    def quarantine(self, instrument: InstrumentId, *, is_locked: bool) -> None:
        """Lock an instrument, or let it go."""
        ...


class _Told(NamedTuple):
    """What differs, and of what that can't be told now; None for all."""

    found: tuple[Difference, ...]
    open: frozenset[str] | None


class _Standing(NamedTuple):
    """A difference that was there before: since when, and what was done about it."""

    ours: str
    theirs: str
    since: int
    resolution: Resolution | None


class Reconciler:
    """Compares all venues with our account, at starts and from time to time.

    Each difference is a row with what was done about it, once for as long as it stands. One that
    orders on their way may explain counts only after it has stood for the patience of the rules.

    Parameters
    ----------
    setup : Setup
    account : Account
    venues : mapping of str to Venue
    journal : Journal
    counts : Counts
    desk : Acting
    booking : Booking
    """

    def __init__(  # noqa: PLR0913 (what it compares, and what it acts on)
        self,
        setup: Setup,
        account: Account,
        venues: Mapping[str, Venue],
        journal: Journal,
        counts: Counts,
        desk: Acting,
        booking: Booking,
    ) -> None:
        self._setup = setup
        self._rules = setup.reconciling
        self._account = account
        self._venues = venues
        self._journal = journal
        self._counts = counts
        self._desk = desk
        self._booking = booking
        self._columns = {each.id: i for i, each in enumerate(setup.instruments)}
        self._names = {str(each.id): each.id for each in setup.instruments}
        self._quotes: dict[str, set[str]] = {}
        for each in setup.instruments:
            quote = each.id.symbol.removesuffix(_PERPETUAL).rpartition("-")[2]
            self._quotes.setdefault(each.id.venue, set()).add(quote)
        self._standing: dict[tuple[str, DifferenceKind, str], _Standing] = {}
        self._last = 0

    def is_due(self, ts: int) -> bool:
        """Tell whether the time for the next comparison has come."""
        return 0 < self._rules.every_ns <= ts - self._last

    def reconcile(self, ts: int, *, patience_ns: int = 0) -> bool:
        """Ask every venue, apply what it says, and write down what differs; return if anything did.

        Parameters
        ----------
        patience_ns : int
            How long an order that a venue doesn't report may still turn up, and how long a
            difference has to stand; 0 at a start, when nothing is on its way.
        """
        self._last = ts
        count = 0
        for name, venue in self._venues.items():
            ours = [
                order
                for order in self._account.orders.open()
                if order.instrument.venue == name and order.status is not OrderStatus.CREATED
            ]
            found = reconcile_orders(ours, venue, ts, patience_ns=patience_ns)
            for event in found.events:
                self._desk.handle(event)
            news = [*found.applied, *self._lost(found.unresolved, ts, name)]
            told = _Told(found.differences, frozenset())
            news += self._sorted_out(name, _FILLED, told, ts, patience_ns)
            for kind in (DifferenceKind.POSITION, DifferenceKind.BALANCE):
                # one after the other: a position that is adopted changes the cash
                told = self._holdings(kind, venue, ts, patience_ns)
                news += self._sorted_out(name, kind, told, ts, patience_ns)
            for difference in news:
                self._journal.append("difference", ts, difference, difference.subject)
            count += len(news)
            if news:
                self._counts.differences[name] = self._counts.differences.get(name, 0) + len(news)
            if news or patience_ns == 0:
                said = tuple(str(each) for each in news if each.resolution not in _EXPLAINED)
                record = Reconciled(venue=name, checked=len(ours), differences=said)
                self._journal.append("reconciled", ts, record)
        return count > 0

    def _lost(self, order_ids: Iterable[str], ts: int, venue: str) -> list[Difference]:
        lost: list[Difference] = []
        for order_id in order_ids:
            order = self._account.orders.get(order_id)
            if order is None:
                continue
            self._desk.lose(order, ts)
            lost.append(
                Difference(
                    venue=venue,
                    kind=DifferenceKind.ORDER,
                    subject=order_id,
                    ours=str(order.status),
                    theirs="unknown",
                    resolution=Resolution.UNRESOLVED,
                )
            )
        return lost

    # ---- positions and cash ----

    def _holdings(self, kind: DifferenceKind, venue: Venue, ts: int, patience_ns: int) -> _Told:
        held = {
            position.instrument: position
            for position in self._account.portfolio.positions()
            if position.instrument.venue == venue.name
        }
        try:
            if kind is DifferenceKind.POSITION:
                found = compare_positions({k: each.quantity for k, each in held.items()}, venue)
            else:
                found = self._balances(venue)
        except VenueError:
            return _Told((), None)
        if patience_ns == 0:
            return _Told(found, frozenset())
        # what has changed since the venue was asked says nothing yet
        seen_at = venue.as_of if isinstance(venue, AsyncVenue) else ts + 1
        moving = {
            str(order.instrument)
            for order in self._account.orders.open()
            if order.instrument.venue == venue.name
        }
        moving |= {str(k) for k, each in held.items() if each.updated_at >= seen_at}
        if kind is DifferenceKind.BALANCE and moving:
            return _Told((), None)
        calm = tuple(each for each in found if each.subject not in moving)
        return _Told(calm, frozenset(moving))

    def _balances(self, venue: Venue) -> tuple[Difference, ...]:
        currency = self._rules.currency
        if not currency:
            return ()
        return compare_cash(
            self._account.portfolio.cash[venue.name],
            venue,
            currency=currency,
            quotes=self._quotes.get(venue.name, ()),
            tolerance=self._rules.balance_tolerance,
        )

    # ---- what is done about them ----

    def _sorted_out(
        self,
        name: str,
        kind: DifferenceKind,
        told: _Told,
        ts: int,
        patience_ns: int,
    ) -> list[Difference]:
        news: list[Difference] = []
        if told.open is None:
            return news
        there = {(name, kind, each.subject): each for each in told.found}
        gone = [
            key
            for key in self._standing
            if key[:2] == (name, kind) and key not in there and key[2] not in told.open
        ]
        for key in gone:
            before = self._standing.pop(key)
            if before.resolution is not None:
                news.append(self._settled(key, before))
        for key, difference in there.items():
            known = self._standing.get(key)
            if known is None or (known.ours, known.theirs) != (difference.ours, difference.theirs):
                since = ts if known is None or known.resolution is None else known.since
                known = _Standing(difference.ours, difference.theirs, since, None)
            if known.resolution is None and ts - known.since >= patience_ns:
                resolution = self._resolve(difference, ts)
                news.append(msgspec.structs.replace(difference, resolution=resolution))
                if resolution is Resolution.ADOPTED:
                    self._standing.pop(key, None)
                    continue
                known = known._replace(resolution=resolution)
            self._standing[key] = known
        return news

    def _settled(self, key: tuple[str, DifferenceKind, str], before: _Standing) -> Difference:
        venue, kind, subject = key
        if before.resolution is Resolution.QUARANTINED and subject in self._names:
            self._desk.quarantine(self._names[subject], is_locked=False)
        return Difference(
            venue=venue,
            kind=kind,
            subject=subject,
            ours=before.ours,
            theirs=before.theirs,
            resolution=Resolution.SETTLED,
        )

    def _resolve(self, difference: Difference, ts: int) -> Resolution:
        match difference.kind:
            case DifferenceKind.POSITION:
                return self._resolve_position(difference, ts)
            case DifferenceKind.BALANCE if self._rules.adopts:
                amount = Decimal(difference.theirs) - Decimal(difference.ours)
                self._transfer(difference.venue, amount, ts)
                return Resolution.ADOPTED
            case _:
                return Resolution.NOTED

    def _resolve_position(self, difference: Difference, ts: int) -> Resolution:
        instrument = self._names.get(difference.subject)
        if instrument is None:
            return Resolution.NOTED  # not traded here: nothing to lock
        i = self._columns[instrument]
        price = float(self._account.book.mark[i])
        quantity = Decimal(difference.theirs) - Decimal(difference.ours)
        fits = not quantity % self._setup.instruments[i].quantity_step
        if self._rules.adopts and fits and not np.isnan(price):
            self._booking.adopt(
                Adopted(
                    instrument=instrument,
                    ts=ts,
                    quantity=quantity,
                    price=Decimal(repr(price)),
                    detail=f"{difference.venue} holds {difference.theirs}, we {difference.ours}",
                )
            )
            return Resolution.ADOPTED
        self._desk.quarantine(instrument, is_locked=True)
        return Resolution.QUARANTINED

    def _transfer(self, venue: str, amount: Decimal, ts: int) -> None:
        self._account.portfolio.transfer(venue, amount)
        v = next(
            int(self._setup.terms.venue[i])
            for i, each in enumerate(self._setup.instruments)
            if each.id.venue == venue
        )
        self._account.book.cash[v] += float(amount)
        transfer = Transfer(venue=venue, ts=ts, amount=amount)
        self._journal.append("transfer", ts, transfer, venue)
