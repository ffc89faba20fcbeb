"""`tutti sandbox montecarlo` as a person calls it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tutti


@pytest.mark.parametrize("method", ["bootstrap", "trades", "garch", "noise"])
def test_montecarlo_as_json_has_distributions_and_writes_a_page(
    tutti: Tutti, bars: Path, config: Path, tmp_path: Path, method: str
) -> None:
    answer = tutti(
        "sandbox", "montecarlo", "--bars", bars, "--config", config, "--paths", "8",
        "--method", method, "--block", "20", "--seed", "3", "--workers", "1",
        "--out", tmp_path / "out", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert (document["method"], document["n_paths"], document["seed"]) == (method, 8, 3)
    assert set(document["figures"]["total_return"]["quantiles"]) >= {"0.05", "0.5", "0.95"}
    assert 0.0 <= document["probability_of_loss"]["low"] <= 1.0
    assert "<svg" in (tmp_path / "out" / "montecarlo.html").read_text()


def test_montecarlo_tells_people_how_it_decided(tutti: Tutti, bars: Path, config: Path) -> None:
    answer = tutti(
        "sandbox", "montecarlo", "--bars", bars, "--config", config, "--paths", "3",
        "--workers", "1", "--signals", "resampled",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "signals of the recorded bars travelled with them" in " ".join(answer.out.split())
    assert "lose money" in answer.out
    assert "wrote runs/montecarlo-" in answer.out
    assert "paths: 100 %" in answer.err


def test_montecarlo_of_impossible_options_is_refused(
    tutti: Tutti, bars: Path, config: Path
) -> None:
    answer = tutti(
        "sandbox", "montecarlo", "--bars", bars, "--config", config, "--ruin-at", "2", "--json"
    )
    assert answer.code == 2
    assert "--ruin-at must lie between 0 and 1" in json.loads(answer.err)["error"]
