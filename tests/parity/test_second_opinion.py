"""NautilusTrader replays what we recorded: every fill is the same, and so is the equity."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tutti.adapters.second_opinion.comparison import Cause, compare
from tutti.adapters.second_opinion.process import replay_on_nautilus
from tutti.app.backtest import read_source, run_source, terms_overrides
from tutti.app.build import plan_of
from tutti.app.config import Config, override
from tutti.app.second_opinion import request_of
from tutti.kernel.clock import HOUR, parse_instant
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from tutti.sandbox.result import BacktestResult

pytestmark = [pytest.mark.data, pytest.mark.timeout(300)]
pytest.importorskip("nautilus_trader", reason="NautilusTrader is not installed")

_CROSS: dict[str, object] = {
    "policy.name": "ema_cross",
    "policy.fast": 12,
    "policy.slow": 26,
}
_LIMITS: dict[str, object] = {
    "execution.order_type": "limit",
    "execution.limit_offset_bps": 5,
    "execution.time_in_force_bars": 3,
}
_LEVERED: dict[str, object] = {
    "policy.long_only": False,
    "policy.sizing.method": "fixed_fraction",
    "policy.sizing.fraction": 20,
    "policy.sizing.max_fraction": 30,
    "risk.max_instrument_fraction": 30,
    "risk.max_gross_fraction": 30,
    "risk.max_venue_fraction": 30,
    "risk.max_notional_multiple": None,
    "risk.max_drawdown": 1,
    "risk.max_daily_loss": None,
    "risk.max_agent_daily_loss": None,
    "risk.max_consecutive_errors": 1000,
    "risk.care.liquidation_margin": 0,
    "risk.care.stop_loss": 0,
}


def _result(
    market_data: Path, out: Path, files: str, dates: tuple[str, str], changes: dict[str, object]
) -> BacktestResult:
    folder, _, names = files.partition("/")
    symbols, _, timeframe = names.rpartition("_")
    paths = [
        str(market_data / "crypto/ohlcv" / folder / f"{symbol}_{timeframe}.parquet")
        for symbol in symbols.split(",")
    ]
    start, end = map(parse_instant, dates)
    source = read_source(paths, start, end, repair=False, timeframe=None, funding=None)
    config = override(Config(), _CROSS | changes)
    return run_source(config, source, "event", out, lambda *_: None, nautilus=Path(sys.executable))


@pytest.mark.parametrize(
    ("files", "dates", "changes"),
    [
        pytest.param(
            "binance_usdm/BTC-USDT-PERP,ETH-USDT-PERP,SOL-USDT-PERP,XRP-USDT-PERP,"
            "DOGE-USDT-PERP_1h",
            ("2024-01-01", "2025-01-01"), {}, id="five-perpetuals-a-year-of-hours",
        ),
        pytest.param(
            "hyperliquid/BTC-USDC-PERP,SOL-USDC-PERP,kPEPE-USDC-PERP_1h",
            ("2025-01-01", "2025-03-01"), _LIMITS | {"venues.default.latency_ms": 1500},
            id="limits-with-latency-and-funding",
        ),
        pytest.param(
            "kraken/BTC-USD,BTC-USDT,USDC-USD_1m", ("2023-03-08", "2023-03-12"),
            {"venues.default.participation": 0.002, "policy.sizing.base_notional": 1500,
             "risk.max_instrument_fraction": None}, id="spot-with-gaps-filled-in-parts",
        ),
    ],
)  # fmt: skip
def test_nautilus_comes_to_the_same_fills_and_equity(
    market_data: Path, tmp_path: Path, files: str, dates: tuple[str, str],
    changes: dict[str, object],
) -> None:  # fmt: skip
    result = _result(market_data, tmp_path, files, dates, changes)
    opinion = result.studies["second_opinion"]
    assert result.n_fills > 50
    assert opinion["fills_matched"] == opinion["fills_total"] == result.n_fills
    assert opinion["equity_diff_bps"] < 1e-4
    assert {each["cause"] for each in opinion["differences"]} <= {
        "fee",
        "funding",
        "money_rounding",
    }


def test_liquidation_is_given_to_nautilus_and_said_so(market_data: Path, tmp_path: Path) -> None:
    result = _result(
        market_data, tmp_path, "hyperliquid/BTC-USDC-PERP_1h", ("2024-09-01", "2025-01-01"),
        _LEVERED,
    )  # fmt: skip
    opinion = result.studies["second_opinion"]
    forced = [each for each in opinion["differences"] if each["cause"] == "forced_close"]
    assert forced[0]["count"] == 1
    assert opinion["fills_matched"] == opinion["fills_total"] == result.n_fills - 1
    assert opinion["equity_diff_bps"] < 1e-2


def test_order_that_is_split_over_venues_fills_alike(market_data: Path, tmp_path: Path) -> None:
    folder = market_data / "crypto/ohlcv"
    paths = [str(folder / venue / "BTC-USD_1m.parquet") for venue in ("kraken", "coinbase")]
    start, end = map(parse_instant, ("2023-03-05", "2023-03-07"))
    source = read_source(paths, start, end, repair=False, timeframe=None, funding=None)
    route = {"strategy": "equal_split", "instruments": ["BTC-USD.COINBASE"]}
    config = override(Config(), _CROSS | {"routes": {"BTC-USD.KRAKEN": route}})
    result = run_source(
        config, source, "event", tmp_path, lambda *_: None, nautilus=Path(sys.executable)
    )
    opinion = result.studies["second_opinion"]
    assert {fill.instrument for fill in result.fills} == {0, 1}
    assert opinion["fills_matched"] == opinion["fills_total"] == result.n_fills
    assert opinion["final_equity_diff_bps"] < 1e-4
    # parts at two venues are valued at one
    assert "valuation" in {each["cause"] for each in opinion["differences"]}
    assert opinion["equity_diff_bps"] < 1.0


def test_an_error_of_ours_would_show(market_data: Path, tmp_path: Path) -> None:
    # what a simulator that filled a bar early, or forgot a fill, would have recorded
    source = read_source(
        [str(market_data / "crypto/ohlcv/binance_usdm/BTC-USDT-PERP_1h.parquet")],
        parse_instant("2024-01-01"), parse_instant("2024-02-01"),
        repair=False, timeframe=None, funding=None,
    )  # fmt: skip
    config, block = override(Config(), _CROSS), source.block
    result = run_source(config, source, "event", tmp_path, lambda *_: None)
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    plan = plan_of(config, universe.instruments, block.step)
    request = request_of(plan, block, result, config.quote_currency)
    replay = replay_on_nautilus(request, Path(sys.executable))
    early, forgotten, *rest = replay.fills
    early = replace(early, row=early.row - 1)
    opinion = compare(request, [early, *rest], replay.equity, replay.funding, replay)
    assert {each.cause: each.count for each in opinion.differences} == {
        Cause.ONLY_HERE: 1,
        Cause.ONLY_THERE: 2,
        Cause.UNEXPLAINED: 0,  # the equity is not that of these fills
    }
    assert forgotten.order_id in "".join(
        example for each in opinion.differences for example in each.examples
    )
    assert not opinion.agrees
    assert block.step == HOUR
