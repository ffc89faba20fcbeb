"""A journal added up: the state from which a process that was killed goes on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from tutti.ledger.kinds import (
    HALTED_MODE,
    KILL,
    RESUME,
    AccountState,
    Adopted,
    Command,
    ModeChange,
    Routed,
    Started,
    Told,
    Transfer,
)
from tutti.ledger.records import decode
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Opinion
from tutti.model.order import (
    Fill,
    FundingPaid,
    Liquidated,
    Order,
    OrderIntent,
    OrderStatus,
    Position,
    Side,
)

if TYPE_CHECKING:
    from tutti.ledger.store import LedgerReader, Row

_STOPS: Final = frozenset({"flatten", "reduce_only"})
_COUNTER: Final = slice(12, 18)
_WRAP: Final = 1 << 24
_KEEP_ENDED: Final = 10_000
_KEEP_FUNDED: Final = 10_000
# a venue may still tell of a fill of these, or that they were enlarged
_MAY_FILL: Final = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.FILLED})


@dataclass(slots=True, kw_only=True)
class LedgerState:
    """What a ledger says is true now.

    Parameters
    ----------
    run_id : str
        Empty for a ledger that nobody started.
    last_seq, last_ts : int
        Of the newest row, ns UTC; 0 when there is none.
    began : int
        When the account was started for the first time, ns UTC; 0 when it never was.
    positions : dict of str to Position
        Newest position by instrument, flat ones included.
    funded : dict of (InstrumentId, int) to None
        The last 10,000 payments of funding that are booked, by contract and time (ns UTC), in the
        order of booking: a venue may show those of one instant one after the other.
    cash : dict of str to Decimal
        By venue, quote currency: the balances of the first start, less what fills cost, plus
        funding.
    open_orders : dict of str to Order
        Orders that are not final, by id. Each may be known to a venue: reconcile it. One that is
        CREATED was split: its children are here, too, and what they filled is in it.
    ended : dict of str to Order
        The last 10,000 that are final, oldest first: a venue may tell of them again, or late.
    intents : dict of str to OrderIntent
        Of the open orders, and of those that ended and may still fill, by id.
    unsent : dict of str to OrderIntent
        Approved, with no order recorded: these never left the process.
    fill_ids : set of str
        Executions that were booked already.
    fills : dict of str to set of str
        Those of the orders in ``open_orders`` and ``ended``, by order.
    mode : ModeChange or None
        Newest, halts aside; None while the account was never restricted.
    killed : Command or None
        The kill that nobody has ended by a resume; the account may not trade.
    account : AccountState or None
        Newest.
    is_reset : bool
        Somebody resumed after that: drawdown and daily loss count from there.
    started : Started or None
        Newest.
    opinions : dict of (str, str) to Opinion
        Newest of each agent on each instrument, of those agents that have to be awaited.
    counts : Counter
        Rows by kind.
    next_id : int
        Counter value for the next order id.
    """

    run_id: str = ""
    last_seq: int = 0
    last_ts: int = 0
    began: int = 0
    positions: dict[str, Position] = field(default_factory=dict)
    funded: dict[tuple[InstrumentId, int], None] = field(default_factory=dict)
    cash: dict[str, Decimal] = field(default_factory=dict)
    open_orders: dict[str, Order] = field(default_factory=dict)
    ended: dict[str, Order] = field(default_factory=dict)
    intents: dict[str, OrderIntent] = field(default_factory=dict)
    unsent: dict[str, OrderIntent] = field(default_factory=dict)
    fill_ids: set[str] = field(default_factory=set)
    fills: dict[str, set[str]] = field(default_factory=dict)
    mode: ModeChange | None = None
    killed: Command | None = None
    account: AccountState | None = None
    is_reset: bool = False
    started: Started | None = None
    opinions: dict[tuple[str, str], Opinion] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    next_id: int = 0

    def copy(self) -> LedgerState:
        """Return one that can be changed, and leaves this one as it is."""
        return replace(
            self,
            positions=dict(self.positions),
            funded=dict(self.funded),
            cash=dict(self.cash),
            open_orders=dict(self.open_orders),
            ended=dict(self.ended),
            intents=dict(self.intents),
            unsent=dict(self.unsent),
            fill_ids=set(self.fill_ids),
            fills={name: set(each) for name, each in self.fills.items()},
            opinions=dict(self.opinions),
            counts=Counter(self.counts),
        )


def fold(reader: LedgerReader, onto: LedgerState | None = None) -> LedgerState:
    """Return the state after the newest row.

    Parameters
    ----------
    reader : LedgerReader
    onto : LedgerState, optional
        What the same ledger added up to earlier: only the rows since are read, and it is changed.

    Raises
    ------
    LedgerError
        If a row can't be read.
    """
    state = LedgerState() if onto is None else onto
    state.run_id = state.run_id or reader.run_id
    for row in reader.rows(after=state.last_seq):
        state.last_seq, state.last_ts = row.seq, row.ts
        state.counts[row.kind] += 1
        _apply(state, row)
    return state


def _apply(state: LedgerState, row: Row) -> None:
    match row.kind:
        case "started":
            state.started = decode(row, Started)
            if state.counts["started"] == 1:
                state.began = row.ts
                state.cash.update(state.started.balances)
        case "intent":
            state.intents[row.ref] = decode(row, OrderIntent)
            state.next_id = _after(row.ref, state.next_id)
        case "approval" if row.ref in state.intents:
            state.unsent[row.ref] = state.intents[row.ref]
        case "refusal":
            state.intents.pop(row.ref, None)
        case "order":
            _apply_order(state, decode(row, Order))
        case "route":
            _apply_route(state, decode(row, Routed))
        case _:
            _apply_account(state, row)


def _apply_account(state: LedgerState, row: Row) -> None:
    match row.kind:
        case "mode":
            _apply_mode(state, decode(row, ModeChange))
        case "command":
            _apply_command(state, decode(row, Command))
        case "account":
            state.account = decode(row, AccountState)
            state.is_reset = False
        case "position":
            position = decode(row, Position)
            state.positions[str(position.instrument)] = position
        case "opinion":
            _apply_opinion(state, decode(row, Told))
        case _:
            _apply_money(state, row)


def _apply_opinion(state: LedgerState, told: Told) -> None:
    answer, cell = told.answer, (told.agent, str(told.instrument))
    before = state.opinions.get(cell)
    if isinstance(answer, Opinion) and (before is None or answer.as_of > before.as_of):
        state.opinions[cell] = answer


def _apply_mode(state: LedgerState, change: ModeChange) -> None:
    # a halt ends with its process; what the account was restricted to before does not
    if change.mode != HALTED_MODE:
        state.mode = change


def _apply_command(state: LedgerState, command: Command) -> None:
    if command.name == KILL:
        state.killed = command
    elif command.name == RESUME:
        # as online: who was only paused, or not stopped at all, keeps peak and day
        state.is_reset = state.mode is not None and state.mode.mode in _STOPS
        state.killed = state.mode = None


def _apply_order(state: LedgerState, order: Order) -> None:
    state.unsent.pop(order.id, None)
    if order.parent:
        _count_for_parent(state, order)
    if not order.status.is_final:
        state.ended.pop(order.id, None)
        state.open_orders[order.id] = order
        return
    state.open_orders.pop(order.id, None)
    state.ended.pop(order.id, None)  # the newest end last
    state.ended[order.id] = order
    if order.status not in _MAY_FILL:
        state.intents.pop(order.id, None)
    if len(state.ended) > _KEEP_ENDED:
        oldest = next(iter(state.ended))
        for known in (state.ended, state.intents, state.fills):
            known.pop(oldest, None)


def _apply_route(state: LedgerState, routed: Routed) -> None:
    intent = state.intents.get(routed.parent)
    if intent is not None:
        for child in routed.children:
            state.intents[child.id] = msgspec.structs.replace(
                intent,
                id=child.id,
                instrument=child.instrument,
                quantity=child.quantity,
                price=child.price,
            )


def _count_for_parent(state: LedgerState, order: Order) -> None:
    # a parent has a row of its own at its beginning and its end only
    parent = state.open_orders.get(order.parent)
    before = state.open_orders.get(order.id) or state.ended.get(order.id)
    filled, paid = order.filled, order.filled * order.average_price
    if before is not None:
        filled, paid = filled - before.filled, paid - before.filled * before.average_price
    if parent is not None and filled:
        total = parent.filled + filled
        state.open_orders[parent.id] = msgspec.structs.replace(
            parent,
            filled=total,
            average_price=(parent.filled * parent.average_price + paid) / total,
            updated_at=max(parent.updated_at, order.updated_at),
        )


def _apply_money(state: LedgerState, row: Row) -> None:
    match row.kind:
        case "fill":
            fill = decode(row, Fill)
            state.fills.setdefault(fill.order_id, set()).add(fill.id)
            _pay(state, fill.id, fill.instrument, fill.side, fill.quantity * fill.price, fill.fee)
        case "liquidation":
            forced = decode(row, Liquidated)
            notional = forced.quantity * forced.price
            _pay(state, forced.fill_id, forced.instrument, forced.side, notional, forced.fee)
        case "funding":
            funding = decode(row, FundingPaid)
            state.funded[funding.instrument, funding.ts] = None
            if len(state.funded) > _KEEP_FUNDED:
                del state.funded[next(iter(state.funded))]
            _receive(state, funding.instrument.venue, funding.amount)
        case "adopted":
            adopted = decode(row, Adopted)
            _receive(state, adopted.instrument.venue, -adopted.quantity * adopted.price)
        case "transfer":
            transfer = decode(row, Transfer)
            _receive(state, transfer.venue, transfer.amount)
        case _:
            pass  # decisions, segments and the like move no money


def _pay(
    state: LedgerState,
    fill_id: str,
    instrument: InstrumentId,
    side: Side,
    notional: Decimal,
    fee: Decimal,
) -> None:
    if fill_id in state.fill_ids:  # a liquidation may be on record as a fill, too
        return
    state.fill_ids.add(fill_id)
    _receive(state, instrument.venue, -side.sign * notional - fee)


def _receive(state: LedgerState, venue: str, amount: Decimal) -> None:
    state.cash[venue] = state.cash.get(venue, Decimal(0)) + amount


def _after(order_id: str, next_id: int) -> int:
    # the id holds the low 24 bits of its counter; later ids never lie more than half a turn back
    try:
        low = int(order_id[_COUNTER], 16)
    except ValueError:  # not an id of `tutti.kernel.ids`
        return next_id + 1
    turn = (low - next_id) % _WRAP
    return next_id + turn + 1 if turn < _WRAP // 2 else next_id
