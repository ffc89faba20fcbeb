"""For any market, with holes in it, and any rules: both tiers agree, and so does any cutting."""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.backtest import terms_overrides
from tutti.app.build import plan_of
from tutti.app.config import Config, override
from tutti.app.session import Session
from tutti.app.tiers import parity, run_event, run_fast
from tutti.kernel.clock import HOUR
from tutti.ledger.fold import fold
from tutti.ledger.verify import verify
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.app.build import Plan
    from tutti.model.market import MarketBlock

pytestmark = pytest.mark.timeout(600)

_START = 1_704_067_200_000_000_000  # 2024-01-01
# each example runs the whole engine, up to 82 times over
_FEW = settings().max_examples // 4
_NAMES = ("A-USDT-PERP.X", "B-USDT-PERP.X", "C-USDT.Y", "D-USDT-PERP.Y")


def market(seed: int, *, ticks: int, names: tuple[str, ...], holes: float) -> MarketBlock:
    """Return a wild market with funding every eight hours and a share of its bars missing."""
    rng = np.random.default_rng(seed)
    block = SimulatedMarket(
        [
            MarketSpec(
                instrument=InstrumentId.parse(name),
                volatility=float(rng.uniform(1.0, 6.0)),
                daily_notional=float(10 ** rng.uniform(4.0, 8.0)),
                funding_rate=float(rng.normal(0.0, 0.001)),
            )
            for name in names
        ],
        seed=seed,
        step=HOUR,
        start=_START,
        regime_schedule=RegimeChain(regimes_named("trend", "crash", "range"), mean_bars=20.0),
        correlation=0.3,
    ).next_block(ticks)
    gone = rng.random(block.close.shape) < holes
    # no row without any bar; a bar in which nothing traded now and then
    gone[np.arange(ticks), rng.integers(0, len(names), ticks)] = False
    still = ~gone & (rng.random(gone.shape) < 0.05)
    sides: dict[str, Any] = {
        side: np.where(gone, math.nan, getattr(block, side))
        for side in ("open", "high", "low", "close")
    }
    volume = np.where(gone, math.nan, np.where(still, 0.0, block.volume))
    return replace(block, volume=volume, **sides)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, object]:
    """Return rules that make something happen in a hundred bars."""
    values: dict[str, object] = {
        "agents": (),
        "policy.name": "ema_cross",
        "policy.fast": 2,
        "policy.slow": draw(st.integers(3, 8)),
        "policy.long_only": draw(st.booleans()),
        "policy.exit_on_neutral": draw(st.booleans()),
        "policy.rebalance_band": draw(st.sampled_from([0.0, 0.05])),
        "policy.max_positions": draw(st.integers(1, 4)),
        "policy.sizing.method": draw(st.sampled_from(["fixed_fraction", "notional"])),
        "policy.sizing.fraction": draw(st.sampled_from([0.05, 0.5, 3.0])),
        "policy.sizing.base_notional": draw(st.sampled_from([4.0, 150.0, 4000.0])),
        "risk.max_instrument_fraction": draw(st.sampled_from([0.1, 1.0, None])),
        "risk.max_venue_fraction": draw(st.sampled_from([0.7, 5.0, None])),
        "risk.max_gross_fraction": draw(st.sampled_from([1.0, None])),
        "risk.max_notional_multiple": None,
        "risk.max_drawdown": draw(st.sampled_from([0.02, 0.2, 1.0])),
        "risk.max_daily_loss": draw(st.sampled_from([20.0, 500.0, None])),
        "risk.care.take_profit": draw(st.sampled_from([0.0, 0.02])),
        "risk.care.stop_loss": draw(st.sampled_from([0.0, 0.01])),
        "risk.care.stale_after_s": draw(st.sampled_from([0.0, 7200.0])),
        "risk.care.cooldown_s": draw(st.sampled_from([0.0, 10_800.0])),
        "risk.care.liquidation_margin": draw(st.sampled_from([0.0, 0.05])),
        "execution.order_type": draw(st.sampled_from(["market", "limit"])),
        "execution.limit_offset_bps": draw(st.sampled_from([-10.0, 0.0, 20.0])),
        "execution.time_in_force_bars": draw(st.integers(1, 3)),
        "venues.default.latency_ms": draw(st.sampled_from([0.0, 1.0, 3_600_000.0, 5_000_000.0])),
        "venues.default.participation": draw(st.sampled_from([0.0, 0.001, 0.1])),
        "venues.default.half_spread_bps": draw(st.sampled_from([0.0, 3.0])),
        "venues.default.impact_coefficient": draw(st.sampled_from([0.0, 0.5])),
        "venues.default.limit_through": draw(st.booleans()),
        "venues.default.maker_fee": draw(st.sampled_from([-0.0001, 0.0002])),
        "ledger.segment_ticks": draw(st.integers(1, 40)),
        "ledger.keep_opinions": draw(st.booleans()),
    }
    return values


def _parts(block: MarketBlock, cuts: list[int]) -> Iterator[MarketBlock]:
    ends = sorted({cut for cut in cuts if 0 < cut < len(block)} | {len(block)})
    for start, end in zip([0, *ends], ends, strict=False):
        yield block.rows(start, end)


def _session(config: Config, plan: Plan, folder: str, start: int) -> Session:
    store = SqliteLedger(Path(folder), Durability.BATCHED)
    return Session(config, plan, store, run_id="property", start=start)


def _plan(config: Config, block: MarketBlock) -> Plan:
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    return plan_of(config, universe.instruments, block.step)


def _holdings(session: Session) -> dict[str, Any]:
    return {str(held.instrument): held.quantity for held in session.account.portfolio.positions()}


@given(
    seed=st.integers(0, 10_000),
    ticks=st.integers(20, 120),
    n=st.integers(1, 4),
    holes=st.sampled_from([0.0, 0.1, 0.5]),
    changes=rules(),
)
def test_tiers_agree_on_any_market_under_any_rules(
    seed: int, ticks: int, n: int, holes: float, changes: dict[str, object]
) -> None:
    block = market(seed, ticks=ticks, names=_NAMES[:n], holes=holes)
    config = override(Config(), changes)
    plan = _plan(config, block)
    with tempfile.TemporaryDirectory() as folder:
        event = run_event(config, plan, block, (), "property", Path(folder), lambda *_: None)
    fast = run_fast(config, plan, block, lambda *_: None)
    found = parity(event, fast)
    assert found.fills_equal
    # relative to what it began with: equity itself may come to nothing
    apart = np.abs(event.trace.equity - fast.trace.equity).max()
    assert apart <= 1e-9 * float(config.starting_balance)
    assert (event.n_orders, event.n_refusals) == (fast.n_orders, fast.n_refusals)


@settings(max_examples=_FEW)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 4),
    holes=st.sampled_from([0.0, 0.1, 0.5]),
    changes=rules(),
    cuts=st.lists(st.integers(1, 79), max_size=12),
)
def test_ledger_is_the_same_however_the_bars_are_cut(
    seed: int, n: int, holes: float, changes: dict[str, object], cuts: list[int]
) -> None:
    block = market(seed, ticks=80, names=_NAMES[:n], holes=holes)
    config = override(Config(), changes)
    plan = _plan(config, block)
    heads, curves = [], []
    for chosen in ([], cuts, list(range(80))):
        with tempfile.TemporaryDirectory() as folder:
            session = _session(config, plan, folder, _START)
            parts = [session.engine.process(part).equity for part in _parts(block, chosen)]
            heads.append(session.stop(int(block.known_at[-1]), "end"))
            curves.append(np.concatenate(parts))
    assert heads[0] == heads[1] == heads[2]
    np.testing.assert_array_equal(curves[0], curves[1])
    np.testing.assert_array_equal(curves[0], curves[2])


@settings(max_examples=2 * _FEW)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 4),
    holes=st.sampled_from([0.0, 0.3]),
    changes=rules(),
)
def test_book_portfolio_venue_and_ledger_hold_the_same(
    seed: int, n: int, holes: float, changes: dict[str, object]
) -> None:
    block = market(seed, ticks=80, names=_NAMES[:n], holes=holes)
    config = override(Config(), changes)
    plan = _plan(config, block)
    with tempfile.TemporaryDirectory() as folder:
        session = _session(config, plan, folder, _START)
        equity = session.engine.process(block).equity
        session.stop(int(block.known_at[-1]), "end")
        with SqliteLedgerReader(Path(folder)) as reader:
            assert verify(reader).ok
            state = fold(reader)
    book, portfolio = session.account.book, session.account.portfolio
    lots = {
        str(each.id): int(book.lots[i]) * each.quantity_step
        for i, each in enumerate(plan.instruments)
        if book.lots[i]
    }
    held = _holdings(session)
    assert held == lots
    assert held == {
        str(instrument): quantity
        for venue in session.venues.values()
        for instrument, quantity in venue.positions().items()
    }
    assert held == {
        name: position.quantity for name, position in state.positions.items() if position.quantity
    }
    for v, name in enumerate(plan.venues):
        cash = portfolio.cash[name]
        assert session.venues[name].balances() == {"USDT": cash}
        assert state.cash[name] == cash
        assert abs(book.cash[v] - float(cash)) < 1e-6
    # equity from scratch: cash and what is held at the last closes
    value = sum(float(cash) for cash in portfolio.cash.values())
    for i, each in enumerate(plan.instruments):
        closes = block.close[np.isfinite(block.close[:, i]), i]
        value += float(held.get(str(each.id), 0)) * float(closes[-1])
    assert abs(value - equity[-1]) < 1e-6
    # what is at work in the book is what is open on the ledger
    working = {str(each.id): int(book.working[i]) for i, each in enumerate(plan.instruments)}
    for i, each in enumerate(plan.instruments):
        left = sum(
            (order.remaining * order.side.sign for order in state.open_orders.values()
             if order.instrument == each.id),
            start=0 * each.quantity_step,
        )  # fmt: skip
        assert working[str(each.id)] * each.quantity_step == left, i
