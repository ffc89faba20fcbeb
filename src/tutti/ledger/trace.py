"""Why an order was sent: the chain from its fills back to what was known, from the ledger alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from tutti.ledger.kinds import (
    KINDS,
    Approval,
    Command,
    Decision,
    DecisionItem,
    Objection,
    Routed,
    Started,
    Told,
)
from tutti.ledger.records import Entry, entry
from tutti.model.errors import LedgerError
from tutti.model.order import Fill, Order, OrderIntent, Reason, Settlement

if TYPE_CHECKING:
    from tutti.ledger.store import LedgerReader, Row

_T = TypeVar("_T")

_NEAR = 5
_LOOKED_AT = 10_000  # rows of an instrument among which what was told is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Everything that the ledger holds about one order.

    Parameters
    ----------
    fills, orders : tuple of Entry
        Its fills and states, oldest first; of an order that was split, its children's too.
    routes : tuple of Entry
        How it, or the order that it is a child of, was split over venues; oldest first.
    approval, refusal : Entry or None
        What risk said; both None when the process ended before it spoke.
    item : DecisionItem or None
        What was seen and wanted of the order's instrument; None for an order that no tick asked
        for.
    command : Entry or None
        What an operator said that the order follows from; None for one that a tick asked for.
    opinions : tuple of Entry
        What the agents that had to be awaited had said, as far as it still stood; in the order of
        the voices.
    settlement : Entry or None
        A person's word for what became of it; None where the venue told.
    """

    order_id: str
    fills: tuple[Entry[Fill], ...]
    orders: tuple[Entry[Order], ...]
    approval: Entry[Approval] | None
    refusal: Entry[Objection] | None
    intent: Entry[OrderIntent]
    decision: Entry[Decision] | None
    item: DecisionItem | None
    started: Entry[Started] | None
    routes: tuple[Entry[Routed], ...] = ()
    command: Entry[Command] | None = None
    opinions: tuple[Entry[Told], ...] = ()
    settlement: Entry[Settlement] | None = None


def why(reader: LedgerReader, order_id: str) -> Trace:
    """Return how an order came about.

    Parameters
    ----------
    order_id : str
        Whole, or a beginning that only one order has. A child order is traced to its parent's
        intent.

    Raises
    ------
    LedgerError
        If no order, or more than one, has that id; the message names some that come near.
    """
    found = _resolve(reader, order_id)
    own = list(reader.rows(ref=found))
    orders, fills = _of(own, Order), _of(own, Fill)
    rows = own
    if orders and orders[-1].body.parent:
        rows = list(reader.rows(ref=orders[-1].body.parent))
    routes, settlements = _of(rows, Routed), _of(own, Settlement)
    if rows is own:
        for child in [child for route in routes for child in route.body.children]:
            theirs = list(reader.rows(ref=child.id))
            orders += _of(theirs, Order)
            settlements += _of(theirs, Settlement)
            fills += _of(theirs, Fill)
    intents, approvals, refusals = _of(rows, OrderIntent), _of(rows, Approval), _of(rows, Objection)
    if not intents:
        raise LedgerError(f"order {found} has no intent in this ledger")
    intent = intents[0]
    decision, item = _decision(reader, intent)
    return Trace(
        order_id=found,
        fills=tuple(sorted(fills, key=_seq)),
        orders=tuple(sorted(orders, key=_seq)),
        approval=approvals[0] if approvals else None,
        refusal=refusals[0] if refusals else None,
        intent=intent,
        decision=decision,
        item=item,
        started=_newest_before(reader, intent.seq, Started),
        routes=tuple(routes),
        command=_command(reader, intent),
        opinions=_opinions(reader, decision, item),
        settlement=settlements[-1] if settlements else None,
    )


def _seq(entry: Entry[Any]) -> int:
    return entry.seq


def _resolve(reader: LedgerReader, order_id: str) -> str:
    ids = reader.refs(order_id, _NEAR + 1)
    if ids and (ids[0] == order_id or len(ids) == 1):
        return ids[0]
    if 1 < len(ids) <= _NEAR and len(heads := _heads(reader, ids)) == 1:
        return heads[0]
    if ids:
        more = ", ..." if len(ids) > _NEAR else ""
        raise LedgerError(
            f"more than one order begins with {order_id!r}: {', '.join(ids[:_NEAR])}{more}"
        )
    near: list[str] = []
    for length in range(len(order_id) - 1, -1, -1):
        near = reader.refs(order_id[:length], _NEAR)
        if near:
            break
    hint = f"; near it: {', '.join(near)}" if near else ": the ledger holds none"
    raise LedgerError(f"no order {order_id!r} in this ledger{hint}")


def _heads(reader: LedgerReader, ids: list[str]) -> list[str]:
    # an order that was split and its children begin alike: the order stands for all of them
    return [each for each in ids if any(row.kind == "intent" for row in reader.rows(ref=each))]


def _of(rows: list[Row], body: type[_T]) -> list[Entry[_T]]:
    kind = KINDS[body]
    return [entry(row, body) for row in rows if row.kind == kind]


def _newest_before(reader: LedgerReader, seq: int, body: type[_T]) -> Entry[_T] | None:
    for row in reader.rows(kinds=(KINDS[body],), before=seq, newest_first=True):
        return entry(row, body)
    return None


def _command(reader: LedgerReader, intent: Entry[OrderIntent]) -> Entry[Command] | None:
    if intent.body.reason is not Reason.OPERATOR:
        return None
    return _newest_before(reader, intent.seq, Command)


def _opinions(
    reader: LedgerReader, decision: Entry[Decision] | None, item: DecisionItem | None
) -> tuple[Entry[Told], ...]:
    if decision is None or item is None or item.context is None:
        return ()
    spoke = [voice.agent for voice in item.context.voices if voice.bias is not None]
    found: dict[str, Entry[Told]] = {}
    rows = reader.rows(
        kinds=(KINDS[Told],), ref=item.instrument, before=decision.seq, newest_first=True
    )
    for row in islice(rows, _LOOKED_AT):
        told = entry(row, Told)
        newest = found.get(told.body.agent, told).body
        # what came late may be older than what had come before it
        if told.body.bias is not None and told.body.as_of >= newest.as_of:
            found[told.body.agent] = told
        if len(found) == len(spoke):
            break
    stood = decision.body.as_of
    return tuple(
        found[name]
        for name in spoke
        if name in found and found[name].body.as_of + found[name].body.time_to_live >= stood
    )


def _decision(
    reader: LedgerReader, intent: Entry[OrderIntent]
) -> tuple[Entry[Decision] | None, DecisionItem | None]:
    if intent.body.reason is Reason.OPERATOR:
        return None, None
    # A tick's decision is written right before its intents.
    decision = _newest_before(reader, intent.seq, Decision)
    if decision is None or decision.body.as_of != intent.body.as_of:
        return None, None
    name = str(intent.body.instrument)
    items = [item for item in decision.body.items if item.instrument == name]
    return decision, items[0] if items else None
