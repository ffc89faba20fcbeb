"""A ledger that tells a small story, for all tests of the package."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.kernel.ids import IdSource
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import (
    AccountState,
    Adopted,
    Approval,
    Command,
    DataSource,
    Decision,
    DecisionItem,
    ModeChange,
    Objection,
    Reconciled,
    Routed,
    Started,
    Stopped,
    Told,
    Transfer,
)
from tutti.model.difference import Difference, DifferenceKind, Resolution
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, AggregatedContext, Opinion, Regime, Voice
from tutti.model.order import (
    ApprovedOrder,
    ChildOrder,
    Fill,
    FundingPaid,
    Liquidated,
    Order,
    OrderIntent,
    OrderStatus,
    OrderType,
    Position,
    Reason,
    Refusal,
    Settlement,
    Side,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RUN = "run-1"
BTC = InstrumentId("BTC-USDT-PERP", "SIM")
ETH = InstrumentId("ETH-USDT-PERP", "SIM")


class Scribe:
    """Writes rows with few words; each value can be changed by name."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._ids = IdSource(RUN)
        self.ts = 1_704_067_200_000_000_000

    def started(self, **changes: Any) -> int:
        values: dict[str, Any] = {
            "run_id": RUN,
            "configuration": "c0ffee",
            "seed": 7,
            "versions": {"tutti": "0.1.0", "numpy": "2.1.0"},
            "instruments": (str(BTC), str(ETH)),
            "agents": ("momentum_hunter",),
            "balances": {"SIM": Decimal(10_000)},
            "data": (DataSource(path="btc.parquet", sha256="abc", rows=5),),
            "commit": "d00d1e",
        }
        return self.journal.append("started", self.ts, Started(**{**values, **changes}))

    def decision(self, *items: DecisionItem, **changes: Any) -> int:
        values: dict[str, Any] = {"as_of": self.ts, "equity": 10_000.0, "mode": "trading"}
        body = Decision(items=items, **{**values, **changes})
        return self.journal.append("decision", self.ts, body)

    def item(self, **changes: Any) -> DecisionItem:
        voices = (
            Voice(agent="momentum_hunter", bias=0.5, confidence=0.8, weight=0.7, rationale="up"),
            Voice(agent="vpin", bias=None, confidence=None, weight=0.0, rationale="warming up"),
        )
        values: dict[str, Any] = {
            "instrument": str(BTC),
            "context": AggregatedContext(
                instrument=BTC,
                as_of=self.ts,
                bias=0.5,
                confidence=0.8,
                regime=Regime.BULL_TRENDING,
                regime_confidence=0.9,
                voices=voices,
            ),
            "features": {"rsi_14": 0.61, "adx_14": None},
            "close": 42_000.5,
            "score": 0.7,
            "confidence": 0.8,
            "weight": 0.25,
            "reason": Reason.ENTRY,
            "lead": "momentum_hunter",
        }
        return DecisionItem(**{**values, **changes})

    def told(self, **changes: Any) -> Opinion:
        """Write what an agent that was waited for said of BTC."""
        values: dict[str, Any] = {
            "agent": "news", "instrument": BTC, "bias": 0.4, "confidence": 0.5, "as_of": self.ts,
            "rationale": "a good report", "time_to_live": 3_600_000_000_000,
        }  # fmt: skip
        opinion = Opinion(**{**values, **changes})
        self.journal.append("opinion", self.ts, Told.of(opinion), str(opinion.instrument))
        return opinion

    def abstained(self, agent: str = "news", reason: str = "no answer in 2 s") -> Abstention:
        said = Abstention(agent=agent, instrument=BTC, as_of=self.ts, reason=reason)
        self.journal.append("opinion", self.ts, Told.of(said), str(BTC))
        return said

    def intent(self, **changes: Any) -> OrderIntent:
        values: dict[str, Any] = {
            "id": self._ids.new(self.ts),
            "instrument": BTC,
            "as_of": self.ts,
            "side": Side.BUY,
            "quantity": Decimal("0.5"),
            "type": OrderType.MARKET,
            "price": None,
            "reference_price": Decimal("42000.5"),
            "reason": Reason.ENTRY,
            "lead": "momentum_hunter",
            "reduces": False,
        }
        intent = OrderIntent(**{**values, **changes})
        self.journal.append("intent", self.ts, intent, intent.id)
        return intent

    def approval(self, intent: OrderIntent) -> int:
        approved = ApprovedOrder(intent=intent, approved_at=self.ts, rules=("gross", "drawdown"))
        return self.journal.append("approval", self.ts, Approval.of(approved), intent.id)

    def refusal(self, intent: OrderIntent, rule: str = "gross") -> int:
        refused = Refusal(intent=intent, refused_at=self.ts, rule=rule, reason="too large")
        return self.journal.append("refusal", self.ts, Objection.of(refused), intent.id)

    def route(self, intent: OrderIntent, *parts: tuple[str, str, str], **changes: Any) -> Routed:
        """Write how an order was split: id, venue and quantity of each child."""
        values: dict[str, Any] = {
            "parent": intent.id,
            "strategy": "liquidity",
            "arrival_price": intent.reference_price,
            "children": tuple(
                ChildOrder(
                    id=child_id,
                    parent=intent.id,
                    instrument=InstrumentId(intent.instrument.symbol, venue),
                    quantity=Decimal(quantity),
                    expected_price=42_005.25,
                )
                for child_id, venue, quantity in parts
            ),
            "left": Decimal(0),
        }
        routed = Routed(**{**values, **changes})
        self.journal.append("route", self.ts, routed, intent.id)
        return routed

    def adopted(self, quantity: str, price: str) -> int:
        body = Adopted(instrument=BTC, ts=self.ts, quantity=Decimal(quantity), price=Decimal(price))
        return self.journal.append("adopted", self.ts, body, str(BTC))

    def transfer(self, amount: str, venue: str = "SIM") -> int:
        body = Transfer(venue=venue, ts=self.ts, amount=Decimal(amount))
        return self.journal.append("transfer", self.ts, body, venue)

    def difference(self) -> int:
        body = Difference(
            venue="SIM",
            kind=DifferenceKind.POSITION,
            subject=str(BTC),
            ours="0",
            theirs="3",
            resolution=Resolution.QUARANTINED,
        )
        return self.journal.append("difference", self.ts, body, str(BTC))

    def order(self, intent: OrderIntent, status: OrderStatus, **changes: Any) -> Order:
        values: dict[str, Any] = {
            "id": intent.id,
            "instrument": intent.instrument,
            "side": intent.side,
            "quantity": intent.quantity,
            "type": intent.type,
            "price": intent.price,
            "status": status,
            "created_at": self.ts,
            "updated_at": self.ts,
        }
        order = Order(**{**values, **changes})
        self.journal.append("order", self.ts, order, order.id)
        return order

    def fill(self, intent: OrderIntent, fill_id: str = "f1", **changes: Any) -> Fill:
        values: dict[str, Any] = {
            "id": fill_id,
            "order_id": intent.id,
            "instrument": intent.instrument,
            "ts": self.ts,
            "side": intent.side,
            "quantity": intent.quantity,
            "price": Decimal(42_010),
            "fee": Decimal("10.5025"),
            "is_maker": False,
            "slippage_bps": 2.26,
        }
        fill = Fill(**{**values, **changes})
        self.journal.append("fill", self.ts, fill, fill.order_id)
        return fill

    def settlement(self, intent: OrderIntent, **changes: Any) -> int:
        values: dict[str, Any] = {
            "order_id": intent.id,
            "outcome": OrderStatus.FILLED,
            "filled": intent.quantity,
            "price": Decimal(42_010),
            "fee": Decimal(1),
            "by": "the API",
            "reason": "seen on its page",
        }
        body = Settlement(**{**values, **changes})
        return self.journal.append("settlement", self.ts, body, intent.id)

    def position(self, instrument: InstrumentId, quantity: str) -> int:
        body = Position(
            instrument=instrument,
            quantity=Decimal(quantity),
            average_price=Decimal(42_010),
            opened_at=self.ts,
            updated_at=self.ts,
            realised=Decimal(0),
            fees=Decimal("10.5025"),
            lead="momentum_hunter",
        )
        return self.journal.append("position", self.ts, body, str(instrument))

    def funding(self, amount: str, instrument: InstrumentId = BTC) -> int:
        body = FundingPaid(instrument=instrument, ts=self.ts, rate=0.0001, amount=Decimal(amount))
        return self.journal.append("funding", self.ts, body, str(instrument))

    def liquidation(self, fill_id: str) -> int:
        body = Liquidated(
            instrument=ETH,
            ts=self.ts,
            fill_id=fill_id,
            side=Side.SELL,
            quantity=Decimal(2),
            price=Decimal(1500),
            fee=Decimal(3),
        )
        return self.journal.append("liquidation", self.ts, body, str(ETH))

    def mode(self, mode: str, reason: str) -> int:
        return self.journal.append("mode", self.ts, ModeChange(mode=mode, reason=reason))

    def account(self, equity: float) -> int:
        body = AccountState(
            equity=equity,
            peak_equity=equity,
            day=19_723,
            day_start_equity=equity,
            fees=0.0,
            funding=0.0,
            turnover=0.0,
            agent_day={"momentum_hunter": 0.0},
        )
        return self.journal.append("account", self.ts, body)

    def segment(self, n_ticks: int = 4) -> int:
        ts = self.ts + np.arange(n_ticks, dtype=np.int64)
        bias = np.linspace(-1, 1, n_ticks * 2).reshape(n_ticks, 1, 2)
        return self.journal.segment(ts, {"bias": bias, "regime": np.zeros((n_ticks, 2), np.int8)})

    def quiet_rows(self) -> None:
        """Write the kinds that move nothing."""
        self.journal.append("reconciled", self.ts, Reconciled(venue="SIM", checked=1))
        self.journal.append("command", self.ts, Command(name="pause", by="operator"))
        self.journal.append("stopped", self.ts, Stopped(reason="asked to", totals={"orders": 1}))

    def filled_order(self) -> OrderIntent:
        """Write the whole life of an order, from decision to position."""
        self.decision(self.item())
        intent = self.intent()
        self.approval(intent)
        self.order(intent, OrderStatus.SENT)
        self.ts += 60_000_000_000
        self.order(intent, OrderStatus.FILLED, filled=intent.quantity)
        self.fill(intent)
        self.position(BTC, "0.5")
        return intent


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteLedger]:
    """Return a ledger in an empty folder."""
    store = SqliteLedger(tmp_path / "ledger", Durability.EACH_COMMIT)
    yield store
    store.close()


@pytest.fixture
def scribe(store: SqliteLedger) -> Scribe:
    """Return who writes into `store`."""
    return Scribe(Journal(store, RUN))


@pytest.fixture
def tamper(store: SqliteLedger) -> Callable[..., None]:
    """Return what runs SQL behind the ledger's back, its triggers taken out."""

    def run(sql: str, *values: object) -> None:
        connection = store._connection
        for trigger in ("journal_no_update", "journal_no_delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        connection.execute(sql, values)

    return run
