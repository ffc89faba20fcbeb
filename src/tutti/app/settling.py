"""Settles an order that stays unresolved by a person's word, in a running service or at rest."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.execution.book_of_orders import OpenOrders
from tutti.execution.lifecycle import fill_of
from tutti.execution.port import AsyncVenue
from tutti.execution.settlement import agrees, events_of, settlement_of
from tutti.ledger.fold import fold
from tutti.ledger.journal import Journal
from tutti.model.errors import ConfigError, GateClosed, VenueError
from tutti.model.order import OrderFilled, OrderStatus
from tutti.portfolio.positions import Portfolio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from tutti.app.session import Session
    from tutti.execution.port import Venue, VenueOrderReport
    from tutti.ledger.fold import LedgerState
    from tutti.model.order import Order, OrderIntent, Settlement

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What somebody says became of an order; see `tutti.model.order.Settlement`.

    Parameters
    ----------
    order_id : str
        Whole, or a beginning that only one open order has.
    filled, price : Decimal or None
        None for what follows from the outcome.
    force : bool
        Also against the word of the venue.
    """

    order_id: str
    outcome: OrderStatus
    filled: Decimal | None = None
    price: Decimal | None = None
    fee: Decimal = Decimal(0)
    by: str
    reason: str
    force: bool = False

    def about(self, order: Order, step: Decimal) -> Settlement:
        """Return it as a record of ``order``; raise ConfigError if it can't be true of it."""
        return settlement_of(
            order, self.outcome, filled=self.filled, price=self.price, fee=self.fee, step=step,
            by=self.by, reason=self.reason,
        )  # fmt: skip


def meant(order_id: str, orders: Iterable[Order]) -> Order:
    """Return the open order that an id, or its beginning, names.

    Raises
    ------
    ConfigError
        If there is none, or more than one.
    """
    orders = tuple(orders)
    found = [each for each in orders if order_id and each.id.startswith(order_id)]
    if len(found) == 1:
        return found[0]
    named = ", ".join(each.id for each in found or orders) or "none"
    many = "more than one open order begins" if found else "no open order begins"
    raise ConfigError(f"{many} with {order_id!r}; there are: {named}")


async def settle_running(
    session: Callable[[], Session], at_rest: asyncio.Lock, claim: Claim, now: Callable[[], int]
) -> Order:
    """Settle an order of a running session, after its venue was asked once more.

    Returns
    -------
    Order
        As it is then; as the venue says, where it knows of the order and says the same.

    Raises
    ------
    ConfigError
        If there is no such unresolved order, or the figures can't be true of it.
    GateClosed
        If its venue says otherwise, and the claim is not made against that.
    """
    order = meant(claim.order_id, session().account.orders.open())
    venue = session().venues[order.instrument.venue]
    if isinstance(venue, AsyncVenue):
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await venue.refresh((order.id,))
        except (VenueError, TimeoutError):
            pass  # it can't tell now, which is why a person does
    async with at_rest:
        return _settle(session(), claim, now())


def _settle(session: Session, claim: Claim, ts: int) -> Order:
    order = meant(claim.order_id, session.account.orders.open())
    step = next(
        each.quantity_step for each in session.plan.instruments if each.id == order.instrument
    )
    settlement = claim.about(order, step)
    report = _report(session.venues[order.instrument.venue], order.id)
    if report is not None and agrees(report, settlement):
        # its own figures, with its own fills; other orders may be on their way
        patience_ns = session.plan.setup.reconciling.patience_ns
        session.engine.desk.reconcile(ts, patience_ns=patience_ns)
        session.attend(ts)
        found = session.account.orders.get(order.id)
        if found is not None and found.status.is_final:
            return found
    elif report is not None:
        said = f"{report.status}, filled {report.filled}"
        if not claim.force:
            raise GateClosed(
                f"{order.instrument.venue} says that order {order.id} is {said}; nothing was "
                "settled: the next comparison books that, or say it again with --force"
            )
        settlement = msgspec.structs.replace(settlement, said=said)
    return session.commands.settle(settlement, ts)


def _report(venue: Venue, order_id: str) -> VenueOrderReport | None:
    try:
        report = venue.find(order_id)
    except VenueError:
        return None
    return None if report is None or report.status is OrderStatus.SENT else report


def settle_at_rest(folder: Path, claim: Claim) -> Order:
    """Settle an order in the ledger of an account that nothing runs; its venue is not asked.

    The next start compares positions and cash with the venue, as every start does.

    Raises
    ------
    ConfigError
        If there is no such unresolved order, or the figures can't be true of it.
    LedgerError
        If there is no ledger that can be written, or a service writes it.
    """
    with SqliteLedger(folder, Durability.EACH_COMMIT) as store:
        state = fold(store)
        order = meant(claim.order_id, state.open_orders.values())
        settlement = claim.about(order, _grid(order, state))
        journal = Journal(store, state.run_id)
        settled = _write(journal, state, order, settlement)
        journal.close()
    return settled


def _write(journal: Journal, state: LedgerState, order: Order, settlement: Settlement) -> Order:
    ts, intent = state.last_ts, state.intents[order.id]
    orders = OpenOrders()
    orders.add(order, state.fills.get(order.id, ()))
    held = [each for each in state.positions.values() if each.quantity]
    portfolio = Portfolio(state.cash, held)
    journal.append("settlement", ts, settlement, order.id)
    for event in events_of(order, settlement, ts):
        order = orders.apply(event) or order
        if isinstance(event, OrderFilled):
            _book(journal, portfolio, order, event, intent)
        journal.append("order", ts, order, order.id)
    return order


def _book(
    journal: Journal, portfolio: Portfolio, order: Order, event: OrderFilled, intent: OrderIntent
) -> None:
    fill = fill_of(order, event, intent.reference_price)
    position = portfolio.apply(fill, intent.lead)
    journal.append("fill", event.ts, fill, order.id)
    journal.append("position", event.ts, position, str(order.instrument))


def _grid(order: Order, state: LedgerState) -> Decimal:
    """Return a number that this instrument's quantities are multiples of, as far as known here."""
    orders: Mapping[str, Order] = {**state.ended, **state.open_orders}
    mine = [each for each in orders.values() if each.instrument == order.instrument]
    known = {each.quantity for each in mine} | {each.filled for each in mine if each.filled}
    finest = min(int(each.as_tuple().exponent) for each in known)
    whole = math.gcd(*(int(each.scaleb(-finest)) for each in known))
    return Decimal(whole).scaleb(finest)
