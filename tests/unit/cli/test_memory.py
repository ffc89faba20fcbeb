"""`tutti memory`: what runs decided, kept with what came of it, and found again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from tests.unit.cli.conftest import told

from tutti.kernel.clock import DAY, HOUR, iso

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Tutti

_CONFIG = """\
policy: {name: ema_cross, fast: 5, slow: 20}
risk: {care: {take_profit: 0, stop_loss: 0, stale_after_s: 0}}
agents: [{name: momentum_hunter}]
memory: {horizon_s: 14400}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, bars: Path) -> Path:
    """Return the folder of a backtest with an agent, so that features are on record."""
    folder = tmp_path_factory.mktemp("memory")
    config = folder / "tutti.yaml"
    config.write_text(_CONFIG)
    answer = told("backtest", "--bars", bars, "--config", config, "--out", folder / "run", "--json")
    assert answer.code == 0, answer.err
    return folder / "run"


def _remembered(tutti: Tutti, run: Path, *more: str) -> dict[str, Any]:
    answer = tutti("memory", "remember", run, *more, "--json")
    assert answer.code == 0, answer.err
    found: dict[str, Any] = json.loads(answer.out)
    return found


def _searched(tutti: Tutti, *arguments: str) -> dict[str, Any]:
    answer = tutti("memory", "search", *arguments, "--json")
    assert answer.code == 0, answer.err
    found: dict[str, Any] = json.loads(answer.out)
    return found


def _instrument(run: Path) -> str:
    (name,) = json.loads((run / "run.json").read_text())["instruments"]
    return str(name)


def test_memory_of_a_run_holds_what_the_market_did_next(
    tutti: Tutti, run: Path, bars: Path
) -> None:
    done = _remembered(tutti, run)
    assert done["added"] == done["n"] > 10
    again = _remembered(tutti, run)
    assert again["n"] == done["n"]
    found = _searched(tutti, _instrument(run), "-k", "4")
    table = pl.read_csv(bars)
    closes = dict(zip(table["ts"].to_list(), table["close"].to_list(), strict=True))
    assert len(found["situations"]) == 4
    for each in found["situations"]:
        assert each["known_at"] == each["as_of"] + 4 * HOUR
        first = closes[iso(each["as_of"] - HOUR)]
        last = closes[iso(each["known_at"] - HOUR)]
        assert each["outcome"] == pytest.approx(math.log(last / first))


def test_memory_search_tells_nothing_that_was_known_later(tutti: Tutti, run: Path) -> None:
    _remembered(tutti, run, "--horizon", "1d")
    found = _searched(tutti, _instrument(run), "--at", "2024-01-10T12:00", "-k", "50")
    assert found["situations"]
    for each in found["situations"]:
        assert each["known_at"] == each["as_of"] + DAY
        assert each["known_at"] <= found["as_of"]


def test_memory_search_by_a_feature_finds_those_nearest_in_it(tutti: Tutti, run: Path) -> None:
    _remembered(tutti, run)
    found = _searched(tutti, _instrument(run), "--feature", "momentum_15=0.01", "-k", "3")
    off = [abs(each["features"]["momentum_15"] - 0.01) for each in found["situations"]]
    assert off == sorted(off)
    shown = tutti("memory", "search", _instrument(run), "-k", "3").out
    assert "rose;" in shown
    assert "in 4 h" in shown
    early = tutti(
        "memory", "search", _instrument(run), "--feature", "momentum_15=0", "--at", "2020-01-01"
    )
    assert "nothing had been seen by then" in early.out


def test_memory_search_without_an_answer_says_what_to_do(tutti: Tutti, run: Path) -> None:
    assert "fill it with tutti memory remember" in tutti("memory", "search", "A.B").err
    _remembered(tutti, run)
    for arguments, told_of in (
        (("A.B",), "there are"),
        (("nothing",), "must look like"),
        ((_instrument(run), "--feature", "rsi_14"), "NAME=VALUE"),
        ((_instrument(run), "--feature", "luck=3"), "no feature 'luck'"),
        ((_instrument(run), "--feature", "=3"), "NAME=VALUE"),
        ((_instrument(run), "--feature", "rsi_14=high"), "NAME=VALUE"),
        ((_instrument(run), "--at", "2020-01-01"), "nothing was seen"),
    ):
        answer = tutti("memory", "search", *arguments)
        assert answer.code == 2
        assert told_of in answer.err


def test_memory_of_a_run_whose_bars_are_gone_is_refused(tutti: Tutti, copied_run: Path) -> None:
    (copied_run / "run.json").unlink()
    answer = tutti("memory", "remember", copied_run)
    assert answer.code == 2
    assert "can't be had again" in answer.err
    assert not Path("memory.sqlite").exists()


def _why(tutti: Tutti, run: Path, *more: str) -> list[str]:
    last = pl.read_csv(run / "orders.csv")["order_id"].to_list()[-1]
    answer = tutti("why", last, "--run", run, "--json", *more)
    assert answer.code == 0, answer.err
    story = json.loads(answer.out)["story"]
    return [each["what"] for each in story if each["link"] == "before"]


def test_why_tells_of_situations_whose_outcome_was_known_at_the_decision(
    tutti: Tutti, run: Path
) -> None:
    _remembered(tutti, run)
    assert _why(tutti, run) == []  # the run itself kept none
    lines = _why(tutti, run, "--memory", "memory.sqlite")
    assert len(lines) == 3
    decided = pl.read_csv(run / "orders.csv")["ts"].to_list()[-1]
    assert all(line.split(": ")[0] < decided for line in lines)
    assert all(" then " in line for line in lines)


def test_why_tells_of_the_memory_that_the_run_is_configured_with(
    tutti: Tutti, run: Path, bars: Path
) -> None:
    _remembered(tutti, run)
    config = Path("remembering.yaml")
    config.write_text(_CONFIG.replace("{horizon_s", "{file: memory.sqlite, nearest: 2, horizon_s"))
    out = Path("again")
    answer = tutti("backtest", "--bars", bars, "--config", config, "--out", out)
    assert answer.code == 0, answer.err
    assert len(_why(tutti, out)) == 2
    Path("memory.sqlite").unlink()
    assert _why(tutti, out) == []


def test_why_refuses_a_memory_that_is_not_there(tutti: Tutti, run: Path) -> None:
    last = pl.read_csv(run / "orders.csv")["order_id"].to_list()[-1]
    answer = tutti("why", last, "--run", run, "--memory", "nothing.sqlite")
    assert answer.code == 2
    assert "nothing.sqlite: nothing is kept there" in answer.err
