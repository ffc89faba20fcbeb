"""What a running service tells about itself: the last decisions, orders, agents, and its metrics."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from tutti.agents.quant import DISPLAY_NAMES
from tutti.app.state import AgentRow, DecisionRow, OrderView, RefusalRow
from tutti.kernel.clock import SECOND
from tutti.model.opinion import Abstention, Opinion
from tutti.model.order import OrderStatus, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.app.metrics import Metrics
    from tutti.app.settings import AgentSettings
    from tutti.app.wires import Decided, Filled, OrderChanged, Wires
    from tutti.engine.analysis import AnalysisBlock
    from tutti.ledger.kinds import DecisionItem
    from tutti.model.order import Order

_KEPT = 1000
_FAILED = frozenset({OrderStatus.REJECTED, OrderStatus.FAILED})


class Desk:
    """Listens to the engine and remembers the newest of everything.

    Parameters
    ----------
    metrics : Metrics
    agents : sequence of AgentSettings
        Those on the panel.
    """

    def __init__(self, metrics: Metrics, agents: Sequence[AgentSettings]) -> None:
        self.n_refusals = 0
        self._metrics = metrics
        self._decisions: deque[DecisionRow] = deque(maxlen=_KEPT)
        self._refusals: deque[RefusalRow] = deque(maxlen=_KEPT)
        self._orders: OrderedDict[str, OrderView] = OrderedDict()
        self._calls: Counter[str] = Counter()
        self._abstentions: Counter[str] = Counter()
        self._last_seen: dict[str, int] = {}
        self.seat(agents)

    def seat(self, agents: Sequence[AgentSettings]) -> None:
        """Take note who is on the panel from now on, those that are switched off among them."""
        self._agents = tuple(agents)

    # ---- what the engine tells ----

    def listen(self, wires: Wires) -> None:
        """Take note of everything that is published from now on."""
        wires.decisions.subscribe(self._decided)
        wires.orders.subscribe(self._order_changed)
        wires.fills.subscribe(self._filled)

    def _decided(self, event: Decided) -> None:
        decision, answers = event
        items = {item.instrument: item for item in decision.items}
        for answer in answers:
            intent = answer.intent
            name = str(intent.instrument)
            item = items[name]
            if isinstance(answer, Refusal):
                self.n_refusals += 1
                self._metrics.orders_refused.labels(answer.rule).inc()
                self._refusals.appendleft(
                    RefusalRow(
                        ts=decision.as_of, instrument=name, rule=answer.rule, reason=answer.reason
                    )
                )
            self._metrics.decisions.labels(str(item.reason)).inc()
            self._decisions.appendleft(
                DecisionRow(
                    ts=decision.as_of,
                    instrument=name,
                    action="refused" if isinstance(answer, Refusal) else str(intent.side),
                    reason=_why(item),
                    confidence=item.confidence or 0.0,
                    order_id="" if isinstance(answer, Refusal) else intent.id,
                )
            )

    def _order_changed(self, event: OrderChanged) -> None:
        order, intent = event
        self._count(order)
        self._orders[order.id] = OrderView(
            order_id=order.id,
            ts=order.created_at,
            instrument=str(order.instrument),
            side=str(order.side),
            quantity=float(order.quantity),
            type=str(order.type),
            price=None if order.price is None else float(order.price),
            status=str(order.status),
            filled=float(order.filled),
            average_price=float(order.average_price),
            reason=str(intent.reason),
            lead=intent.lead,
        )
        if len(self._orders) > _KEPT:
            self._orders.popitem(last=False)

    def _count(self, order: Order) -> None:
        venue, metrics = order.instrument.venue, self._metrics
        before = self._orders.get(order.id)
        if before is None:
            metrics.orders_sent.labels(venue).inc()
        elif before.status == order.status:
            return
        elif before.status == OrderStatus.SENT and venue not in metrics.self_reporting:
            metrics.order_latency.labels(venue).observe(
                (order.updated_at - order.created_at) / SECOND
            )
        if order.status is OrderStatus.FILLED:
            metrics.orders_filled.labels(venue).inc()
        elif order.status in _FAILED:
            metrics.orders_failed.labels(venue).inc()

    def _filled(self, event: Filled) -> None:
        fill = event.fill
        self._metrics.trades_executed.labels(fill.instrument.venue).inc()
        if event.intent is not None:
            self._metrics.slippage.labels(fill.instrument.venue).observe(fill.slippage_bps)

    def thought(self, block: AnalysisBlock, names: Sequence[str], as_of: int) -> None:
        """Count who spoke at the last tick of a block.

        Parameters
        ----------
        names : sequence of str
            Of the agents that come first in the block: those that are asked at every tick.
        """
        for place, name in enumerate(names):
            self._calls[name] += 1
            self._metrics.agent_calls.labels(name).inc()
            if not np.isnan(block.views.bias[place, -1]).all():
                self._last_seen[name] = as_of
                self._metrics.agent_successes.labels(name).inc()
            else:
                self._abstentions[name] += 1
                self._metrics.agent_abstentions.labels(name).inc()

    def heard(self, answers: Sequence[Opinion | Abstention], as_of: int) -> None:
        """Count what awaited agents said that counts from a tick on (ns UTC)."""
        for answer in answers:
            self._calls[answer.agent] += 1
            if isinstance(answer, Opinion):
                self._last_seen[answer.agent] = as_of
            else:
                self._abstentions[answer.agent] += 1
                self._metrics.agent_abstentions.labels(answer.agent).inc()

    # ---- what others ask ----

    def decisions(self, limit: int) -> tuple[DecisionRow, ...]:
        """Return the last decisions, newest first."""
        return tuple(islice(self._decisions, limit))

    def refusals(self, limit: int) -> tuple[RefusalRow, ...]:
        """Return the last refusals, newest first."""
        return tuple(islice(self._refusals, limit))

    def orders(self, limit: int) -> tuple[OrderView, ...]:
        """Return the last orders, newest first."""
        return tuple(islice(reversed(self._orders.values()), limit))

    def agents(self, day_pnl: Mapping[str, float], limit: float) -> tuple[AgentRow, ...]:
        """Return one row an agent.

        Parameters
        ----------
        day_pnl : mapping of str to float
            P&L of each agent's positions since the day began, quote currency.
        limit : float
            Daily loss at which an agent leads no entry any more.
        """
        return tuple(
            AgentRow(
                name=agent.name,
                display_name=_shown(agent),
                active=agent.enabled,
                daily_loss_breached=day_pnl.get(agent.name, 0.0) <= -limit,
                weight=agent.weight,
                calls=self._calls[agent.name],
                abstentions=self._abstentions[agent.name],
                timeouts=self._metrics.timeouts_of(agent.name),
                last_seen=self._last_seen.get(agent.name, 0),
                day_pnl=day_pnl.get(agent.name, 0.0),
                instruments=agent.instruments,
                model=agent.model,
            )
            for agent in self._agents
        )


def _why(item: DecisionItem) -> str:
    """Return the reason of a decision with the strongest voice behind it."""
    context = item.context
    if context is None:
        return str(item.reason)
    spoken = [voice for voice in context.voices if voice.bias and voice.confidence]
    if not spoken:
        return str(item.reason)
    first = max(spoken, key=lambda v: abs((v.bias or 0.0) * (v.confidence or 0.0) * v.weight))
    return f"{item.reason}, {first.agent}: {first.rationale}"


def _shown(agent: AgentSettings) -> str:
    own = DISPLAY_NAMES.get(agent.name) or agent.name.replace("_", " ").title()
    return agent.display_name or own
