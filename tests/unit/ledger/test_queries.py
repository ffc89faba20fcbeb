"""Small questions get typed answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.ledger.kinds import Command
from tutti.ledger.queries import decisions, fills, latest, orders
from tutti.model.order import OrderStatus

if TYPE_CHECKING:
    from tests.unit.ledger.conftest import Scribe

    from tutti.adapters.stores.sqlite_ledger import SqliteLedger


def test_orders_stand_as_they_are_now_in_the_order_they_came(
    scribe: Scribe, store: SqliteLedger
) -> None:
    first, second = scribe.intent(), scribe.intent()
    scribe.order(first, OrderStatus.SENT)
    scribe.order(second, OrderStatus.SENT)
    scribe.order(first, OrderStatus.CANCELLED)
    scribe.journal.commit()
    assert [(order.id, order.status) for order in orders(store)] == [
        (first.id, OrderStatus.CANCELLED),
        (second.id, OrderStatus.SENT),
    ]


def test_fills_come_oldest_first(scribe: Scribe, store: SqliteLedger) -> None:
    intent = scribe.intent()
    for name in ("f1", "f2"):
        scribe.fill(intent, name)
    scribe.journal.commit()
    assert [fill.id for fill in fills(store)] == ["f1", "f2"]


def test_decisions_come_newest_first_and_no_more_than_asked_for(
    scribe: Scribe, store: SqliteLedger
) -> None:
    for equity in (1.0, 2.0, 3.0):
        scribe.decision(equity=equity)
    scribe.journal.commit()
    assert [decision.equity for decision in decisions(store, 2)] == [3.0, 2.0]


def test_latest_of_a_kind_leaves_the_others_out(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.quiet_rows()
    scribe.journal.commit()
    assert [(e.seq, e.body.name) for e in latest(store, Command, 5)] == [(2, "pause")]
