"""Both tiers agree under scenarios too, on recorded bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.app.backtest import read_source
from tutti.app.config import Config, override
from tutti.app.studies.attribute import attribute_run
from tutti.app.studies.stress import run_stress
from tutti.kernel.clock import parse_instant
from tutti.sandbox.scenarios.catalogue import SCENARIOS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.data

_BOLD: dict[str, object] = {
    "agents": (),
    "policy.name": "ema_cross",
    "policy.fast": 5,
    "policy.slow": 20,
    "policy.long_only": False,
    "policy.sizing.method": "fixed_fraction",
    "policy.sizing.fraction": 0.5,
    "risk.max_instrument_fraction": 0.6,
    "risk.max_gross_fraction": 2.0,
}


def test_tiers_under_every_scenario_agree_and_its_profit_is_attributed_to_the_last_digit(
    market_data: Path, tmp_path: Path
) -> None:
    folder = market_data / "crypto" / "ohlcv" / "binance_usdm"
    source = read_source(
        [str(folder / f"{coin}-USDT-PERP_1h.parquet") for coin in ("BTC", "ETH", "SOL")],
        parse_instant("2024-03-01"), parse_instant("2024-04-15"),
        repair=False, timeframe=None, funding=None,
    )  # fmt: skip
    config = override(Config(), _BOLD)
    study = run_stress(
        config, source, list(SCENARIOS.values()), tmp_path, lambda *_: None, both_tiers=True
    )
    assert not study.skipped
    compared = [each for each in study.stressed if each.parity is not None]
    assert len(compared) == len(SCENARIOS) - 1
    for each in compared:
        assert each.parity is not None
        assert each.parity["fills_equal"], each.scenario.name
        assert each.parity["n_fills_event"] > 50
        assert each.parity["max_rel_equity_diff"] < 1e-9
    for name in SCENARIOS:
        found = attribute_run(tmp_path / name)
        assert found.residual == 0
        assert found.recorded_equity == pytest.approx(float(found.end_equity), abs=1e-8)
