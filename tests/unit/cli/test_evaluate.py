"""`tutti evaluate`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.kernel.clock import HOUR, iso

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tutti

_START = 1_704_067_200_000_000_000
_PANEL = """\
agents: [{name: momentum_hunter}, {name: mean_reversion}]
policy: {entry_threshold: 0.2, exit_threshold: 0.1}
"""


@pytest.fixture(scope="module")
def long_bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of 40 days of hours of a random walk."""
    path = tmp_path_factory.mktemp("data") / "WALK-USDT-PERP_1h.csv"
    rng = np.random.default_rng(5)
    close = np.round(100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, 960))), 2)
    last, rows = 100.0, ["ts,open,high,low,close,volume"]
    for t, price in enumerate(close.tolist()):
        high, low = max(last, price) + 0.1, min(last, price) - 0.1
        rows.append(f"{iso(_START + t * HOUR)},{last},{high:.2f},{low:.2f},{price},1000")
        last = price
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    path = tmp_path / "panel.yaml"
    path.write_text(_PANEL)
    return path


def test_evaluate_as_json_holds_runs_comparisons_and_where_they_lie(
    tutti: Tutti, long_bars: Path, panel: Path, tmp_path: Path
) -> None:
    answer = tutti(
        "evaluate", "--without", "mean_reversion", "--config", panel, "--bars", long_bars,
        "--samples", "100", "--register", tmp_path / "trials.sqlite", "--out", tmp_path / "out",
        "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    first, second = document["runs"]
    assert (first["name"], second["name"]) == ("configured", "without mean_reversion")
    assert second["agents"] == ["momentum_hunter"]
    # each run is a trial
    assert second["honest"]["n_trials"] == 2
    assert tutti("report", second["run"], "--json").code == 0
    assert json.loads((tmp_path / "out" / "evaluate.json").read_text()) == document
    assert "With and without" in (tmp_path / "out" / "evaluate.html").read_text()


def test_evaluate_tells_people_what_is_more_than_chance(
    tutti: Tutti, long_bars: Path, panel: Path, tmp_path: Path
) -> None:
    answer = tutti(
        "evaluate", "--with", "vpin", "--config", panel, "--bars", long_bars, "--samples", "100",
        "--tier", "fast", "--out", tmp_path / "out",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "signals with vpin" in answer.out
    assert "went down" in answer.out
    assert "p = " in answer.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--without is missing"),
        (("--without", "nobody"), "no agent of that name"),
        (("--without", "vpin"), "--bars is missing"),
    ],
)
def test_evaluate_refuses_what_it_can_not_answer(
    tutti: Tutti, arguments: tuple[str, ...], message: str
) -> None:
    answer = tutti("evaluate", *arguments)
    assert answer.code == 2
    assert message in answer.err
