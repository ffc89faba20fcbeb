"""`tutti sandbox ab`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.kernel.clock import HOUR, iso

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Tutti

_START = 1_704_067_200_000_000_000


@pytest.fixture(scope="session")
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
def slower(tmp_path: Path, config: Path) -> Path:
    """Return the configuration with slower means."""
    path = tmp_path / "slower.yaml"
    path.write_text(config.read_text().replace("fast: 5, slow: 20", "fast: 20, slow: 60"))
    return path


def test_ab_as_json_holds_both_runs_and_the_tests(
    tutti: Tutti, long_bars: Path, config: Path, slower: Path, tmp_path: Path
) -> None:
    answer = tutti(
        "sandbox", "ab", "--a", config, "--b", slower, "--bars", long_bars, "--samples", "200",
        "--out", tmp_path / "out", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert (document["a"]["name"], document["b"]["name"]) == ("tutti", "slower")
    assert {"value", "low", "high", "p_value"} == set(document["difference"]["mean"])
    assert {"spa", "reality_check"} <= set(document["superiority"])
    assert document["a"]["honest"]["n_trials"] >= 1
    assert tutti("report", document["b"]["run"], "--json").code == 0


def test_ab_tells_people_what_is_better_or_that_nothing_tells(
    tutti: Tutti, long_bars: Path, config: Path, slower: Path
) -> None:
    answer = tutti(
        "sandbox", "ab", "--a", config, "--b", slower, "--bars", long_bars, "--samples", "100"
    )
    assert answer.code == 0, answer.err
    assert "slower less tutti, over 40 days" in answer.out
    assert any(words in answer.out for words in ("nothing tells", "is better", "is worse"))
    assert "superior predictive ability" in answer.out
    (page,) = Path("runs").glob("ab-*/ab.html")
    html = page.read_text()
    assert "Equity of each configuration" in html
    assert "slower less tutti: mean return a year" in html


@pytest.mark.parametrize(
    ("options", "said"),
    [((), "--a is missing"), (("--a",), "--b is missing"), (("--a", "--b"), "one file twice")],
)
def test_ab_without_two_configurations_is_a_line_and_code_2(
    tutti: Tutti, config: Path, options: tuple[str, ...], said: str
) -> None:
    answer = tutti("sandbox", "ab", *(each for name in options for each in (name, config)))
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
