"""What a ledger adds up to is where a process that was killed goes on."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.unit.ledger.conftest import BTC, ETH

import tutti.ledger.fold as fold_module
from tutti.kernel.ids import IdSource
from tutti.ledger.fold import LedgerState, fold
from tutti.ledger.kinds import KILL, PAUSE, RESUME, Command
from tutti.model.instrument import InstrumentId
from tutti.model.order import OrderStatus, Side

if TYPE_CHECKING:
    from tests.unit.ledger.conftest import Scribe

    from tutti.adapters.stores.sqlite_ledger import SqliteLedger
    from tutti.model.order import OrderIntent

_BTC = "BTC-USDT-PERP.SIM"


def _folded(scribe: Scribe, store: SqliteLedger) -> LedgerState:
    scribe.journal.commit()
    return fold(store)


def test_empty_ledger_adds_up_to_nothing(scribe: Scribe, store: SqliteLedger) -> None:
    assert _folded(scribe, store) == LedgerState(run_id="run-1")


def test_filled_order_leaves_position_and_cash(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.started()
    intent = scribe.filled_order()
    state = _folded(scribe, store)
    assert state.run_id == "run-1"
    assert state.last_ts == scribe.ts
    assert state.positions[_BTC].quantity == Decimal("0.5")
    assert state.cash == {"SIM": Decimal(10_000) - Decimal("0.5") * 42_010 - Decimal("10.5025")}
    assert (state.open_orders, state.unsent) == ({}, {})
    assert state.intents == {intent.id: intent}  # its venue may still tell that it was enlarged
    assert state.fill_ids == {"f1"}
    assert state.next_id == int(intent.id[12:18], 16) + 1 == 1
    assert state.counts["order"] == 2


def test_state_that_is_carried_on_is_that_of_all_rows(scribe: Scribe, store: SqliteLedger) -> None:
    state, copies = LedgerState(), []
    for step in (
        scribe.started,
        scribe.filled_order,
        scribe.intent,
        lambda: scribe.fill(scribe.intent(), "f2"),
        lambda: scribe.mode("flatten", "told"),
        lambda: scribe.transfer("5"),
        scribe.quiet_rows,
        scribe.started,
    ):
        step()
        scribe.journal.commit()
        state = fold(store, state)
        assert state == fold(store)
        copies.append((state.copy(), fold(store)))
    assert all(copy == then for copy, then in copies)
    assert state.last_seq == state.counts.total()


def test_only_rows_that_are_new_are_read(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.started()
    state = _folded(scribe, store)
    scribe.filled_order()
    scribe.journal.commit()
    assert [row.seq for row in store.rows(after=state.last_seq)][:3] == [2, 3, 4]
    assert fold(store, state).began == state.began > 0


def test_sale_raises_cash(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.started()
    intent = scribe.intent(side=Side.SELL)
    scribe.fill(intent, fee=Decimal(0))
    assert _folded(scribe, store).cash == {"SIM": Decimal(10_000) + Decimal("0.5") * 42_010}


def test_booked_funding_is_known_by_contract_and_time(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.started()
    first = scribe.ts
    scribe.funding("-1.5")
    scribe.ts += 9
    scribe.funding("2")
    scribe.funding("3", ETH)
    assert list(_folded(scribe, store).funded) == [
        (BTC, first), (BTC, scribe.ts), (ETH, scribe.ts),
    ]  # fmt: skip


def test_funding_of_long_ago_is_forgotten(
    scribe: Scribe, store: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold_module, "_KEEP_FUNDED", 2)
    scribe.started()
    for _ in range(3):
        scribe.ts += 9
        scribe.funding("2")
    assert list(_folded(scribe, store).funded) == [(BTC, scribe.ts - 9), (BTC, scribe.ts)]


def test_same_fill_twice_is_booked_once(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.started()
    intent = scribe.intent()
    scribe.fill(intent, "f1")
    once = _folded(scribe, store).cash
    scribe.fill(intent, "f1")
    assert _folded(scribe, store).cash == once


def test_liquidation_that_is_a_fill_too_is_booked_once(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.started()
    scribe.liquidation("l1")
    scribe.fill(scribe.intent(), "l1")
    assert _folded(scribe, store).cash == {"SIM": Decimal(10_000 + 2 * 1500 - 3)}


def test_funding_changes_the_cash_of_its_venue(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.started()
    scribe.funding("-2.5")
    scribe.funding("4", InstrumentId("BTC", "OTHER"))
    assert _folded(scribe, store).cash == {"SIM": Decimal("9997.5"), "OTHER": Decimal(4)}


def test_fill_at_a_venue_without_balance_starts_from_nothing(
    scribe: Scribe, store: SqliteLedger
) -> None:
    scribe.fill(scribe.intent(), fee=Decimal(1))
    assert _folded(scribe, store).cash == {"SIM": -Decimal("0.5") * 42_010 - 1}


def test_second_start_does_not_add_its_balances(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.started()
    scribe.funding("5")
    scribe.started(balances={"SIM": Decimal(10_005)}, seed=8)
    state = _folded(scribe, store)
    assert state.cash == {"SIM": Decimal(10_005)}
    assert state.started is not None
    assert state.started.seed == 8


@pytest.mark.parametrize("status", [OrderStatus.SENT, OrderStatus.ACCEPTED, OrderStatus.UNRESOLVED])
def test_order_that_is_not_final_is_open_with_its_intent(
    scribe: Scribe, store: SqliteLedger, status: OrderStatus
) -> None:
    intent = scribe.intent()
    scribe.approval(intent)
    order = scribe.order(intent, status)
    state = _folded(scribe, store)
    assert state.open_orders == {intent.id: order}
    assert state.intents == {intent.id: intent}
    assert state.unsent == {}


@pytest.mark.parametrize("status", [OrderStatus.FILLED, OrderStatus.REJECTED])
def test_order_that_is_final_is_not_open(
    scribe: Scribe, store: SqliteLedger, status: OrderStatus
) -> None:
    intent = scribe.intent()
    scribe.order(intent, OrderStatus.SENT)
    scribe.order(intent, status)
    state = _folded(scribe, store)
    assert state.open_orders == {}
    assert list(state.intents) == ([intent.id] if status is OrderStatus.FILLED else [])


def test_filled_order_that_was_enlarged_is_open_again(scribe: Scribe, store: SqliteLedger) -> None:
    intent = scribe.intent()
    scribe.order(intent, OrderStatus.FILLED)
    order = scribe.order(intent, OrderStatus.PARTIALLY_FILLED, quantity=Decimal(7))
    state = _folded(scribe, store)
    assert (state.open_orders, state.ended) == ({intent.id: order}, {})
    assert state.intents == {intent.id: intent}


def test_approved_intent_without_an_order_never_left(scribe: Scribe, store: SqliteLedger) -> None:
    intent = scribe.intent()
    scribe.approval(intent)
    state = _folded(scribe, store)
    assert state.unsent == {intent.id: intent}
    assert state.open_orders == {}


def test_refused_intent_leaves_nothing(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.refusal(scribe.intent())
    state = _folded(scribe, store)
    assert (state.intents, state.unsent, state.open_orders) == ({}, {}, {})
    assert state.next_id == 1


def test_approval_without_its_intent_leaves_nothing(scribe: Scribe, store: SqliteLedger) -> None:
    intent = scribe.intent()
    scribe.refusal(intent)
    scribe.approval(intent)
    assert _folded(scribe, store).unsent == {}


def test_newest_mode_and_account_stand(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.mode("reduce_only", "daily loss")
    scribe.account(9_000.0)
    scribe.mode("flatten", "drawdown")
    scribe.account(8_000.0)
    state = _folded(scribe, store)
    assert state.mode is not None
    assert (state.mode.mode, state.mode.reason) == ("flatten", "drawdown")
    assert state.account is not None
    assert state.account.equity == 8_000.0


@pytest.mark.parametrize("before", [None, "reduce_only"])
def test_halt_leaves_the_mode_that_it_found(
    scribe: Scribe, store: SqliteLedger, before: str | None
) -> None:
    if before is not None:
        scribe.mode(before, "daily loss")
    scribe.mode("halted", "the venue refused five orders in a row")
    mode = _folded(scribe, store).mode
    assert (mode.mode if mode else None) == before


def test_kill_stands_until_somebody_resumes(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.started()
    kill = Command(name=KILL, by="the API", detail="enough")
    scribe.journal.append("command", scribe.ts, kill)
    assert _folded(scribe, store).killed == kill
    scribe.journal.append("command", scribe.ts, Command(name=PAUSE, by="the API"))
    assert _folded(scribe, store).killed == kill
    scribe.journal.append("command", scribe.ts, Command(name=RESUME, by="me"))
    assert _folded(scribe, store).killed is None


@pytest.mark.parametrize(
    ("mode", "resets"),
    [("flatten", True), ("reduce_only", True), ("paused", False), ("trading", False), ("", False)],
)
def test_resume_resets_peaks_of_an_account_that_was_stopped_alone(
    scribe: Scribe, store: SqliteLedger, mode: str, resets: bool
) -> None:
    scribe.started()
    if mode:
        scribe.mode(mode, "a test")
    scribe.journal.append("command", scribe.ts, Command(name=RESUME, by="me"))
    state = _folded(scribe, store)
    assert (state.is_reset, state.mode) == (resets, None)


def test_rows_that_move_nothing_are_counted(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.decision()
    scribe.segment()
    scribe.quiet_rows()
    state = _folded(scribe, store)
    assert state.counts.total() == 5
    assert state.cash == {}


@pytest.mark.parametrize("start", [0, 41, (1 << 24) - 2])
def test_next_id_follows_the_last_one_used(scribe: Scribe, store: SqliteLedger, start: int) -> None:
    ids = IdSource("run-1", start)
    used = [ids.new(scribe.ts) for _ in range(3)]
    if start:  # as a restarted process would have gone on from an earlier id
        scribe.intent(id=IdSource("run-1", start - 1).new(scribe.ts))
    for order_id in used:
        scribe.intent(id=order_id)
    following = IdSource("run-1", _folded(scribe, store).next_id).new(scribe.ts)
    assert following == ids.new(scribe.ts)


def test_next_id_is_not_lowered_by_a_late_row(scribe: Scribe, store: SqliteLedger) -> None:
    ids = IdSource("run-1")
    first, second = ids.new(scribe.ts), ids.new(scribe.ts)
    scribe.intent(id=second)
    scribe.intent(id=first)
    assert _folded(scribe, store).next_id == 2


def test_ids_of_another_form_are_counted(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.intent(id="by hand")
    scribe.intent(id="x" * 32)
    assert _folded(scribe, store).next_id == 2


# ---- what venues hold that we didn't order ----


def test_adopted_position_is_paid_for_as_if_it_had_been_traded(
    scribe: Scribe, store: SqliteLedger
) -> None:
    scribe.started()
    scribe.adopted("0.5", "42000")
    scribe.position(InstrumentId("BTC-USDT-PERP", "SIM"), "0.5")
    state = _folded(scribe, store)
    assert state.cash == {"SIM": Decimal(10_000 - 21_000)}
    assert state.positions[_BTC].quantity == Decimal("0.5")


def test_transfer_changes_the_cash_of_its_venue(scribe: Scribe, store: SqliteLedger) -> None:
    scribe.started()
    scribe.transfer("-250.5")
    scribe.transfer("100", "OTHER")
    assert _folded(scribe, store).cash == {"SIM": Decimal("9749.5"), "OTHER": Decimal(100)}


# ---- orders that ended, and what may still be told of them ----


def test_order_that_ended_is_kept_with_its_fills(scribe: Scribe, store: SqliteLedger) -> None:
    intent = scribe.filled_order()
    state = _folded(scribe, store)
    assert list(state.ended) == [intent.id]
    assert state.fills == {intent.id: {"f1"}}


def test_order_that_may_still_fill_keeps_its_intent(scribe: Scribe, store: SqliteLedger) -> None:
    intent = scribe.intent()
    scribe.order(intent, OrderStatus.SENT)
    scribe.order(intent, OrderStatus.CANCELLED)
    scribe.order(intent, OrderStatus.CANCELLED, detail="told again")
    state = _folded(scribe, store)
    assert state.open_orders == {}
    assert state.intents == {intent.id: intent}
    assert state.ended[intent.id].detail == "told again"


def test_oldest_ended_orders_are_forgotten(
    scribe: Scribe, store: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold_module, "_KEEP_ENDED", 1)
    first, second = scribe.filled_order(), scribe.filled_order()
    state = _folded(scribe, store)
    assert list(state.ended) == [second.id]
    assert first.id not in state.fills


# ---- orders that were split ----


def _split(scribe: Scribe) -> tuple[OrderIntent, OrderIntent, OrderIntent]:
    parent = scribe.intent()
    scribe.approval(parent)
    scribe.order(parent, OrderStatus.CREATED)
    scribe.route(parent, ("c1", "SIM", "0.3"), ("c2", "OTHER", "0.2"))
    first, second = (
        msgspec.structs.replace(
            parent, id=name, instrument=InstrumentId("BTC-USDT-PERP", venue), quantity=quantity
        )
        for name, venue, quantity in (
            ("c1", "SIM", Decimal("0.3")),
            ("c2", "OTHER", Decimal("0.2")),
        )
    )
    for child in (first, second):
        scribe.order(child, OrderStatus.SENT, parent=parent.id)
    return parent, first, second


def test_children_are_open_with_intents_of_their_own(scribe: Scribe, store: SqliteLedger) -> None:
    parent, first, second = _split(scribe)
    state = _folded(scribe, store)
    assert list(state.open_orders) == [parent.id, "c1", "c2"]
    assert state.intents == {parent.id: parent, "c1": first, "c2": second}
    assert state.unsent == {}


def test_parent_adds_up_what_its_children_filled(scribe: Scribe, store: SqliteLedger) -> None:
    parent, first, second = _split(scribe)

    def told(child: OrderIntent, status: OrderStatus, filled: str, price: int) -> None:
        scribe.order(
            child, status, parent=parent.id, filled=Decimal(filled), average_price=Decimal(price)
        )

    told(first, OrderStatus.PARTIALLY_FILLED, "0.1", 100)
    told(first, OrderStatus.FILLED, "0.3", 120)
    told(second, OrderStatus.CANCELLED, "0.1", 100)
    state = _folded(scribe, store)
    assert list(state.open_orders) == [parent.id]
    assert state.open_orders[parent.id].filled == Decimal("0.4")
    assert state.open_orders[parent.id].average_price == Decimal(115)
    # a fill that comes after its end counts, too
    told(second, OrderStatus.CANCELLED, "0.2", 100)
    assert _folded(scribe, store).open_orders[parent.id].filled == Decimal("0.5")
    scribe.order(parent, OrderStatus.FILLED, filled=Decimal("0.5"))
    told(second, OrderStatus.CANCELLED, "0.2", 100)
    assert _folded(scribe, store).open_orders == {}


def test_route_of_an_order_that_ended_adds_nothing(scribe: Scribe, store: SqliteLedger) -> None:
    parent = scribe.intent()
    scribe.order(parent, OrderStatus.REJECTED)
    scribe.route(parent, ("c1", "SIM", "0.5"))
    assert _folded(scribe, store).intents == {}
