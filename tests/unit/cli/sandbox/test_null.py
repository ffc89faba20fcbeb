"""`tutti sandbox null` as a person calls it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tutti


def test_null_as_json_has_the_rate_its_interval_and_the_power(tutti: Tutti) -> None:
    answer = tutti(
        "sandbox", "null", "--strategy", "ema_cross", "--seeds", "4", "--ticks", "600",
        "--instruments", "2", "--power", "--years", "0.1", "--planted-sharpe", "30", "--workers",
        "1", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert 0.0 <= document["false_positive_rate"] <= 1.0
    assert len(document["interval"]) == 2
    assert document["n_seeds"] == 12
    assert document["power"]["found"] == 1.0
    assert document["power"]["planted_sharpe"] == 30.0


def test_null_of_recorded_bars_tells_people_what_they_prove(
    tutti: Tutti, bars: Path, config: Path
) -> None:
    answer = tutti(
        "sandbox", "null", "--config", config, "--bars", bars, "--seeds", "3", "--world",
        "random_walk", "--workers", "1", "--power", "--years", "0.1",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "ema_cross as configured on 1 instruments and 400 bars" in answer.out
    assert "against its own null" in answer.out
    assert "a planted edge of true Sharpe 1.5 over 0.1 years was found in" in answer.out


def test_null_of_an_unknown_strategy_is_refused(tutti: Tutti) -> None:
    answer = tutti("sandbox", "null", "--strategy", "luck", "--json")
    assert answer.code == 2
    assert "no strategy is called 'luck'" in json.loads(answer.err)["error"]


def test_null_of_a_strategy_that_holds_nothing_says_so(tutti: Tutti, tmp_path: Path) -> None:
    path = tmp_path / "still.yaml"
    path.write_text("policy: {name: ema_cross, slow: 5000}\n")
    answer = tutti(
        "sandbox", "null", "--config", path, "--seeds", "2", "--ticks", "500", "--workers", "1"
    )
    assert answer.code == 0, answer.err
    assert "held too little for a verdict" in answer.out
