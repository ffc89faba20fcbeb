"""An engine on hand-made bars, driven by a script of scores instead of opinions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pytest

from tutti.agents.aggregation import Aggregation
from tutti.agents.array_panel import ArrayPanel
from tutti.app.build import Plan, plan_of, venues_of
from tutti.app.config import Config, override
from tutti.app.restore import fresh_account
from tutti.engine.analysis import Analysis, Weighting
from tutti.engine.engine import Engine
from tutti.engine.run import Reconciling
from tutti.features.pipeline import FeaturePipeline
from tutti.kernel.clock import HOUR
from tutti.kernel.ids import IdSource
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import KINDS
from tutti.ledger.records import decode
from tutti.model.arrays import Signals
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.market import FloatArray, MarketBlock
from tutti.model.opinion import ContextBlock, RegimeBlock, Views

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tutti.engine.decide import Trace
    from tutti.engine.run import EngineListener
    from tutti.execution.port import Venue
    from tutti.features.block import FeatureBlock
    from tutti.ledger.store import AnyArray, Head, Row
    from tutti.model.order import Order

T = TypeVar("T")

START = 1_704_067_200_000_000_000  # 2024-01-01T00:00Z
BTC = InstrumentId("BTC-USDT-PERP", "SIM")
ETH = InstrumentId("ETH-USDT-PERP", "SIM")
SOL = InstrumentId("SOL-USDT", "SPOT")

# Nothing that would interfere with what a test is about; tests turn on what they need.
CALM: dict[str, object] = {
    "agents": (),
    "policy.sizing.method": "fixed_fraction",
    "policy.sizing.fraction": 0.1,
    "risk.max_instrument_fraction": None,
    "risk.max_venue_fraction": None,
    "risk.max_gross_fraction": None,
    "risk.max_notional_multiple": None,
    "risk.max_drawdown": 1.0,
    "risk.max_daily_loss": None,
    "risk.max_agent_daily_loss": None,
    "risk.max_data_age_s": 1e7,
    "risk.care.take_profit": 0.0,
    "risk.care.stop_loss": 0.0,
    "risk.care.stale_after_s": 0.0,
    "risk.care.liquidation_margin": 0.0,
    "risk.care.cooldown_s": 0.0,
    "venues.default.half_spread_bps": 0.0,
    "venues.default.impact_coefficient": 0.0,
    "venues.default.participation": 0.0,
    "venues.default.maker_fee": 0.0,
    "venues.default.taker_fee": 0.0,
}


def terms(instrument: InstrumentId, **changes: Any) -> Instrument:
    """Return a perpetual (or spot, without PERP in its name) that trades in cents and thousandths."""
    perpetual = instrument.symbol.endswith("PERP")
    values: dict[str, Any] = {
        "id": instrument,
        "kind": InstrumentKind.PERPETUAL if perpetual else InstrumentKind.SPOT,
        "price_step": Decimal("0.01"),
        "quantity_step": Decimal("0.001"),
        "maker_fee": Decimal(0),
        "taker_fee": Decimal(0),
        "max_leverage": Decimal(20 if perpetual else 1),
        "maintenance_margin": Decimal("0.005" if perpetual else 0),
    }
    return Instrument(**(values | changes))


def bars(
    closes: Sequence[Sequence[float]],
    *,
    ids: Sequence[InstrumentId] = (BTC,),
    opens: Sequence[Sequence[float]] | None = None,
    start: int = START,
    step: int = HOUR,
    **sides: Any,
) -> MarketBlock:
    """Return bars of these closes, a row a tick; each opens where the last closed, NaN is missing."""
    close = np.array(closes, np.float64).reshape(len(closes), len(ids))
    if opens is None:
        opened = np.vstack([close[:1], close[:-1]])
        opened = np.where(np.isnan(opened), close, opened)
    else:
        opened = np.array(opens, np.float64).reshape(close.shape)
    missing = np.isnan(close)
    values: dict[str, FloatArray] = {
        "open": opened,
        "high": np.fmax(opened, close),
        "low": np.fmin(opened, close),
        "close": close,
        "volume": np.full(close.shape, 1e6),
        "funding": np.zeros(close.shape),
    }
    for name, given in sides.items():
        values[name] = np.array(given, np.float64).reshape(close.shape)
    for name in ("open", "high", "low", "volume"):
        values[name] = np.where(missing, np.nan, values[name])
    return MarketBlock(
        instruments=tuple(ids),
        ts=start + step * np.arange(len(close), dtype=np.int64),
        step=step,
        **values,
    )


class Script:
    """Policy that says what it is told to say of each bar."""

    name = "script"
    needs: tuple[str, ...] = ()
    sizes_are_fractions = True

    def __init__(self, block: MarketBlock, scores: Any, fraction: float) -> None:
        shape = block.close.shape
        self._rows = {int(ts): t for t, ts in enumerate(block.ts)}
        self._fraction = fraction
        self.score = np.array(scores, np.float64).reshape(shape)
        self.confidence = np.ones(shape)
        self.lead = np.full(shape, -1, np.int64)

    def signals(
        self,
        market: MarketBlock,
        features: FeatureBlock,
        context: ContextBlock,
        regime: RegimeBlock,
    ) -> Signals:
        rows = [self._rows[int(ts)] for ts in market.ts]
        return Signals(
            score=self.score[rows],
            confidence=self.confidence[rows],
            size=np.full(market.close.shape, self._fraction),
            lead=self.lead[rows],
        )

    def explain(self, t: int, i: int) -> str:
        return "as the script says"


class Mute:
    """Agent that never has a view; positions can be booked to it all the same."""

    needs: tuple[str, ...] = ("momentum_5",)

    def __init__(self, name: str) -> None:
        self.name = name

    def opine(self, features: FeatureBlock) -> Views:
        shape = features["momentum_5"].shape
        return Views(np.full(shape, np.nan), np.full(shape, np.nan))

    def explain(self, row: Mapping[str, float]) -> str:
        return "nothing to say"


class MemoryStore:
    """Journal store in memory; fails when it is told to, as a full disk does."""

    def __init__(self) -> None:
        self.batch = 1
        self.rows: list[Row] = []
        self.segments: dict[str, Mapping[str, AnyArray]] = {}
        self.fails: Callable[[Sequence[Row]], bool] = lambda rows: False
        self.on_write: Callable[[], None] = lambda: None

    def begin(self, run_id: str) -> list[Row]:
        return list(self.rows)

    def write(self, rows: Sequence[Row]) -> None:
        if self.fails(rows):
            raise OSError("no space left on device")
        self.rows += rows
        self.on_write()

    def write_segment(self, file: str, arrays: Mapping[str, AnyArray]) -> None:
        # as on a disk: what is written stays, whatever becomes of the arrays
        self.segments[file] = {name: array.copy() for name, array in arrays.items()}

    def witness(self) -> Head | None:
        return None

    def close(self) -> None:
        """Nothing to let go of."""


class Stage:
    """An engine with everything around it, and what it left on record."""

    def __init__(
        self,
        block: MarketBlock,
        scores: Any,
        *,
        instruments: Sequence[Instrument] | None = None,
        agents: Sequence[str] = (),
        venues: Callable[[Plan], dict[str, Any]] | None = None,
        listener: EngineListener | None = None,
        fraction: float = 0.1,
        keeps_account: bool = False,
        limits: Mapping[str, Any] | None = None,
        reconciling: Reconciling | None = None,
        **changes: object,
    ) -> None:
        given = {key.replace("__", "."): value for key, value in changes.items()}
        self.config = override(Config(), {**CALM, **given})
        self.block = block
        traded = tuple(instruments or [terms(each) for each in block.instruments])
        self.plan = plan_of(self.config, traded, block.step)
        self.script = Script(block, scores, fraction)
        rules = self.plan.setup.rules
        setup = replace(
            self.plan.setup,
            rules=rules._replace(
                targets=rules.targets._replace(sizes_are_fractions=True),
                limits=rules.limits._replace(**(limits or {})),
            ),
            policy_name="script",
            keeps_account=keeps_account,
            reconciling=reconciling or Reconciling(),
        )
        panel = ArrayPanel([Mute(name) for name in agents])
        n, count = len(traded), len(agents)
        self.analysis = Analysis(
            pipeline=FeaturePipeline(panel.needs, n),
            panel=panel,
            classifier=None,
            policy=self.script,
            weighting=Weighting(
                Aggregation.WEIGHTED_AVERAGE,
                np.ones(count),
                np.ones((5, count)),
                np.ones((count, n), np.int64),
            ),
        )
        self.account = fresh_account(self.plan, panel.names, int(block.ts[0]))
        simulated = venues_of(self.config, self.plan)
        self.venues: dict[str, Any] = simulated if venues is None else venues(self.plan)
        self.store = MemoryStore()
        self.journal = Journal(self.store, "stage")
        self.engine = Engine(
            setup=setup,
            analysis=self.analysis,
            account=self.account,
            venues=self.venues,
            market_venues=tuple(
                venue for venue in self.venues.values() if hasattr(venue, "observe")
            ),
            journal=self.journal,
            ids=IdSource("stage"),
            random=np.random.default_rng(1),
            listener=listener,
        )

    def play(self, start: int = 0, stop: int | None = None) -> Trace:
        """Work through the bars ``start:stop``."""
        return self.engine.process(
            self.block.rows(start, len(self.block) if stop is None else stop)
        )

    def venue(self, name: str = "SIM") -> Venue:
        """Return a venue by its name."""
        found: Venue = self.venues[name]
        return found

    def all(self, body: type[T]) -> list[T]:
        """Return what is on record of one type, oldest first, rows not committed included."""
        self.journal.close()
        return [decode(row, body) for row in self.store.rows if row.kind == KINDS[body]]

    def kinds(self) -> list[str]:
        """Return the kinds of all rows, in order."""
        self.journal.close()
        return [row.kind for row in self.store.rows]

    def orders(self) -> dict[str, Order]:
        """Return each order as it stands on record."""
        from tutti.model.order import Order  # read at run time here only

        return {order.id: order for order in self.all(Order)}

    def lots(self, i: int = 0) -> int:
        """Return the lots held of an instrument."""
        return int(self.account.book.lots[i])

    @property
    def equity(self) -> float:
        """Equity at the last close."""
        return float(self.account.book.account[0])


@pytest.fixture
def stage() -> Callable[..., Stage]:
    """Return the maker of engines; see `Stage`."""
    return Stage


@pytest.fixture
def make_bars() -> Callable[..., MarketBlock]:
    """Return the maker of bars; see `bars`."""
    return bars


@pytest.fixture
def make_terms() -> Callable[..., Instrument]:
    """Return the maker of instruments; see `terms`."""
    return terms
