"""Measured costs come from a file into the configuration, and from there into the model."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tutti.app.build import plan_of
from tutti.app.config import config_hash, load_config, parse_config, resolved
from tutti.app.costs_file import read_costs, write_costs
from tutti.app.settings import Config
from tutti.kernel.clock import HOUR
from tutti.model.errors import ConfigError
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind

if TYPE_CHECKING:
    from pathlib import Path

COSTS: dict[str, Any] = {
    "kind": "tutti-costs",
    "version": 1,
    "id": "costs-0123456789ab",
    "venues": {
        "BINANCE": {"impact_coefficient": 0.75},
        "KRAKEN": {"impact_coefficient": 1.5},
    },
    "instruments": {
        "BTC-USDT.BINANCE": {"half_spread_bps": 0.125},
        "BTC-USD.KRAKEN": {"half_spread_bps": 2.0},
    },
    "evidence": {"recordings": []},
}


@pytest.fixture
def costs(tmp_path: Path) -> Path:
    return write_costs(tmp_path / "new" / "costs.yaml", COSTS, "tutti costs calibrate")


def config(tmp_path: Path, costs: Path, more: str = "") -> Config:
    path = tmp_path / "tutti.yaml"
    path.write_text(f"costs: {costs}\n{more}")
    return load_config(path)


def test_costs_file_reads_back_as_written(costs: Path) -> None:
    assert read_costs(costs) == COSTS
    assert f"costs: {costs}" in costs.read_text()


def test_measured_values_are_used_the_most_specific_first(tmp_path: Path, costs: Path) -> None:
    found = config(
        tmp_path, costs, "venues: {default: {impact_coefficient: 9, participation: 0.3}}"
    )
    assert found.half_spread_bps("BTC-USDT.BINANCE") == 0.125
    # what was not measured is as assumed: spreads at one venue differ a thousandfold
    assert found.half_spread_bps("ETH-USDT.BINANCE") == Config().venue("X").half_spread_bps
    assert found.venue("BINANCE").impact_coefficient == 0.75
    assert found.venue("BYBIT").impact_coefficient == 9.0
    assert found.venue("BINANCE").participation == 0.3
    assert found.costs.id == COSTS["id"]


def test_own_setting_of_a_venue_comes_before_what_was_measured(tmp_path: Path, costs: Path) -> None:
    found = config(tmp_path, costs, "venues: {BINANCE: {impact_coefficient: 3}}")
    assert found.venue("BINANCE").impact_coefficient == 3.0
    assert found.venue("KRAKEN").impact_coefficient == 1.5


def test_resolved_configuration_needs_the_file_no_more(tmp_path: Path, costs: Path) -> None:
    found = config(tmp_path, costs, "venues: {BINANCE: {participation: 0.2}}")
    costs.unlink()
    again = Config.model_validate(resolved(found))
    assert config_hash(again) == config_hash(found) != config_hash(Config())
    assert again.half_spread_bps("BTC-USDT.BINANCE") == 0.125
    assert again.venue("BINANCE") == found.venue("BINANCE")


def test_measured_costs_reach_the_cost_model_of_a_run(tmp_path: Path, costs: Path) -> None:
    names = ("BTC-USDT.BINANCE", "ETH-USDT.BINANCE", "BTC-USD.KRAKEN")
    instruments = [
        Instrument(
            id=InstrumentId.parse(name),
            kind=InstrumentKind.SPOT,
            price_step=Decimal("0.01"),
            quantity_step=Decimal("0.001"),
        )
        for name in names
    ]
    plan = plan_of(config(tmp_path, costs), instruments, HOUR)
    for venue, coefficient in (("BINANCE", 0.75), ("KRAKEN", 1.5)):
        assert plan.venue_costs[venue].half_spread_bps.tolist() == [0.125, 1.0, 2.0]
        assert plan.venue_costs[venue].impact_coefficient == coefficient


def test_costs_written_out_in_a_configuration_need_no_file() -> None:
    found = parse_config("costs: {instruments: {BTC-USD.KRAKEN: {half_spread_bps: 4}}}")
    assert found.half_spread_bps("BTC-USD.KRAKEN") == 4.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"tutti.yaml:1: costs: .*costs.yaml: no such file; make one with"),
        ("seed: 7", "not a costs file"),
        ("kind: tutti-costs\nversion: 2", "form 2 of costs file, and this Tutti reads 1"),
        ("kind: [", "not valid YAML"),
        (
            "kind: tutti-costs\nversion: 1\ninstruments: {A.X: {half_spread_bps: -1}}",
            r"tutti.yaml:1: costs.instruments.A.X.half_spread_bps must be between 0 and 1000, was -1",
        ),
    ],
    ids=["absent", "another file", "newer form", "no YAML", "impossible value"],
)
def test_costs_file_that_can_not_be_used_is_refused_with_its_line(
    tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "costs.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        config(tmp_path, path)


def test_costs_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "costs.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="can't be read"):
        read_costs(path)
