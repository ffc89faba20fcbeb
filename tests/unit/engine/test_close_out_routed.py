"""A position at several venues is closed at each of them, also where they stand against each other."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from tests.unit.engine.conftest import CALM, START, bars, terms

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.build import plan_of
from tutti.app.config import Config, override
from tutti.app.session import Session
from tutti.engine.run import MODES, Reconciling
from tutti.kernel.clock import HOUR, SECOND
from tutti.ledger.kinds import FLATTEN, KILL, Command
from tutti.model.arrays import MODE, PEAK_EQUITY
from tutti.model.errors import OrderRejected, OutcomeUnknown
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    ApprovedOrder,
    OrderIntent,
    OrderRefused,
    OrderType,
    Reason,
    Side,
    VenueEvent,
)
from tutti.risk.breakers import UNRESOLVED
from tutti.sandbox.venue import SimulatedVenue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

A = InstrumentId("BTC-USDT-PERP", "A")
B = InstrumentId("BTC-USDT-PERP", "B")
_SETTINGS = CALM | {
    "policy.name": "ema_cross",
    "risk.max_drawdown": 0.9,
    "policy.fast": 2,
    "policy.slow": 3,
    "policy.long_only": True,
    "routes": {str(A): {"strategy": "priority", "instruments": [str(A), str(B)]}},
}
_NOW = START + 4 * HOUR


class Pair:
    """One instrument at two venues; ``held`` is what each of them turned out to hold."""

    def __init__(self, folder: Path, held: dict[InstrumentId, str]) -> None:
        block = bars([[100.0, 100.0]] * 4, ids=(A, B))
        config = override(Config(), _SETTINGS)
        plan = plan_of(config, [terms(A), terms(B)], block.step)
        plan = replace(plan, setup=replace(plan.setup, reconciling=Reconciling(adopts=True)))
        self.store = SqliteLedger(folder, Durability.BATCHED)
        self.session = Session(config, plan, self.store, run_id="test", start=START)
        self.session.engine.process(block)
        for instrument, quantity in held.items():
            venue = self.session.venues[instrument.venue]
            assert isinstance(venue, SimulatedVenue)
            cash = self.session.account.portfolio.cash[instrument.venue]
            change = Decimal(quantity)
            venue.restore({instrument: change}, cash - change * 100)
        self.session.engine.desk.reconcile(_NOW)
        self._ticks = 0

    def tell(self, name: str = KILL, ts: int = _NOW) -> None:
        self.session.commands.apply(Command(name=name, by="a test"), ts)

    def tick(self) -> None:
        block = bars([[100.0, 100.0]], ids=(A, B), start=_NOW + self._ticks * HOUR)
        self._ticks += 1
        self.session.engine.process(block)
        self.session.commands.go_on(int(block.known_at[-1]))

    def at_venues(self) -> dict[InstrumentId, Decimal]:
        """What the venues say they hold."""
        held: dict[InstrumentId, Decimal] = {}
        for venue in self.session.venues.values():
            held |= {k: q for k, q in venue.positions().items() if q}
        return held

    @property
    def left(self) -> list[str]:
        return [str(each) for each in self.session.commands.left]

    def refuse(self, name: str, error: Exception) -> None:
        """Let a venue raise ``error`` whatever it is sent."""

        def submit(order: ApprovedOrder, ts: int) -> None:
            raise error

        self.session.venues[name].submit = submit  # type: ignore[method-assign]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Callable[..., Pair]]:
    made: list[Pair] = []

    def make(**held: str) -> Pair:
        ids = {each.venue: each for each in (A, B)}
        made.append(Pair(tmp_path / f"{len(made)}", {ids[k]: q for k, q in held.items()}))
        return made[-1]

    yield make
    for each in made:
        each.store.close()


@pytest.mark.parametrize("name", [KILL, FLATTEN])
@pytest.mark.parametrize("held", [("1", "-1"), ("-1", "1"), ("3", "-1"), ("1", "-3")])
def test_legs_against_each_other_are_closed_at_both_venues(
    pair: Callable[..., Pair], name: str, held: tuple[str, str]
) -> None:
    made = pair(A=held[0], B=held[1])
    assert made.at_venues() == {A: Decimal(held[0]), B: Decimal(held[1])}
    made.tell(name)
    made.tick()
    made.tick()
    assert made.at_venues() == {}
    assert made.session.account.portfolio.positions() == []
    assert not made.session.account.book.lots.any()
    assert not made.session.account.book.working.any()
    assert made.left == []


def test_venue_that_refuses_to_close_has_nothing_opened_elsewhere(
    pair: Callable[..., Pair],
) -> None:
    made = pair(A="1")
    made.refuse("A", OrderRejected("under maintenance", venue="A"))
    made.tell()
    made.tick()
    assert made.at_venues() == {A: Decimal(1)}
    (left,) = made.left
    assert "1.000 of BTC-USDT-PERP.A: " in left
    assert "under maintenance" in left


def test_parts_of_a_closing_order_are_left_to_work(pair: Callable[..., Pair]) -> None:
    made = pair(A="1", B="2")
    made.tell()
    sent = made.session.engine.counts.orders
    assert len(made.left) == 2  # the legs, and not the orders that close them
    made.session.commands.go_on(_NOW + SECOND // 20)
    made.session.commands.go_on(_NOW + 5 * SECOND)
    assert made.session.engine.counts.orders == sent == 2
    made.tick()
    assert made.at_venues() == {}
    assert made.left == []


def test_side_whose_venue_is_silent_does_not_keep_the_other_open(
    pair: Callable[..., Pair],
) -> None:
    made = pair(A="1", B="-1")
    made.refuse("A", OutcomeUnknown("hung up", venue="A"))
    made.tell()
    for second in range(5):
        made.session.commands.go_on(_NOW + second * SECOND)
    assert made.session.engine.counts.orders == 2
    made.tick()
    assert made.at_venues() == {A: Decimal(1)}
    (left,) = made.left
    assert left.startswith("1.000 of BTC-USDT-PERP.A: sent, and the venue has not answered")


def test_side_that_is_refused_is_tried_again_beside_the_other(pair: Callable[..., Pair]) -> None:
    made = pair(A="1", B="-1")
    submit = made.session.venues["B"].submit
    made.refuse("B", OrderRejected("closed", venue="B"))
    made.tell()
    assert sorted(each.split(":")[0] for each in made.left) == [
        "-1.000 of BTC-USDT-PERP.B", "1.000 of BTC-USDT-PERP.A",
    ]  # fmt: skip
    made.session.venues["B"].submit = submit  # type: ignore[method-assign]
    made.session.commands.go_on(_NOW + SECOND)
    assert made.session.engine.counts.orders == 3
    made.session.commands.go_on(_NOW + 2 * SECOND)
    assert made.session.engine.counts.orders == 3
    made.tick()
    made.tick()
    assert made.at_venues() == {}
    assert made.left == []


def test_sides_of_an_instrument_with_an_order_of_unknown_fate_wait(
    pair: Callable[..., Pair],
) -> None:
    made = pair(A="1", B="-1")
    made.session.engine.desk.locks[0] = UNRESOLVED
    made.tell()
    assert made.session.engine.counts.orders == 0
    assert all("unknown fate" in each for each in made.left)


def test_account_that_a_breaker_flattens_keeps_no_legs_against_each_other(
    pair: Callable[..., Pair],
) -> None:
    made = pair(A="3", B="-1")
    made.session.account.book.account[PEAK_EQUITY] = 1e9
    made.tick()
    assert MODES[int(made.session.account.book.account[MODE])] == "flatten"
    for _ in range(3):
        made.tick()
    assert made.at_venues() == {}
    orders = made.session.engine.counts.orders
    made.tick()
    assert made.session.engine.counts.orders == orders


def test_legs_against_each_other_are_held_on_where_nobody_wants_out(
    pair: Callable[..., Pair],
) -> None:
    made = pair(A="1", B="-1")
    made.tick()
    made.tick()
    assert made.session.engine.counts.orders == 0


def test_what_one_venue_refuses_does_not_close_more_than_the_other_holds(
    pair: Callable[..., Pair],
) -> None:
    made = pair(A="1", B="1")
    made.refuse("A", OrderRejected("under maintenance", venue="A"))
    made.tell()
    assert made.session.engine.counts.orders == 2
    made.tick()
    assert made.at_venues() == {A: Decimal(1)}
    (left,) = made.left
    assert left.startswith("1.000 of BTC-USDT-PERP.A: ")


def test_order_of_unknown_fate_keeps_its_own_venue_waiting_and_no_other(
    pair: Callable[..., Pair],
) -> None:
    made = pair(A="1", B="2")
    made.refuse("A", OutcomeUnknown("hung up", venue="A"))
    # the venue of what is held in A has not answered an order when everything is to go
    desk, orders = made.session.engine.desk, made.session.account.orders
    intent = OrderIntent(
        id="by hand", instrument=A, as_of=_NOW, side=Side.BUY, quantity=Decimal(1),
        type=OrderType.MARKET, price=None, reference_price=Decimal(100), reason=Reason.OPERATOR,
        lead="ema_cross", reduces=False,
    )  # fmt: skip
    approved = ApprovedOrder(intent=intent, approved_at=_NOW, rules=())
    desk.open(approved, _NOW, 0, 1000, -1)
    desk.send(approved, _NOW)
    (child,) = [each for each in orders.of(A) if each.parent]
    desk.lose(child, _NOW)
    assert desk.locks[0] == UNRESOLVED
    made.tell()
    made.session.commands.go_on(_NOW + 5 * SECOND)
    made.tick()
    assert made.at_venues() == {A: Decimal(1)}
    assert "1.000 of BTC-USDT-PERP.A: an earlier order of it has an unknown fate" in made.left
    assert not any("1.000 of BTC-USDT-PERP.B" in each for each in made.left)


@pytest.mark.parametrize("answers_after", [0, 1])
def test_entry_that_a_venue_refuses_once_all_is_to_go_is_sent_to_no_other(
    pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch, answers_after: int
) -> None:
    made = pair()
    desk, orders = made.session.engine.desk, made.session.account.orders
    venue = made.session.venues["A"]
    monkeypatch.setattr(venue, "submit", lambda order, ts: None)
    intent = OrderIntent(
        id="by hand", instrument=A, as_of=_NOW, side=Side.BUY, quantity=Decimal(1),
        type=OrderType.MARKET, price=None, reference_price=Decimal(100), reason=Reason.OPERATOR,
        lead="ema_cross", reduces=False,
    )  # fmt: skip
    approved = ApprovedOrder(intent=intent, approved_at=_NOW, rules=())
    desk.open(approved, _NOW, 0, 1000, -1)
    desk.send(approved, _NOW)
    (child,) = [each for each in orders.of(A) if each.parent]
    said: list[list[VenueEvent]] = [[]] * answers_after + [
        [OrderRefused(order_id=child.id, ts=_NOW, detail="no")]
    ]
    monkeypatch.setattr(venue, "events", lambda: said.pop(0) if said else [])
    made.tell()
    for second in range(1, 4):
        made.session.commands.go_on(_NOW + second * SECOND)
    assert made.session.engine.counts.orders == 1
    assert orders.is_idle
    assert not made.session.account.book.working.any()
    assert made.left == []
