"""`tutti sandbox lookahead` as a person calls it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tutti


def test_lookahead_as_json_says_that_nothing_does(tutti: Tutti, bars: Path, config: Path) -> None:
    answer = tutti("sandbox", "lookahead", "--bars", bars, "--config", config, "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["looks_ahead"] is False
    assert document["n_poisoned"] == 12
    assert [lag["bars"] for lag in document["lags"]] == [-1, 0, 1, 2, 5]


def test_lookahead_tells_people_what_lateness_costs(tutti: Tutti) -> None:
    answer = tutti(
        "sandbox", "lookahead", "--strategy", "ema_cross", "--simulated", "400", "--cuts", "1"
    )
    assert answer.code == 0, answer.err
    assert "ema_cross knows no more than it may" in answer.out
    assert "1 bar before they are known" in answer.out
    assert "5 bars late" in answer.out
