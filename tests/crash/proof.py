"""What a ledger says of its orders, held against what the exchange has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.ledger.fold import fold
from tutti.ledger.records import decode
from tutti.ledger.verify import verify
from tutti.model.order import Fill, Order, OrderStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.crash.trading import Place

_NOTHING = Decimal(0)
_NEVER_LEFT = "cancelled before it left"


@dataclass(slots=True)
class Findings:
    """What is wrong, in words, by kind."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong_positions: list[str] = field(default_factory=list)
    orders: int = 0
    fills: int = 0


def compare(place: Place, folder: Path, state: Mapping[str, Any]) -> Findings:
    """Return how the ledger in ``folder`` differs from the exchange's own account of itself.

    Parameters
    ----------
    state : mapping
        What the exchange answers at ``/_control/state``.
    """
    found = Findings()
    with SqliteLedgerReader(folder / "ledger") as reader:
        sound = verify(reader)
        if not sound.ok:
            found.lost.append(f"the ledger is broken: {sound.problem}")
        folded = fold(reader)
        ours: dict[str, Order] = {}
        for row in reader.rows(kinds=("order",)):
            order = decode(row, Order)
            ours[order.id] = order
        fills = [decode(row, Fill) for row in reader.rows(kinds=("fill",))]
    booked: dict[str, Decimal] = {}
    for fill in fills:
        booked[fill.order_id] = booked.get(fill.order_id, _NOTHING) + fill.quantity
    found.orders, found.fills = len(ours), len(fills)
    ids = dialect_of(place.venue).client_ids
    there: dict[str, Mapping[str, Any]] = {}
    for each in state["orders"]:
        name = ids.decode(each["client_id"]) if each["client_id"] else None
        if name is None or name not in ours:
            found.lost.append(f"{each} is at the exchange and not in the ledger")
        elif name in there:
            found.doubled.append(f"order {name} is at the exchange twice")
        else:
            there[name] = each
    for name, order in ours.items():
        _compare_order(found, order, there.get(name), booked.get(name, _NOTHING))
    doubled = [name for name, count in Counter(fill.id for fill in fills).items() if count > 1]
    found.doubled += [f"fill {name} was booked twice" for name in doubled]
    _compare_positions(found, place, folded.positions, state)
    return found


def _compare_order(
    found: Findings, order: Order, there: Mapping[str, Any] | None, booked: Decimal
) -> None:
    filled = Decimal(there["filled"]) if there else _NOTHING
    if booked > filled:
        found.doubled.append(f"{order.id}: booked {booked}, the exchange filled {filled}")
    elif booked < filled:
        found.lost.append(f"{order.id}: booked {booked}, the exchange filled {filled}")
    if not order.status.is_final:
        found.lost.append(f"{order.id} is {order.status}, and the exchange has {there}")
    gone = {OrderStatus.REJECTED, OrderStatus.FAILED}
    # refused as untimely, and unwanted before the next attempt
    never_left = order.status is OrderStatus.CANCELLED and order.detail == _NEVER_LEFT
    if there is None and order.status not in gone and not never_left:
        found.lost.append(f"{order.id} is {order.status}, and the exchange never had it")
    if there is not None and order.status in gone and there["status"] not in {"rejected"}:
        found.lost.append(f"{order.id} is {order.status}, and the exchange has {there}")


def _compare_positions(
    found: Findings, place: Place, ours: Mapping[str, Any], state: Mapping[str, Any]
) -> None:
    (account,) = state["accounts"]
    for each in place.instruments:
        held = ours[str(each)].quantity if str(each) in ours else _NOTHING
        base, quote, *_ = each.symbol.split("-")
        if each.symbol.endswith("PERP"):
            theirs = account["positions"].get(f"{base}/{quote}:{quote}", "0")
        else:
            theirs = account["spot"].get(base, "0")
        quantity = Decimal(str(theirs["quantity"] if isinstance(theirs, dict) else theirs))
        if quantity != held:
            found.wrong_positions.append(f"{each}: we hold {held}, the exchange says {quantity}")
