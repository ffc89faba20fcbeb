"""What each tier makes of the bars, in one form; that they agree, tests/parity holds."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.agents.timeline import Heard, OpinionTimeline
from tutti.app.backtest import Source, run_source, terms_overrides
from tutti.app.build import Plan, plan_of
from tutti.app.comparison import baselines_of, metrics_of
from tutti.app.config import Config, override
from tutti.app.tiers import parity, run_event, run_fast
from tutti.app.warmup import main
from tutti.kernel.clock import HOUR
from tutti.ledger.kinds import Told
from tutti.ledger.records import decode
from tutti.ledger.trace import why
from tutti.ledger.verify import verify
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, Opinion
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.model.market import MarketBlock

_START = 1_704_067_200_000_000_000
_QUICK: dict[str, object] = {
    "agents": (),
    "policy.name": "ema_cross",
    "policy.fast": 2,
    "policy.slow": 5,
    "policy.long_only": False,
    "policy.sizing.method": "fixed_fraction",
    "policy.sizing.fraction": 0.2,
    "risk.max_instrument_fraction": None,
    "risk.max_notional_multiple": None,
    "risk.care.cooldown_s": 0,
}


def _block(ticks: int = 200, *, funding: float = 0.001) -> MarketBlock:
    return SimulatedMarket(
        [
            MarketSpec(instrument=InstrumentId(name, venue), volatility=2.0, funding_rate=funding)
            for name, venue in (("A-USDT-PERP", "X"), ("B-USDT-PERP", "Y"))
        ],
        seed=4, step=HOUR, start=_START,
        regime_schedule=RegimeChain(regimes_named("trend", "crash", "range"), mean_bars=20.0),
    ).next_block(ticks)  # fmt: skip


def _plan(block: MarketBlock, **changes: Any) -> tuple[Config, Plan]:
    given = {key.replace("__", "."): value for key, value in changes.items()}
    config = override(Config(), {**_QUICK, **given})
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    return config, plan_of(config, universe.instruments, block.step)


class _Progress:
    def __init__(self) -> None:
        self.said: list[tuple[int, int, str]] = []

    def __call__(self, done: int, total: int, note: str) -> None:
        self.said.append((done, total, note))


def test_event_tier_leaves_a_ledger_and_says_how_far_it_is(tmp_path: Path) -> None:
    block = _block()
    config, plan = _plan(block)
    progress = _Progress()
    outcome = run_event(config, plan, block, (), "run", tmp_path, progress, {"tutti": "0"})
    with SqliteLedgerReader(tmp_path) as reader:
        found = verify(reader)
        assert reader.run_id == "run"
    assert found.ok
    assert outcome.ledger_hash == found.head.hash
    assert progress.said[0] == (0, 400, "event tier")
    assert progress.said[-1] == (400, 400, "event tier")
    assert len(outcome.orders) == outcome.n_orders
    assert len(outcome.trace.equity) == 200
    assert outcome.fees == pytest.approx(sum(float(fill.fee) for fill in outcome.fills))
    assert outcome.turnover == pytest.approx(
        sum(float(fill.quantity * fill.price) for fill in outcome.fills)
    )
    assert outcome.halted == ""


def test_fast_tier_keeps_no_orders_and_no_ledger() -> None:
    block = _block()
    config, plan = _plan(block)
    outcome = run_fast(config, plan, block, _Progress())
    assert (outcome.orders, outcome.ledger_hash, outcome.refusals) == ((), "", {})
    assert outcome.n_orders > 10
    assert all(fill.order_id for fill in outcome.fills)


def test_profit_of_a_trade_counts_fees_and_funding_in_both_tiers(tmp_path: Path) -> None:
    block = _block(funding=0.01)
    close = block.close.copy()
    config, plan = _plan(block)
    event = run_event(config, plan, block, (), "run", tmp_path, _Progress())
    fast = run_fast(config, plan, block, _Progress())
    assert np.array_equal(close, block.close)
    assert len(event.trades) == len(fast.trades) > 10
    for mine, yours in zip(event.trades, fast.trades, strict=True):
        assert float(mine.pnl) == pytest.approx(float(yours.pnl), abs=1e-6)
    prices = sum(
        trade.side * trade.quantity * (trade.exit_price - trade.entry_price)
        for trade in event.trades
    )
    fees = sum(trade.fees for trade in event.trades)
    paid = sum(trade.pnl for trade in event.trades) - prices + fees
    assert abs(float(paid)) > 1.0


def test_funding_of_a_missing_bar_is_paid_at_the_last_close_in_both_tiers(tmp_path: Path) -> None:
    block = _block(120, funding=0.01)
    gone = np.zeros(block.close.shape, bool)
    gone[40:60, 0] = True
    sides: dict[str, Any] = {
        side: np.where(gone, math.nan, getattr(block, side))
        for side in ("open", "high", "low", "close", "volume")
    }
    block = replace(block, **sides)
    config, plan = _plan(block)
    event = run_event(config, plan, block, (), "run", tmp_path, _Progress())
    fast = run_fast(config, plan, block, _Progress())
    assert parity(event, fast).fills_equal
    assert [float(trade.pnl) for trade in event.trades] == pytest.approx(
        [float(trade.pnl) for trade in fast.trades], abs=1e-6
    )


def test_fast_tier_refuses_venues_that_fill_by_other_rules() -> None:
    block = _block()
    config, plan = _plan(block, venues={"Y": {"latency_ms": 5}})
    with pytest.raises(ConfigError, match="use --tier event"):
        run_fast(config, plan, block, _Progress())


_LISTENING: dict[str, Any] = {
    "agents": [{"name": "pundit"}, {"name": "mean_reversion", "weight": 0.3}],
    "conductor__weights": {},
    "policy__name": "hybrid",
    "policy__weights": {"context": 1.0, "momentum": 0.0, "mean_reversion": 0.0, "pairs": 0.0},
    "policy__entry_threshold": 0.3,
    "policy__exit_threshold": 0.2,
}


def _opinions(block: MarketBlock) -> OpinionTimeline:
    """Return what a pundit said who changes sides every ten hours, and fades over seven."""
    heard: list[Heard] = []
    for t in range(3, len(block), 10):
        for instrument in block.instruments:
            as_of = int(block.known_at[t])
            opinion = Opinion(
                agent="pundit", instrument=instrument, bias=0.9 if t % 20 == 3 else -0.9,
                confidence=1.0, as_of=as_of, rationale=f"tick {t}", time_to_live=7 * HOUR,
            )  # fmt: skip
            # on one of two he takes two ticks to say so
            counts = as_of if instrument is block.instruments[0] else int(block.known_at[t + 2])
            heard.append(Heard(counts, opinion))
    silent = Abstention(agent="pundit", instrument=block.instruments[0], as_of=0, reason="asleep")
    return OpinionTimeline(
        ("pundit",), block.instruments, [Heard(int(block.known_at[0]), silent), *heard]
    )


def test_tiers_agree_on_what_awaited_agents_said(installed: None, tmp_path: Path) -> None:
    block = _block(400)
    config, plan = _plan(block, **_LISTENING)
    opinions = _opinions(block)
    event = run_event(config, plan, block, (), "run", tmp_path, _Progress(), opinions=opinions)
    fast = run_fast(config, plan, block, _Progress(), opinions=opinions)
    found = parity(event, fast)
    assert found.fills_equal
    assert found.max_rel_equity_diff < 1e-9
    assert len(event.fills) > 40
    silent = run_fast(config, plan, block, _Progress())
    assert len(silent.fills) != len(fast.fills)


def test_every_answer_is_on_the_ledger_at_the_tick_it_counts_from(
    installed: None, tmp_path: Path
) -> None:
    block = _block(100)
    config, plan = _plan(block, **_LISTENING)
    opinions = _opinions(block)
    run_event(config, plan, block, (), "run", tmp_path, _Progress(), opinions=opinions)
    with SqliteLedgerReader(tmp_path) as reader:
        assert verify(reader).ok
        rows = list(reader.rows())
        told = [Heard(row.ts, decode(row, Told).answer) for row in rows if row.kind == "opinion"]
        ticks = [row.ts for row in rows if row.kind in {"opinion", "decision"}]
        order = next(row.ref for row in rows if row.kind == "order")
        (behind,) = why(reader, order).opinions
    assert told == list(opinions.answers)
    assert ticks == sorted(ticks)
    assert behind.body.agent == "pundit"


def test_parity_sees_another_fill_and_another_equity(tmp_path: Path) -> None:
    block = _block()
    config, plan = _plan(block)
    event = run_event(config, plan, block, (), "run", tmp_path, _Progress())
    fast = run_fast(config, plan, block, _Progress())
    assert parity(event, fast).fills_equal
    dearer = replace(fast.fills[0], price=fast.fills[0].price + Decimal("0.01"))
    assert not parity(event, replace(fast, fills=(dearer, *fast.fills[1:]))).fills_equal
    assert not parity(event, replace(fast, fills=fast.fills[1:])).fills_equal
    off = fast.trace._replace(equity=fast.trace.equity * 1.001)
    assert parity(event, replace(fast, trace=off)).max_rel_equity_diff == pytest.approx(0.001)


def test_run_of_an_unknown_tier_is_refused(tmp_path: Path) -> None:
    block = _block(20)
    source = Source(block=block, files=(), findings=())
    with pytest.raises(ConfigError, match="tier must be event, fast or both, was 'slow'"):
        run_source(override(Config(), _QUICK), source, "slow", tmp_path, _Progress())


@pytest.mark.parametrize("tier", ["event", "fast"])
def test_one_tier_alone_has_no_parity_to_tell(tmp_path: Path, tier: str) -> None:
    source = Source(block=_block(60), files=(), findings=("a finding",))
    result = run_source(override(Config(), _QUICK), source, tier, tmp_path, _Progress())
    assert result.parity is None
    assert result.tier == tier
    assert "a finding" in result.findings
    assert (result.ledger_hash == "") is (tier == "fast")


def test_metrics_are_those_of_the_outcome(tmp_path: Path) -> None:
    block = _block()
    config, plan = _plan(block)
    outcome = run_event(config, plan, block, (), "run", tmp_path, _Progress())
    metrics = metrics_of(block, outcome)
    assert metrics["fees"] == outcome.fees
    assert metrics["n_trades"] == len(outcome.trades)
    won = sum(trade.pnl > 0 for trade in outcome.trades)
    assert metrics["hit_rate"] == pytest.approx(won / len(outcome.trades))
    assert metrics["slippage_bps"] == pytest.approx(
        np.mean([fill.slippage_bps for fill in outcome.fills])
    )
    fall = 1 - outcome.trace.equity / np.maximum.accumulate(outcome.trace.equity)
    assert metrics["max_drawdown"] == pytest.approx(fall.max())
    quiet = replace(outcome, fills=(), trades=())
    assert metrics_of(block, quiet)["slippage_bps"] == 0.0


def test_baselines_are_on_the_same_bars_and_balance(tmp_path: Path) -> None:
    block = _block()
    config, plan = _plan(block)
    outcome = run_event(config, plan, block, (), "run", tmp_path, _Progress())
    found = baselines_of(plan, block, outcome, seed=3)
    assert set(found) == {"buy_and_hold", "random", "flat"}
    assert (found["flat"].equity == 10_000.0).all()
    assert found["buy_and_hold"].equity[0] == pytest.approx(10_000.0)
    again = baselines_of(plan, block, outcome, seed=3)["random"].equity
    np.testing.assert_array_equal(found["random"].equity, again)
    other = baselines_of(plan, block, outcome, seed=4)["random"].equity
    assert not np.array_equal(other, again)
    idle = replace(outcome, trades=(), fills=())
    assert (baselines_of(plan, block, idle, seed=3)["random"].equity == 10_000.0).all()


def test_warm_up_compiles_what_a_run_needs(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    assert "compiled in" in capsys.readouterr().out
