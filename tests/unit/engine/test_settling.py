"""A person settles an order that no venue can tell of: booked, unlocked, and on record."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tutti.kernel.clock import SECOND
from tutti.model.difference import Difference, Resolution
from tutti.model.errors import OutcomeUnknown, VenueError
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    Fill,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRefused,
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


def _routed(stage: Make, make_bars: Make) -> Any:
    lost: list[VenueError] = [OutcomeUnknown("timed out", venue="A")]
    exchanges = {
        "A": Exchange("A", raises=lost, cash={}), "B": Exchange("B", cash={})
    }  # fmt: skip
    ids = (InstrumentId("BTC-USDT-PERP", "A"), InstrumentId("BTC-USDT-PERP", "B"))
    legs = [str(each) for each in ids]
    played = stage(
        make_bars([[100.0] * 2] * 12, ids=ids), [[1.0] * 2] + [[float("nan")] * 2] * 11,
        venues=lambda plan: exchanges,
        routes={legs[0]: {"strategy": "priority", "instruments": legs}},
    )  # fmt: skip
    played.play(0, 1)
    return played, exchanges


def test_child_that_is_settled_as_rejected_is_not_sent_to_the_others(
    stage: Make, make_bars: Make
) -> None:
    played, exchanges = _routed(stage, make_bars)
    now = int(played.block.known_at[0]) + 11 * SECOND
    desk = played.engine.desk
    desk.reconcile(now, patience_ns=10 * SECOND)
    child = exchanges["A"].submitted[-1].intent
    settlement = Settlement(
        order_id=child.id, outcome=OrderStatus.REJECTED, filled=Decimal(0), price=None,
        fee=Decimal(0), by="me", reason="its page",
    )  # fmt: skip
    assert desk.locks.tolist()[0] == 1
    desk.settle(settlement, now)
    desk.drain()
    assert exchanges["B"].submitted == []
    assert desk.locks.tolist()[0] == 0
    parent, ended = played.orders().values()
    assert (parent.status, ended.status) == (OrderStatus.CANCELLED, OrderStatus.REJECTED)
    assert played.account.book.working.tolist() == [0, 0]


_WORDS = ("fill", "rest", "cancel", "accept", "refuse", "expire")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    said=st.sampled_from(
        [(OrderStatus.FILLED, 10), (OrderStatus.CANCELLED, 4), (OrderStatus.REJECTED, 0)]
    ),
    words=st.lists(st.sampled_from(_WORDS), max_size=6),
    more=st.lists(st.integers(1, 10), min_size=6, max_size=6),
)
def test_whatever_its_venue_says_later_a_settled_order_stays_as_it_was_settled(
    stage: Make,
    make_bars: Make,
    said: tuple[OrderStatus, int],
    words: list[str],
    more: list[int],
) -> None:
    exchange = Exchange(raises=[OutcomeUnknown("timed out", venue="SIM")])
    played = _Play(stage, make_bars, exchange, scores=_ENTRY)
    played.tick()
    played.reconcile(after_s=11, patience_s=10)
    outcome, filled = said
    _settle(played, outcome, filled, 101 if filled else None)
    order_id, now = played.order_id, played.now
    events: dict[str, VenueEvent] = {
        "cancel": OrderCancelled(order_id=order_id, ts=now, detail=""),
        "accept": OrderAccepted(order_id=order_id, ts=now, venue_order_id="v"),
        "refuse": OrderRefused(order_id=order_id, ts=now, detail=""),
        "expire": OrderExpired(order_id=order_id, ts=now, detail=""),
    }
    before = len(played.differences())
    for k, word in enumerate(words):
        fill = msgspec.structs.replace(_late_fill(played, more[k]), fill_id=f"late{k}")
        _hear(played, events.get(word, fill))
    assert (played.order().status, played.order().filled) == (outcome, Decimal(filled))
    assert (played.stage.lots(), played.lock) == (filled * 1_000, 0)
    assert len(played.differences()) - before == bool(words)
    assert played.stage.engine.halted == ""
