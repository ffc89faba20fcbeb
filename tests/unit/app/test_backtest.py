"""What a backtest leaves is enough for somebody else to check it, and to run it again."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tutti.app.backtest import read_source, run_backtest
from tutti.app.config import parse_config
from tutti.app.replay import replay_run
from tutti.kernel.clock import HOUR, iso
from tutti.model.errors import ConfigError
from tutti.sandbox.result import write_result
from tutti.sandbox.saved import load_result

START = 1_704_067_200_000_000_000
CROSS = """
policy: {name: ema_cross, fast: 3, slow: 8}
risk: {care: {take_profit: 0, stop_loss: 0, stale_after_s: 0}}
agents: []
"""


def progress(done: int, total: int, what: str) -> None:
    assert done <= total, what


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    path = tmp_path / "WALK-USDT-PERP_1h.csv"
    rng = np.random.default_rng(5)
    close = np.round(100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, 200))), 2).tolist()
    rows = ["ts,open,high,low,close,volume"]
    for t, (last, price) in enumerate(zip([100.0, *close], close, strict=False)):
        high, low = max(last, price), min(last, price)
        rows.append(f"{iso(START + t * HOUR)},{last},{high},{low},{price},1000")
    path.write_text("\n".join(rows) + "\n")
    return path


def backtested(bars: Path, settings: str) -> tuple[Path, dict[str, Any]]:
    out = bars.parent / "out"
    result = run_backtest(
        parse_config(CROSS + settings), [str(bars)], None, None, "event", out, progress
    )
    write_result(result, out)
    return out, json.loads((out / "run.json").read_text())


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "venues: {default: {half_spread_bps: 2}}",
        "venues: {LOCAL: {taker_fee: 0.0003, latency_ms: 5}}",
        "instruments: {WALK-USDT-PERP.LOCAL: {taker_fee: 0.002, price_step: 0.05}}",
    ],
)
def test_run_tells_the_terms_that_its_fills_were_made_on(bars: Path, settings: str) -> None:
    out, run = backtested(bars, settings)
    terms = run["terms"]["instruments"]["WALK-USDT-PERP.LOCAL"]
    with (out / "fills.csv").open() as file:
        fills = list(csv.DictReader(file))
    assert fills
    for fill in fills:
        price, quantity = Decimal(fill["price"]), Decimal(fill["quantity"])
        assert Decimal(fill["fee"]) == price * quantity * Decimal(terms["taker_fee"])
        assert price % Decimal(terms["price_step"]) == 0
        assert quantity % Decimal(terms["quantity_step"]) == 0
    venue = run["terms"]["venues"]["LOCAL"]
    assert venue["starting_balance"] == "10000"
    assert venue["half_spread_bps"] == (2 if "half_spread" in settings else 1)
    assert load_result(out).terms == run["terms"]


@pytest.mark.parametrize(
    "settings",
    [
        "venues: {default: {half_spread_bps: 2}}",
        "venues: {default: {maker_fee: 0.0001}, LOCAL: {participation: 0.2}}",
        "instruments: {WALK-USDT-PERP.LOCAL: {min_notional: 7}}",
    ],
)
def test_configuration_as_resolved_replays_to_the_same_ledger(bars: Path, settings: str) -> None:
    out, _ = backtested(bars, settings)
    assert replay_run(out, progress).equal


@pytest.fixture
def funding(bars: Path) -> Path:
    path = bars.parent / "paid" / "WALK-USDT-PERP.csv"
    path.parent.mkdir()
    rows = [f"{iso(START + 8 * t * HOUR)},0.0001" for t in range(1, 25)]
    path.write_text("\n".join(["ts,rate", *rows]) + "\n")
    return path


def test_run_with_funding_from_any_folder_replays_to_the_same_ledger(
    bars: Path, funding: Path
) -> None:
    out = bars.parent / "out"
    result = run_backtest(
        parse_config(CROSS), [str(bars)], None, None, "event", out, progress,
        funding=[str(funding)],
    )  # fmt: skip
    write_result(result, out)
    assert result.funding != 0.0
    assert [source.kind for source in result.data_files] == ["bars", "funding"]
    assert replay_run(out, progress).equal


def test_perpetual_without_funding_is_reported(bars: Path, funding: Path) -> None:
    def read(*, paid: list[str]) -> tuple[str, ...]:
        return read_source(
            [str(bars)], None, None, repair=False, timeframe=None, funding=paid
        ).findings

    assert read(paid=[str(funding)]) == ()
    assert read(paid=[]) == (
        "no_funding: no funding rates of 1 perpetual (WALK-USDT-PERP.LOCAL): holding costs and "
        "earns nothing here; name files of rates with --funding",
    )


def test_funding_of_none_of_the_instruments_is_refused(bars: Path, funding: Path) -> None:
    other = funding.rename(funding.with_name("OTHER-USDT-PERP.csv"))
    with pytest.raises(ConfigError, match=r"holds the funding of OTHER-USDT-PERP\.LOCAL, and the"):
        run_backtest(
            parse_config(CROSS), [str(bars)], None, None, "event", bars.parent / "out", progress,
            funding=[str(other)],
        )  # fmt: skip


def test_replay_from_another_folder_says_where_to_go(
    bars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bars.parent)
    out, _ = backtested(Path(bars.name), "")
    assert replay_run(out, progress).equal
    elsewhere = bars.parent / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with pytest.raises(ConfigError, match="no such file from this folder; put it back, or replay"):
        replay_run(bars.parent / "out", progress)
