"""What a backtest says of its costs, its size and the markets that it was in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.app.backtest import run_backtest
from tutti.app.config import parse_config
from tutti.kernel.clock import HOUR, iso, parse_instant

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.sandbox.result import BacktestResult

_START = parse_instant("2024-01-01")


def _backtest(
    folder: Path, *, extra: str = "", n: int = 60 * 24, slow: int = 40, gap: float = 0.0
) -> BacktestResult:
    path = folder / "WALK-USDT_1h.csv"
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.0003, 0.01, n)))
    rows = ["ts,open,high,low,close,volume"]
    last = 100.0
    for t, price in enumerate(close.tolist()):
        opened = last * (1.0 + gap * (-1) ** t)
        high, low = 1.002 * max(opened, price), 0.998 * min(opened, price)
        rows.append(f"{iso(_START + t * HOUR)},{opened},{high},{low},{price},100")
        last = price
    path.write_text("\n".join(rows) + "\n")
    config = parse_config(
        f"policy: {{name: ema_cross, fast: 10, slow: {slow}}}\nagents: []\n{extra}"
        "risk: {care: {take_profit: 0, stop_loss: 0, stale_after_s: 0}}\n"
    )
    return run_backtest(config, [str(path)], None, None, "fast", folder / "out", lambda *_: None)


def test_robustness_of_a_run_adds_up(tmp_path: Path) -> None:
    result = _backtest(tmp_path)
    told = result.studies["robustness"]
    json.dumps(told, allow_nan=False)
    costs = told["costs"]
    gained = result.final_equity / result.starting_balance - 1.0
    for kind in ("fees", "slippage", "both"):
        assert costs["total_return_at"]["1"][kind] == pytest.approx(gained)
    without = costs["total_return_at"]["0"]
    assert without["fees"] == pytest.approx(gained + costs["fees"] / result.starting_balance)
    assert costs["fees"] == pytest.approx(result.metrics["fees"])
    assert costs["traded"] == pytest.approx(
        sum(float(fill.quantity * fill.price) for fill in result.fills), rel=1e-6
    )
    assert sum(part["days"] for part in told["parts"]) == 60
    assert [part["name"] for part in told["parts"]][:2] == ["2024-01-01", "2024-01-16"]
    assert sum(each["days"] for each in told["regimes"]) == 51  # the first nine have no state


def test_slippage_is_what_was_paid_beyond_the_open_not_what_the_market_moved_until_then(
    tmp_path: Path,
) -> None:
    calm = _backtest(tmp_path).studies["robustness"]["costs"]
    gaps = _backtest(tmp_path, gap=0.02).studies["robustness"]["costs"]
    # half a spread of 1 bps, impact and rounding, though bars open 200 bps from the last close
    for costs in (calm, gaps):
        assert 1.0 < 1e4 * costs["slippage"] / costs["traded"] < 20.0


def test_impact_is_what_the_fills_paid_more(tmp_path: Path) -> None:
    with_impact = _backtest(tmp_path, extra="venues: {default: {impact_coefficient: 1.0}}\n")
    capacity = with_impact.studies["robustness"]["capacity"]
    free = _backtest(tmp_path, extra="venues: {default: {impact_coefficient: 0.0}}\n")
    assert free.studies["robustness"]["capacity"]["impact_cost"] == 0.0
    # the same decisions, in sizes that hardly differ
    paid = free.final_equity - with_impact.final_equity
    assert capacity["impact_cost"] == pytest.approx(paid, rel=0.1)
    assert 0.0 < capacity["usual_share"] <= capacity["largest_share"] < 1.0
    free_room = free.studies["robustness"]["capacity"]
    if free.final_equity > free.starting_balance:
        # without impact, only what a bar lets through: the configured tenth of its volume
        room = free.starting_balance * 0.1 / free_room["usual_share"]
        assert free_room["most_profit"] == pytest.approx(room)
        assert (free_room["break_even"], free_room["bound_by"]) == (None, "volume")


def test_robustness_of_a_run_that_never_traded_is_empty(tmp_path: Path) -> None:
    told = _backtest(tmp_path, slow=5000, n=48).studies["robustness"]
    assert told["capacity"]["most_profit"] is None
    assert told["costs"]["break_even_bps"] is None
    assert told["regimes"] == []
    assert told["share_of_regimes_won"] is None
    assert told["share_of_parts_won"] == 0.0
