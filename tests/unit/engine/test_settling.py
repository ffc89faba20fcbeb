"""A person settles an order that no venue can tell of: booked, unlocked, and on record."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tutti.model.difference import Difference, Resolution
from tutti.model.errors import OutcomeUnknown
from tutti.model.order import (
    Fill,
    OrderCancelled,
    OrderFilled,
    OrderStatus,
    Position,
    Settlement,
    VenueEvent,
)

from .test_reconciler import Exchange, _Play, play

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

__all__ = ["play"]

pytestmark = pytest.mark.kernels

_ENTRY = [1.0] + [float("nan")] * 11


@pytest.fixture
def lost(play: Make) -> _Play:
    """Return an account with an order of ten that nobody can tell of."""
    exchange = Exchange(raises=[OutcomeUnknown("timed out", venue="SIM")])
    played: _Play = play(exchange, scores=_ENTRY)
    played.reconcile(after_s=11, patience_s=10)
    assert (played.order().status, played.lock) == (OrderStatus.UNRESOLVED, 1)
    return played


def _settle(played: _Play, outcome: OrderStatus, filled: int, price: int | None = None) -> None:
    settlement = Settlement(
        order_id=played.order_id,
        outcome=outcome,
        filled=Decimal(filled),
        price=None if price is None else Decimal(price),
        fee=Decimal(0 if price is None else 1),
        by="me",
        reason="its page",
    )
    played.stage.engine.desk.settle(settlement, played.now)


def _hear(played: _Play, *events: VenueEvent) -> None:
    played.exchange.queue += events
    played.stage.engine.hear(played.now)


def _late_fill(played: _Play, quantity: int) -> OrderFilled:
    return OrderFilled(
        order_id=played.order_id, ts=played.now, fill_id="late", quantity=Decimal(quantity),
        price=Decimal(99), fee=Decimal(0), is_maker=False,
    )  # fmt: skip


def test_order_settled_as_filled_is_booked_and_its_lock_ends(lost: _Play) -> None:
    _settle(lost, OrderStatus.FILLED, 10, 101)
    assert (lost.order().status, lost.lock) == (OrderStatus.FILLED, 0)
    (fill,) = lost.stage.all(Fill)
    assert (fill.quantity, fill.price, fill.fee) == (Decimal(10), Decimal(101), Decimal(1))
    (position,) = lost.stage.all(Position)
    assert position.quantity == Decimal(10)
    assert lost.stage.lots() == 10_000
    assert lost.stage.account.book.working[0] == 0
    assert lost.stage.account.portfolio.cash == {"SIM": Decimal(10_000 - 1_010 - 1)}
    kinds = lost.stage.kinds()
    assert kinds.index("settlement") < kinds.index("fill") < kinds.index("position")


def test_order_settled_as_rejected_leaves_nothing_but_the_record(lost: _Play) -> None:
    _settle(lost, OrderStatus.REJECTED, 0)
    assert (lost.order().status, lost.lock, lost.stage.lots()) == (OrderStatus.REJECTED, 0, 0)
    assert "settled by me: its page" in lost.order().detail
    (record,) = lost.stage.all(Settlement)
    assert record.reason == "its page"


def test_order_settled_as_cancelled_is_not_asked_about_again(lost: _Play) -> None:
    _settle(lost, OrderStatus.CANCELLED, 4, 101)
    assert (lost.order().status, lost.stage.lots()) == (OrderStatus.CANCELLED, 4_000)
    assert lost.stage.account.book.working[0] == 0
    assert lost.stage.engine.desk.doubtful() == {}


def test_venue_that_tells_of_a_settled_order_later_is_noted_once(lost: _Play) -> None:
    _settle(lost, OrderStatus.FILLED, 10, 101)
    before = len(lost.differences())
    _hear(lost, _late_fill(lost, 10))
    cancelled = OrderCancelled(order_id=lost.order_id, ts=lost.now, detail="")
    _hear(lost, cancelled, cancelled)
    (noted,) = lost.stage.all(Difference)[before:]
    assert (noted.ours, noted.theirs) == ("filled, filled 10, as a person said", "filled 10 at 99")
    assert noted.resolution is Resolution.NOTED
    assert lost.stage.lots() == 10_000
    assert lost.stage.engine.halted == ""


def test_fill_of_an_order_settled_as_cancelled_is_booked_all_the_same(lost: _Play) -> None:
    _settle(lost, OrderStatus.CANCELLED, 0)
    _hear(lost, _late_fill(lost, 10))
    assert (lost.order().status, lost.stage.lots()) == (OrderStatus.FILLED, 10_000)


def test_instrument_trades_again_once_its_order_is_settled(play: Make) -> None:
    exchange = Exchange(raises=[OutcomeUnknown("timed out", venue="SIM")])
    played = play(exchange, scores=[1.0] * 12)
    played.reconcile(after_s=11, patience_s=10)
    played.tick(2)
    assert len(exchange.submitted) == 1
    _settle(played, OrderStatus.REJECTED, 0)
    played.tick()
    assert len(exchange.submitted) == 2
