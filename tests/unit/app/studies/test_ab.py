"""Configurations against each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tutti.app.backtest import Source
from tutti.app.config import Config, override
from tutti.app.studies.ab import named, run_ab
from tutti.kernel.clock import HOUR
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket

if TYPE_CHECKING:
    from collections.abc import Sequence

_START = 1_704_067_200_000_000_000


@pytest.fixture(scope="module")
def long_source() -> Source:
    """Return 40 days of one perpetual."""
    market = SimulatedMarket(
        [MarketSpec(instrument=InstrumentId("A-USDT-PERP", "X"), volatility=1.0)],
        seed=2, step=HOUR, start=_START,
    )  # fmt: skip
    return Source(block=market.next_block(40 * 24), files=(), findings=())


def _quiet(done: int, total: int, what: str) -> None:
    """Take no notice."""


def test_alternatives_are_held_against_the_first_on_the_same_days(
    config: Config, long_source: Source, tmp_path: Path
) -> None:
    costly = override(config, {"venues.default.taker_fee": 0.01})
    slower = override(config, {"policy.fast": 10, "policy.slow": 40})
    study = run_ab(
        {"a": config, "costly": costly, "slower": slower}, long_source, tmp_path, _quiet,
        seed=7, n_samples=200,
    )  # fmt: skip
    plain = study.to_dict()
    assert plain["a"]["name"] == "a"
    assert plain["b"]["name"] == "costly"
    assert [each["name"] for each in plain["alternatives"]] == ["costly", "slower"]
    difference = plain["difference"]
    assert difference["mean"]["value"] < 0.0
    assert difference["mean"]["p_value"] < 0.05
    assert difference["n_returns"] >= 39
    assert difference["components"]["cost"] < 0.0
    assert difference["final_equity"] == pytest.approx(
        sum(difference["components"].values()), abs=1e-9
    )
    assert "costly" not in plain["superiority"]["superior"]
    assert 0.0 <= plain["superiority"]["spa"] <= 1.0
    assert (tmp_path / "slower" / "run.json").is_file()


def test_same_configuration_twice_differs_by_nothing(
    config: Config, long_source: Source, tmp_path: Path
) -> None:
    study = run_ab(
        {"a": config, "b": config}, long_source, tmp_path, _quiet, seed=7, n_samples=100,
        mean_block=3.0,
    )  # fmt: skip
    difference = study.to_dict()["difference"]
    assert difference["final_equity"] == 0.0
    assert difference["mean"]["p_value"] == 1.0
    assert difference["mean_block"] == 3.0
    assert study.best.superior == ()


def test_too_few_days_are_refused_before_anything_runs(
    config: Config, source: Source, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="at least 30 days, and the bars have 17"):
        run_ab({"a": config, "b": config}, source, tmp_path / "out", _quiet, seed=7)
    assert not (tmp_path / "out").exists()


def test_folder_that_holds_something_is_refused(
    config: Config, long_source: Source, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(ConfigError, match="not empty"):
        run_ab({"a": config, "b": config}, long_source, tmp_path, _quiet, seed=7)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("a.yaml", "b.yaml"), ["a", "b"]),
        (("x/tutti.yaml", "y/tutti.yaml"), ["x-tutti-0", "y-tutti-1"]),
    ],
)
def test_names_are_those_of_the_files(paths: Sequence[str], names: list[str]) -> None:
    assert named([Path(path) for path in paths]) == names


def test_one_file_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="one file twice"):
        named([Path("a.yaml"), Path("x/../a.yaml")])
