"""The account at the start of a session: new, or as a ledger says that it was left."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from tutti.engine.run import MODES, Account
from tutti.execution.book_of_orders import OpenOrders
from tutti.ledger.kinds import Transfer
from tutti.model.arrays import (
    DAY_NUMBER,
    DAY_START_EQUITY,
    EQUITY,
    FEES_PAID,
    FUNDING_RECEIVED,
    MODE,
    PEAK_EQUITY,
    TURNOVER,
)
from tutti.model.errors import ConfigError
from tutti.portfolio.accounting import new_book
from tutti.portfolio.positions import Portfolio
from tutti.risk.breakers import reset

if TYPE_CHECKING:
    from tutti.app.build import Plan
    from tutti.ledger.fold import LedgerState
    from tutti.model.arrays import Book


def fresh_account(plan: Plan, agents: tuple[str, ...], ts: int) -> Account:
    """Return an account that holds the plan's balances and nothing else."""
    cash = {name: plan.balances[name] for name in plan.venues}
    return Account(
        book=new_book(len(plan.instruments), len(agents), plan.book_cash(cash), ts),
        portfolio=Portfolio(plan.balances),
        orders=OpenOrders(),
        agents=agents,
    )


def restored_account(
    plan: Plan,
    agents: tuple[str, ...],
    state: LedgerState,
    ts: int,
    *,
    leaves_behind: bool = False,
) -> Account:
    """Return the account that a ledger adds up to.

    Parameters
    ----------
    agents : tuple of str
        Of the panel. One that has left it keeps its profit or loss of the day, and what its
        positions still earn: it has them on its return.
    leaves_behind : bool
        What the plan doesn't trade is left where it is, and counts as nothing; else it is refused.

    Raises
    ------
    ConfigError
        If the ledger holds what the plan doesn't trade.
    """
    known = {each.id for each in plan.instruments}
    held = [position for position in state.positions.values() if position.quantity]
    if leaves_behind:
        held = [position for position in held if position.instrument in known]
    for position in held:
        if position.instrument not in known:
            raise ConfigError(
                f"the ledger holds {position.quantity} of {position.instrument}, which this "
                "configuration doesn't trade; add it, or start in another folder"
            )
    cash = {name: state.cash.get(name, plan.balances[name]) for name in plan.venues}
    agents += _left(agents, state)
    book = new_book(len(plan.instruments), len(agents), plan.book_cash(cash), ts)
    _hold(book, plan, agents, state)
    # what it cost, until there is a price: the equity of all would be unknown else, and a venue that
    # is down at the start would have everything at the others closed
    is_held = book.lots != 0
    book.mark[is_held], book.marked_at[is_held] = book.average_price[is_held], -1
    _join_legs(book, plan)
    _remember(book, agents, state)
    orders = OpenOrders()
    for order in (*state.ended.values(), *state.open_orders.values()):
        orders.add(order, state.fills.get(order.id, ()))
    return Account(book=book, portfolio=Portfolio(cash, held), orders=orders, agents=agents)


def moved_cash(plan: Plan, state: LedgerState, ts: int) -> tuple[Transfer, ...]:
    """Move cash to venues that are new to an account, and from those that it trades at no more.

    A new venue gets an equal share of what is free at each of the others, so equity stays what it
    is. ``state`` is changed; it returns what was moved, for the ledger.
    """
    old = [name for name in plan.venues if name in state.cash]
    new = [name for name in plan.venues if name not in state.cash]
    gone = [name for name in state.cash if name not in plan.venues]
    home = (old or new)[0]
    moved: list[Transfer] = []

    def move(source: str, target: str, amount: Decimal) -> None:
        for name, change in ((source, -amount), (target, amount)):
            state.cash[name] = state.cash.get(name, Decimal(0)) + change
            detail = f"from {source} to {target}: the venues that are traded at changed"
            moved.append(Transfer(venue=name, ts=ts, amount=change, detail=detail))

    for name in gone:
        if state.cash[name]:
            move(name, home, state.cash[name])
    shares = [(name, max(_free(name, state), Decimal(0)) / len(plan.venues)) for name in old]
    for target in new:
        for source, share in shares:
            if share:
                move(source, target, share)
    return tuple(moved)


def _free(venue: str, state: LedgerState) -> Decimal:
    # what a short sale brought in is not there to be moved
    held = [each for each in state.positions.values() if each.instrument.venue == venue]
    worth = sum((each.quantity * each.average_price for each in held), Decimal(0))
    return min(state.cash[venue], state.cash[venue] + worth)


def _left(agents: tuple[str, ...], state: LedgerState) -> tuple[str, ...]:
    # who isn't on the panel any more, and has something that will be asked for on its return
    if state.account is None:
        return ()
    leads = {each.lead for each in state.positions.values() if each.quantity}
    leads |= {state.intents[name].lead for name in state.open_orders if name in state.intents}
    return tuple(
        name
        for name, gained in state.account.agent_day.items()
        if name not in agents and (name in leads or (gained != 0.0 and not state.is_reset))
    )


def _hold(book: Book, plan: Plan, agents: tuple[str, ...], state: LedgerState) -> None:
    leads = {name: a for a, name in enumerate(agents)}
    for i, instrument in enumerate(plan.instruments):
        position = state.positions.get(str(instrument.id))
        if position is None:
            continue
        if not position.quantity:
            book.closed_at[i] = position.updated_at
            continue
        lots = position.quantity / instrument.quantity_step
        if lots != lots.to_integral_value():
            raise ConfigError(
                f"the ledger holds {position.quantity} of {instrument.id}, which is no multiple of "
                f"the quantity step {instrument.quantity_step}; set the step it was traded with"
            )
        book.lots[i] = int(lots)
        book.average_price[i] = float(position.average_price)
        book.opened_at[i] = position.opened_at
        book.lead[i] = leads.get(position.lead, -1)


def _join_legs(book: Book, plan: Plan) -> None:
    # what the venues of a route hold is one position, in the column that is decided on
    for route in plan.setup.routes:
        column, legs = route.column, list(route.legs)
        lot = plan.instruments[column].quantity_step
        lots = np.array([int(plan.instruments[leg].quantity_step / lot) for leg in legs])
        lots *= book.lots[legs]
        total = int(lots.sum())
        value = float((lots * book.average_price[legs]).sum())
        opened = book.opened_at[legs][lots != 0]
        lead = int(book.lead[legs][np.abs(lots).argmax()])
        closed_at = int(book.closed_at[legs].max())
        for values in (book.lots, book.average_price, book.opened_at, book.closed_at):
            values[legs] = 0
        book.lead[legs] = -1
        book.closed_at[column] = closed_at
        if lots.any():
            # venues that hold against each other may add up to nothing, and have to be closed
            size = np.abs(lots)
            mark = float((size * book.mark[legs])[size > 0].sum() / size.sum())
            book.mark[column], book.marked_at[column] = mark, -1
        if total:
            book.lots[column] = total
            book.average_price[column] = value / total
            book.opened_at[column] = int(opened.min())
            book.lead[column] = lead


def _remember(book: Book, agents: tuple[str, ...], state: LedgerState) -> None:
    # whoever starts again after a halt has seen why
    if state.mode is not None and state.mode.mode in MODES:
        book.account[MODE] = MODES.index(state.mode.mode)
    account = state.account
    if account is None:
        return
    book.account[EQUITY] = account.equity
    book.account[PEAK_EQUITY] = account.peak_equity
    book.account[DAY_START_EQUITY] = account.day_start_equity
    book.account[DAY_NUMBER] = account.day
    book.account[FEES_PAID] = account.fees
    book.account[FUNDING_RECEIVED] = account.funding
    book.account[TURNOVER] = account.turnover
    if state.is_reset:
        reset(book)
        return
    for a, name in enumerate(agents):
        book.agent_day[a] = account.agent_day.get(name, 0.0)
