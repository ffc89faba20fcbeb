"""What a service remembers of its decisions, orders and agents."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from tutti.app.desk import Desk
from tutti.app.metrics import Metrics
from tutti.app.settings import AgentSettings
from tutti.app.wires import Wires
from tutti.engine.analysis import AnalysisBlock
from tutti.ledger.kinds import Decision, DecisionItem
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, AggregatedContext, Opinion, Regime, Views, Voice
from tutti.model.order import (
    ApprovedOrder,
    Fill,
    FundingPaid,
    Order,
    OrderIntent,
    OrderStatus,
    OrderType,
    Reason,
    Refusal,
    Side,
)

BTC = InstrumentId("BTC-USDT-PERP", "SIM")
_AGENTS = [AgentSettings(name="pundit", display_name="The Pundit"), AgentSettings(name="vpin")]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def wires() -> Wires:
    return Wires()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry)


@pytest.fixture
def desk(metrics: Metrics, wires: Wires) -> Desk:
    made = Desk(metrics, _AGENTS)
    made.listen(wires)
    return made


def _intent(number: int = 1) -> OrderIntent:
    return OrderIntent(
        id=f"{number:032x}", instrument=BTC, as_of=number, side=Side.BUY, quantity=Decimal(2),
        type=OrderType.LIMIT, price=Decimal(99), reference_price=Decimal(100),
        reason=Reason.ENTRY, lead="vpin", reduces=False,
    )  # fmt: skip


def _order(number: int = 1, status: OrderStatus = OrderStatus.SENT) -> Order:
    return Order(
        id=f"{number:032x}", instrument=BTC, side=Side.BUY, quantity=Decimal(2),
        type=OrderType.LIMIT, price=Decimal(99), status=status, created_at=number,
        updated_at=number,
    )  # fmt: skip


def _decision(context: AggregatedContext | None = None) -> Decision:
    item = DecisionItem(
        instrument=str(BTC), context=context, features={}, close=100.0, score=0.7,
        confidence=None, weight=0.1, reason=Reason.ENTRY, lead="vpin",
    )  # fmt: skip
    return Decision(as_of=5, equity=10_000.0, mode="trading", items=(item,))


def _context(*voices: tuple[str, float | None, float]) -> AggregatedContext:
    return AggregatedContext(
        instrument=BTC, as_of=5, bias=0.5, confidence=0.8, regime=Regime.RANGE_BOUND,
        regime_confidence=0.9,
        voices=tuple(
            Voice(agent=agent, bias=bias, confidence=None if bias is None else 0.9,
                  weight=weight, rationale=f"{agent} says so")
            for agent, bias, weight in voices
        ),
    )  # fmt: skip


def _approved() -> ApprovedOrder:
    return ApprovedOrder(intent=_intent(), approved_at=5, rules=())


def test_approved_order_is_a_decision_with_its_order(
    desk: Desk, wires: Wires, registry: CollectorRegistry
) -> None:
    wires.decided(_decision(), [_approved()])
    (row,) = desk.decisions(10)
    assert (row.action, row.reason, row.order_id) == ("buy", "entry", _intent().id)
    assert row.confidence == 0.0
    assert registry.get_sample_value("decisions_total", {"reason": "entry"}) == 1.0


def test_refused_order_is_a_decision_without_one_and_a_refusal(
    desk: Desk, wires: Wires, registry: CollectorRegistry
) -> None:
    refusal = Refusal(intent=_intent(), refused_at=5, rule="halt", reason="trading is halted")
    wires.decided(_decision(), [refusal])
    (row,) = desk.decisions(10)
    assert (row.action, row.order_id) == ("refused", "")
    (refused,) = desk.refusals(10)
    assert (refused.ts, refused.rule, refused.reason) == (5, "halt", "trading is halted")
    assert desk.n_refusals == 1
    assert registry.get_sample_value("orders_refused_total", {"rule": "halt"}) == 1.0


@pytest.mark.parametrize(
    ("voices", "reason"),
    [
        ([("vpin", 0.3, 1.0), ("pundit", -0.4, 1.0)], "entry, pundit: pundit says so"),
        ([("vpin", 0.3, 2.0), ("pundit", -0.4, 1.0)], "entry, vpin: vpin says so"),
        ([("vpin", None, 1.0)], "entry"),
    ],
)
def test_decision_is_explained_by_the_strongest_voice(
    desk: Desk, wires: Wires, voices: list[tuple[str, float | None, float]], reason: str
) -> None:
    wires.decided(_decision(_context(*voices)), [_approved()])
    assert desk.decisions(1)[0].reason == reason


def test_order_is_shown_in_its_newest_state_once(
    desk: Desk, wires: Wires, registry: CollectorRegistry
) -> None:
    for status in (OrderStatus.SENT, OrderStatus.ACCEPTED, OrderStatus.CANCELLED):
        wires.order_changed(_order(status=status), _intent())
    wires.order_changed(_order(2), _intent(2))
    newest, oldest = desk.orders(10)
    assert (newest.ts, oldest.ts, oldest.status) == (2, 1, "cancelled")
    assert (oldest.price, oldest.reason, oldest.lead) == (99.0, "entry", "vpin")
    assert registry.get_sample_value("orders_sent_total", {"exchange": "SIM"}) == 2.0


def test_life_of_orders_is_counted_by_venue(
    desk: Desk, wires: Wires, registry: CollectorRegistry
) -> None:
    lives = {
        1: [OrderStatus.SENT, OrderStatus.ACCEPTED, OrderStatus.ACCEPTED, OrderStatus.FILLED],
        2: [OrderStatus.SENT, OrderStatus.REJECTED],
        3: [OrderStatus.SENT, OrderStatus.FAILED],
        4: [OrderStatus.SENT, OrderStatus.CANCELLED],
    }
    for number, life in lives.items():
        for status in life:
            order = msgspec.structs.replace(
                _order(number, status=status), updated_at=number + 2_000_000_000
            )
            wires.order_changed(order, _intent(number))

    def value(name: str) -> float | None:
        return registry.get_sample_value(name, {"exchange": "SIM"})

    assert value("orders_sent_total") == 4.0
    assert value("orders_filled_total") == 1.0
    assert value("orders_failed_total") == 2.0
    assert value("order_latency_seconds_count") == 4.0
    assert value("order_latency_seconds_sum") == pytest.approx(8.0)


def test_latency_is_left_to_a_venue_that_measures_it_itself(
    desk: Desk, wires: Wires, metrics: Metrics, registry: CollectorRegistry
) -> None:
    metrics.order_answered("SIM", 0.25)
    for status in (OrderStatus.SENT, OrderStatus.ACCEPTED):
        wires.order_changed(_order(1, status=status), _intent(1))
    assert registry.get_sample_value("order_latency_seconds_sum", {"exchange": "SIM"}) == 0.25


def test_slippage_is_that_of_orders_of_ours(
    desk: Desk, wires: Wires, registry: CollectorRegistry
) -> None:
    fill = Fill(
        id="1", order_id="1", instrument=BTC, ts=1, side=Side.SELL, quantity=Decimal(1),
        price=Decimal(1), fee=Decimal(0), is_maker=False, slippage_bps=4.0,
    )  # fmt: skip
    wires.filled(fill, _intent())
    wires.filled(fill, None)

    def up_to(bps: str) -> float | None:
        return registry.get_sample_value("slippage_bps_bucket", {"exchange": "SIM", "le": bps})

    assert (up_to("2.0"), up_to("5.0"), up_to("+Inf")) == (0.0, 1.0, 1.0)


def test_only_the_newest_orders_are_remembered(desk: Desk, wires: Wires) -> None:
    for number in range(1, 1105):
        wires.order_changed(_order(number), _intent(number))
    shown = desk.orders(5000)
    assert len(shown) == 1000
    assert (shown[0].ts, shown[-1].ts) == (1104, 105)


def test_fills_are_counted_and_funding_is_left_alone(
    desk: Desk, wires: Wires, registry: CollectorRegistry
) -> None:
    fill = Fill(
        id="1", order_id="", instrument=BTC, ts=1, side=Side.SELL, quantity=Decimal(1),
        price=Decimal(1), fee=Decimal(0), is_maker=False, slippage_bps=0.0,
    )  # fmt: skip
    wires.filled(fill, None)
    wires.funded(FundingPaid(instrument=BTC, ts=1, rate=0.1, amount=Decimal(1)))
    assert registry.get_sample_value("trades_executed_total", {"exchange": "SIM"}) == 1.0
    assert desk.orders(1) == ()


def test_answer_of_an_awaited_agent_is_counted_when_it_is_heard(desk: Desk) -> None:
    said = Opinion(
        agent="pundit", instrument=BTC, bias=0.1, confidence=0.1, as_of=70, rationale="so"
    )
    late = Abstention(agent="pundit", instrument=BTC, as_of=75, reason="no answer in 2 s")
    desk.heard([said, late], 77)
    pundit, vpin = desk.agents({}, 500.0)
    assert (pundit.calls, pundit.abstentions, pundit.last_seen, vpin.calls) == (2, 1, 77, 0)


def test_who_spoke_is_counted_by_name_whatever_the_order_of_the_panel(desk: Desk) -> None:
    # the panel asks those that have to be awaited last
    bias = np.array([[[0.1, np.nan]], [[np.nan, np.nan]]])
    block: Any = AnalysisBlock(None, Views(bias, bias), None, None, None)  # type: ignore[arg-type]
    desk.thought(block, ("vpin", "pundit"), 77)
    pundit, vpin = desk.agents({"vpin": -500.0}, 500.0)
    assert (vpin.calls, vpin.abstentions, vpin.last_seen) == (1, 0, 77)
    assert (pundit.calls, pundit.abstentions, pundit.last_seen) == (1, 1, 0)
    assert (pundit.display_name, vpin.display_name) == ("The Pundit", "VPIN HFT")
    assert vpin.daily_loss_breached
    assert not pundit.daily_loss_breached
    assert vpin.day_pnl == -500.0
