"""Nothing that happens after an instant changes what was done up to it, in either tier."""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.backtest import read_source, terms_overrides
from tutti.app.build import plan_of
from tutti.app.config import Config, override
from tutti.app.session import Session
from tutti.app.tiers import run_fast
from tutti.kernel.clock import HOUR, parse_instant
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named
from tutti.universe.instruments import SAMPLE_BARS, Universe

if TYPE_CHECKING:
    from tutti.ledger.store import Row
    from tutti.model.market import FloatArray, MarketBlock

_START = 1_704_067_200_000_000_000  # 2024-01-01
_BARS = SAMPLE_BARS + 120


def _market(seed: int, n: int) -> MarketBlock:
    return SimulatedMarket(
        [
            MarketSpec(
                instrument=InstrumentId(f"COIN{i}-USDT-PERP", "X"),
                volatility=2.0,
                daily_notional=1e6,
                funding_rate=0.0003,
            )
            for i in range(n)
        ],
        seed=seed,
        step=HOUR,
        start=_START,
        regime_schedule=RegimeChain(regimes_named("trend", "crash", "range"), mean_bars=20.0),
        correlation=0.3,
    ).next_block(_BARS)


def _poisoned(block: MarketBlock, known: int, poison: str) -> MarketBlock:
    """Return the block with every bar from row ``known`` on made absurd."""
    sides: dict[str, Any] = {}
    for name in ("open", "high", "low", "close", "volume", "funding"):
        array: FloatArray = getattr(block, name).copy()
        if poison == "missing":
            array[known:] = 0.0 if name == "funding" else math.nan
        elif poison == "mirrored":
            array[known:] = array[known:][::-1]
        else:
            array[known:] *= {"enormous": 1e6, "tiny": 1e-4}[poison]
        sides[name] = array
    return replace(block, **sides)


class _Run:
    """Everything that both tiers did: the ledger's rows without the last, equity, fills."""

    def __init__(self, config: Config, block: MarketBlock) -> None:
        universe = Universe.of_block(block, terms_overrides(config, block.instruments))
        plan = plan_of(config, universe.instruments, block.step)
        with tempfile.TemporaryDirectory() as name:
            store = SqliteLedger(Path(name), Durability.BATCHED)
            session = Session(config, plan, store, run_id="poison", start=int(block.ts[0]))
            self.equity = session.engine.process(block).equity
            # what is written when there is no more data is no matter here
            count = session.head.seq
            session.stop(int(block.known_at[-1]), "end")
            with SqliteLedgerReader(Path(name)) as reader:
                self.rows: list[Row] = list(reader.rows(before=count + 1))
        fast = run_fast(config, plan, block, lambda *_: None)
        self.fast_equity = fast.trace.equity
        self.fast_fills = fast.fills


def _unchanged(config: Config, block: MarketBlock, known: int, poison: str) -> _Run:
    """Check that what was done before row ``known`` is the same whatever follows, or nothing."""
    short = _Run(config, block.rows(0, known))
    for longer in (_Run(config, block), _Run(config, _poisoned(block, known, poison))):
        # each row carries its hash, and with it all rows before
        assert longer.rows[: len(short.rows)] == short.rows
        np.testing.assert_array_equal(longer.equity[:known], short.equity)
        np.testing.assert_array_equal(longer.fast_equity[:known], short.fast_equity)
        assert longer.fast_fills[: len(short.fast_fills)] == short.fast_fills
    return short


_RULES: dict[str, object] = {
    "policy.fast": 3,
    "policy.slow": 8,
    "policy.long_only": False,
    # longer than the run: it is analysed in one go, so that a peek would reach as far as it can
    "ledger.segment_ticks": 4096,
    "risk.care.stale_after_s": 7200.0,
}


@settings(max_examples=settings().max_examples // 4)
@given(
    seed=st.integers(0, 500),
    n=st.integers(1, 3),
    known=st.integers(SAMPLE_BARS, _BARS - 1),
    poison=st.sampled_from(["missing", "mirrored", "enormous", "tiny"]),
    policy=st.sampled_from(["ema_cross", "hybrid"]),
    order_type=st.sampled_from(["market", "limit"]),
)
def test_future_bars_change_nothing_before_them(
    seed: int, n: int, known: int, poison: str, policy: str, order_type: str
) -> None:
    config = override(
        Config(),
        {
            **_RULES,
            "policy.name": policy,
            "execution.order_type": order_type,
            "policy.entry_threshold": 0.1,
            "policy.exit_threshold": 0.05,
        },
    )
    _unchanged(config, _market(seed, n), known, poison)


@pytest.mark.data
@pytest.mark.parametrize("poison", ["missing", "mirrored", "enormous"])
def test_future_of_recorded_bars_changes_nothing_on_default_rules(
    market_data: Path, poison: str
) -> None:
    folder = market_data / "crypto" / "ohlcv" / "binance_usdm"
    block = read_source(
        [str(folder / f"{coin}-USDT-PERP_1h.parquet") for coin in ("BTC", "ETH", "SOL")],
        parse_instant("2024-01-01"),
        parse_instant("2024-06-01"),
        repair=False,
        timeframe=None,
        funding=None,
    ).block
    for known in (400, 1999, len(block) - 1):
        before = _unchanged(Config(), block, known, poison)
        assert known == 400 or {"decision", "order", "fill"} <= {row.kind for row in before.rows}


@pytest.mark.data
def test_future_rows_of_a_file_change_nothing_that_is_read_before_them(
    market_data: Path, tmp_path: Path
) -> None:
    name = "ETH-USDT-PERP_1h.parquet"
    frame = pl.read_parquet(market_data / "crypto" / "ohlcv" / "binance_usdm" / name).head(4000)
    known = 3000
    sides = ["open", "high", "low", "close"]
    absurd = frame.tail(1000).with_columns(pl.col(sides) * 1000 + 0.00001, pl.col("volume") * 1e6)
    found = []
    for folder, rows in (("clean", frame), ("absurd", pl.concat([frame.head(known), absurd]))):
        path = tmp_path / folder / "binance_usdm" / name
        path.parent.mkdir(parents=True)
        rows.write_parquet(path)
        source = read_source([str(path)], None, None, repair=False, timeframe=None, funding=None)
        found.append(_Run(Config(), source.block))
        assert source.block.close.shape == (4000, 1)
    clean, dirty = found
    np.testing.assert_array_equal(clean.equity[:known], dirty.equity[:known])
    assert not np.array_equal(clean.equity, dirty.equity)
