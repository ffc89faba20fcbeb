"""Small questions to a ledger, answered in the model's types."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from tutti.ledger.kinds import KINDS, Decision
from tutti.ledger.records import Entry, decode, entries
from tutti.model.order import Fill, Order

if TYPE_CHECKING:
    from tutti.ledger.store import LedgerReader

_T = TypeVar("_T")


def latest(reader: LedgerReader, body: type[_T], count: int) -> list[Entry[_T]]:
    """Return the newest ``count`` records that hold ``body``, newest first."""
    rows = reader.rows(kinds=(KINDS[body],), newest_first=True)
    return list(islice(entries(rows, body), count))


def decisions(reader: LedgerReader, count: int) -> list[Decision]:
    """Return the newest ``count`` decisions, newest first."""
    return [entry.body for entry in latest(reader, Decision, count)]


def orders(reader: LedgerReader) -> list[Order]:
    """Return each order as it stands now, in the order of their first appearance."""
    newest: dict[str, Order] = {}
    for row in reader.rows(kinds=("order",)):
        order = decode(row, Order)
        newest[order.id] = order
    return list(newest.values())


def fills(reader: LedgerReader) -> list[Fill]:
    """Return all fills, oldest first."""
    return [decode(row, Fill) for row in reader.rows(kinds=("fill",))]
