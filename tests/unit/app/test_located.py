"""What is wrong with a setting only beside the data: file, line and key all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.app.backtest import terms_overrides
from tutti.app.build import analysis_of, plan_of
from tutti.app.config import load_config, located
from tutti.kernel.clock import HOUR
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from pathlib import Path


def start(path: Path) -> None:
    ones = np.ones((3, 1))
    block = MarketBlock(
        instruments=(InstrumentId("BTC-USDT", "KRAKEN"),),
        ts=np.arange(3, dtype=np.int64) * HOUR,
        step=HOUR,
        open=ones, high=ones, low=ones, close=ones, volume=ones, funding=0 * ones,
    )  # fmt: skip
    config = load_config(path)
    with located(path):
        universe = Universe.of_block(block, terms_overrides(config, block.instruments))
        plan_of(config, universe.instruments, block.step)
        analysis_of(config, universe.instruments)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed: 1\nagents:\n  - name: nope", ":3: agents[0].name: tutti.agents has no 'nope'"),
        (
            "agents:\n  - {name: vpin, enabled: false}\n  - name: momentum_hunter\n"
            "    params: {bye: 1}",
            ":4: agents[1].params of momentum_hunter: unknown parameters ['bye']; there are",
        ),
        (
            "agents:\n  - name: vpin\n    instruments: [X.Y]",
            ":3: agents[0].instruments names X.Y, which this run does not trade; there are",
        ),
        ("policy:\n  name: nope", ":2: policy.name: tutti.policies has no 'nope'; there are"),
        ("policy:\n  params: {a: 1}", ":2: policy.params: hybrid has none"),
        ("policy:\n  pairs: [[A.B, C.D]]", ":2: policy.pairs names A.B, which this run does not"),
        (
            "conductor: {scope: reference,\n  reference: X.Y}",
            ":2: conductor.reference names X.Y, which this run does not trade",
        ),
        (
            "instruments:\n  X.Y: {min_notional: 5}",
            ":2: instruments.X.Y: no such instrument in the data; there are BTC-USDT.KRAKEN",
        ),
        (
            "instruments:\n  BTC-USDT.KRAKEN:\n    max_leverage: 5",
            ":3: instruments.BTC-USDT.KRAKEN.max_leverage: spot is bought with money at hand",
        ),
        (
            "venues:\n  KRAKEM:\n    taker_fee: 0.001",
            ":2: venues.KRAKEM: this run trades nothing there; there are KRAKEN, and default",
        ),
        (
            "venues:\n  default:\n    starting_balance: 0",
            ":1: venues.KRAKEN.starting_balance and all others are 0: there is nothing to trade",
        ),
    ],
)
def test_setting_that_does_not_fit_the_data_is_named_with_its_line(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        start(path)
    assert str(caught.value).startswith(f"{path}{says}")


def test_setting_that_is_not_in_the_file_is_named_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("seed: 1")
    with pytest.raises(ConfigError, match=r"my\.yaml: policy\.name: no"), located(path):
        raise ConfigError("policy.name: no")


def test_file_that_is_gone_by_then_is_still_named(tmp_path: Path) -> None:
    path = tmp_path / "gone.yaml"
    with pytest.raises(ConfigError, match=r"gone\.yaml: policy\.name: no"), located(path):
        raise ConfigError("policy.name: no")


@pytest.mark.parametrize("message", ["data.csv: no such file", "no bars", "", "seedling.csv: no"])
def test_complaint_about_something_else_stays_as_it_is(tmp_path: Path, message: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("seed: 1")
    with pytest.raises(ConfigError) as caught, located(path):
        raise ConfigError(message)
    assert str(caught.value) == message


def test_defaults_have_no_file_to_name() -> None:
    with pytest.raises(ConfigError, match=r"^policy\.name: no$"), located(None):
        raise ConfigError("policy.name: no")
