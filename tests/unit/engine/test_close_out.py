"""Everything is cancelled and closed, or named."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from tests.unit.engine.conftest import BTC, CALM, ETH, START, bars, terms

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.build import plan_of
from tutti.app.config import Config, override
from tutti.app.session import Session
from tutti.engine.close_out import CloseOut, _state
from tutti.engine.run import Silent
from tutti.kernel.clock import HOUR, SECOND
from tutti.kernel.ids import IdSource
from tutti.ledger.fold import fold
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import FLATTEN, KILL, Command
from tutti.model.errors import OrderRejected, OutcomeUnknown, Transient
from tutti.model.instrument import InstrumentKind
from tutti.model.order import OrderStatus, Reason
from tutti.risk.breakers import HALTED, UNRESOLVED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tutti.model.order import ApprovedOrder, Order, OrderIntent

_SETTINGS = CALM | {
    "policy.name": "ema_cross",
    "policy.fast": 2,
    "policy.slow": 3,
    "policy.long_only": False,
}
_RISING = [[100.0 + i, 50.0 + i] for i in range(8)]
_NOW = START + 8 * HOUR


class Told(Silent):
    """Remembers the intents of orders."""

    def __init__(self) -> None:
        self.intents: dict[str, OrderIntent] = {}

    def order_changed(self, order: Order, intent: OrderIntent) -> None:
        self.intents[order.id] = intent


class Desk:
    """A session that holds two longs at the end of its bars."""

    def __init__(self, folder: Path, changes: dict[str, Any]) -> None:
        block = bars(_RISING, ids=(BTC, ETH))
        config = override(Config(), _SETTINGS | changes)
        plan = plan_of(config, [terms(BTC), terms(ETH)], block.step)
        self.store = SqliteLedger(folder, Durability.BATCHED)
        self.told = Told()
        self.session = Session(
            config, plan, self.store, run_id="test", start=START, listener=self.told
        )
        self.session.engine.process(block)
        self.book = self.session.account.book
        self.venue = self.session.venues["SIM"]

    def tell(self, name: str, ts: int = _NOW) -> None:
        self.session.commands.apply(Command(name=name, by="a test"), ts)

    def tick(self, number: int = 0) -> None:
        """Live through one more bar."""
        block = bars(
            [[110.0, 60.0]], ids=(BTC, ETH), opens=[[109.0, 59.0]], start=_NOW + number * HOUR
        )
        self.session.engine.process(block)
        self.session.commands.go_on(int(block.known_at[-1]))

    @property
    def left(self) -> list[str]:
        return [str(each) for each in self.session.commands.left]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(**changes: Any) -> Desk:
        given = {key.replace("__", "."): value for key, value in changes.items()}
        made.append(Desk(tmp_path / f"{len(made)}", given))
        return made[-1]

    yield make
    for each in made:
        each.store.close()


def _refusing(error: Exception) -> Callable[[ApprovedOrder, int], None]:
    def submit(order: ApprovedOrder, ts: int) -> None:
        raise error

    return submit


@pytest.mark.parametrize("name", [KILL, FLATTEN])
def test_positions_are_closed_at_the_next_bar(desk: Callable[..., Desk], name: str) -> None:
    made = desk()
    held = made.book.lots.copy()
    assert (held > 0).all()
    made.tell(name)
    np.testing.assert_array_equal(made.book.working, -held)
    assert len(made.left) == 2
    made.tick()
    assert not made.book.lots.any()
    assert not made.book.working.any()
    assert made.left == []


def test_a_second_look_sends_nothing_twice(desk: Callable[..., Desk]) -> None:
    made = desk()
    made.tell(KILL)
    orders = made.session.engine.counts.orders
    made.session.commands.go_on(_NOW)
    made.session.commands.go_on(_NOW + 5 * SECOND)
    assert made.session.engine.counts.orders == orders


def test_what_a_venue_refuses_is_tried_again_after_a_second(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk()
    monkeypatch.setattr(made.venue, "submit", _refusing(OrderRejected("closed", venue="SIM")))
    made.tell(KILL)
    assert len(made.left) == 2
    assert all("rejected: SIM: closed" in each for each in made.left)
    monkeypatch.undo()
    made.session.commands.go_on(_NOW + SECOND // 2)
    assert not made.book.working.any()
    made.session.commands.go_on(_NOW + SECOND)
    assert made.book.working.all()
    # it left after the next bar had opened, so it is filled at the one after
    made.tick()
    made.tick(1)
    assert made.left == []


def test_order_of_unknown_fate_keeps_its_instrument_waiting(desk: Callable[..., Desk]) -> None:
    made = desk()
    made.session.engine.desk.locks[0] = UNRESOLVED
    made.tell(KILL)
    assert made.book.working[0] == 0
    assert made.book.working[1] < 0
    assert any("BTC" in each and "unknown fate" in each for each in made.left)


def test_order_that_nobody_answered_is_not_sent_again(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk()
    monkeypatch.setattr(made.venue, "submit", _refusing(OutcomeUnknown("hung up", venue="SIM")))
    made.tell(KILL)
    orders = made.session.engine.counts.orders
    made.session.commands.go_on(_NOW + 10 * SECOND)
    assert made.session.engine.counts.orders == orders
    assert all("the venue has not answered: SIM: hung up" in each for each in made.left)


def test_order_that_was_split_over_a_route_says_whose_answer_lacks(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk()
    monkeypatch.setattr(made.venue, "submit", _refusing(OutcomeUnknown("hung up", venue="SIM")))
    made.tell(KILL)
    sent = made.session.account.orders.open()[0]
    assert "the venues of its route" in _state(
        msgspec.structs.replace(sent, status=OrderStatus.CREATED)
    )


def test_neither_a_halt_nor_the_age_of_a_price_holds_it_back(desk: Callable[..., Desk]) -> None:
    made = desk(risk__max_data_age_s=60.0)
    made.session.engine.desk.locks[:] = HALTED
    made.tell(KILL, _NOW + 3 * HOUR)
    assert made.book.working.all()


def test_position_that_can_not_be_valued_is_named(desk: Callable[..., Desk]) -> None:
    made = desk()
    made.book.mark[0] = np.nan
    made.tell(KILL)
    assert any("nothing can be valued" in each for each in made.left)
    assert made.book.working[1] < 0


def test_orders_at_work_are_cancelled(desk: Callable[..., Desk]) -> None:
    made = desk(
        execution__order_type="limit",
        execution__limit_offset_bps=500.0,
        execution__time_in_force_bars=100,
    )
    assert made.book.working.all()
    made.tell(FLATTEN)
    assert made.session.account.orders.is_idle
    assert not made.book.working.any()
    assert made.left == []
    made.tick()
    assert not made.book.lots.any()


def test_order_that_waits_to_be_sent_again_is_dropped(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk()
    monkeypatch.setattr(made.venue, "submit", _refusing(Transient("503", venue="SIM")))
    made.tell(FLATTEN)
    waiting = {order.id for order in made.session.account.orders.open()}
    assert len(waiting) == 2
    sent: list[str] = []
    monkeypatch.setattr(made.venue, "submit", lambda order, ts: sent.append(order.intent.id))
    opening = made.session.engine.desk
    for order in made.session.account.orders.open():
        opening.cancel(order, _NOW)
    opening.send_deferred(_NOW + 60 * SECOND)
    assert sent == []
    assert made.session.account.orders.is_idle
    assert not made.book.working.any()


def test_closing_order_carries_the_lead_and_the_reason(desk: Callable[..., Desk]) -> None:
    made = desk()
    quantity = int(made.book.lots[0]) * Decimal("0.001")
    made.tell(KILL)
    newest = [each for each in made.told.intents.values() if each.instrument == BTC][-1]
    assert (newest.reason, newest.quantity, newest.lead) == (
        Reason.OPERATOR, quantity, made.session.plan.setup.policy_name,
    )  # fmt: skip


# ---- one instrument that is to go ----


def test_instrument_that_is_to_go_is_closed_and_the_others_trade_on(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    made = desk()
    made.session.abandon()
    config = override(Config(), _SETTINGS | {"risk.instruments": {str(BTC): {"leaving": "close"}}})
    plan = plan_of(config, [terms(BTC), terms(ETH)], HOUR)
    with SqliteLedger(tmp_path / "0", Durability.BATCHED) as store:
        state = fold(store)
        again = Session(config, plan, store, run_id="test", start=_NOW, state=state)
        again.remember(bars(_RISING, ids=(BTC, ETH)))
        again.settle(_NOW)
        again.commands.go_on(_NOW)
        book = again.account.book
        held = book.lots.copy()
        assert book.working.tolist() == [-held[0], 0]
        for number in range(3):
            block = bars([[120.0 + number, 70.0 + number]], ids=(BTC, ETH), opens=[[119.0, 69.0]],
                         start=_NOW + number * HOUR)  # fmt: skip
            again.engine.process(block)
            again.commands.go_on(int(block.known_at[-1]))
            assert book.lots[0] == 0
            assert book.lots[1] > 0
        # nobody was asked to close all, so nothing is missing of that
        assert again.commands.left == ()
        assert not again.commands.is_killed


def test_close_out_names_what_is_left_of_the_columns_that_it_closes(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk()
    monkeypatch.setattr(made.venue, "submit", _refusing(OrderRejected("closed", venue="SIM")))
    close_out = CloseOut(
        setup=made.session.plan.setup,
        account=made.session.account,
        desk=made.session.engine.desk,
        journal=Journal(made.store, "test"),
        ids=IdSource("other"),
        counts=made.session.engine.counts,
        agents=(),
    )
    (left,) = close_out.step(_NOW, frozenset({1}))
    assert str(ETH) in str(left)
    assert "closed" in str(left)
    assert close_out.left(frozenset()) == ()
    assert len(close_out.left()) == 2


def test_dust_of_a_spot_instrument_is_named_and_left_alone(tmp_path: Path) -> None:
    spot = terms(
        BTC, kind=InstrumentKind.SPOT, max_leverage=Decimal(1), maintenance_margin=Decimal(0),
        min_notional=Decimal(5),
    )  # fmt: skip
    plan = plan_of(override(Config(), _SETTINGS), [spot, terms(ETH)], HOUR)
    with SqliteLedger(tmp_path / "dust", Durability.BATCHED) as store:
        session = Session(override(Config(), _SETTINGS), plan, store, run_id="test", start=START)
        session.engine.process(bars(_RISING, ids=(BTC, ETH)))
        book, commands = session.account.book, session.commands
        book.working[:] = 0
        book.lots[:] = [1, 1]
        assert commands.dust() == {0}
        book.lots[0] = 1_000
        assert commands.dust() == frozenset()
        book.lots[0] = 1
        orders = session.engine.counts.orders
        commands.apply(Command(name=FLATTEN, by="a test"), _NOW)
        assert session.engine.counts.orders == orders + 1
        assert f"of {BTC}: too little for the smallest order" in str(commands.left[0])
