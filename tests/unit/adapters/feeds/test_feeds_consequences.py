"""What findings mean for a backtest."""

from __future__ import annotations

from typing import Any

import pytest

from tutti.adapters.feeds.consequences import Weight, judge
from tutti.adapters.feeds.findings import Code, Finding, Severity

_DAY_S = 86_400.0
_MEASURES: dict[Code, dict[str, float]] = {
    Code.GAPS: {"share": 0.01, "longest_s": 3600.0},
    Code.FROZEN_PRICES: {"share": 0.02, "longest": 80.0},
    Code.DEAD_MARKET: {"share": 1.0, "price": 20100.0},
    Code.WICKS: {"farthest": 0.12},
    Code.PRICE_JUMP: {"before": 200.0, "after": 50.0},
    Code.VOLUME_UNIT: {"factor": 12_200.0, "before": 1.46e6, "after": 120.0},
    Code.TICK_CHANGE: {"step_before": 0.1, "step_after": 0.01},
    Code.MARKET_SWITCH: {"share": 0.19, "factor": 4.9},
    Code.DUPLICATE_FEED: {"share": 1.0, "factor": 1.0},
    Code.ALIAS: {"share": 1.0, "factor": 1.0},
    Code.DIFFERENT_MARKET: {"share": 0.99, "basis_bps": 3.93},
    Code.SILENCE: {"days": 9.0},
}


def _finding(code: Code, **measures: float) -> Finding:
    values: dict[str, Any] = _MEASURES.get(code, {}) | measures
    return Finding(
        severity=Severity.DOUBTFUL, code=code, file="bars.parquet", row=1, ts=0, count=3,
        message="something", measures=values,
    )  # fmt: skip


@pytest.mark.parametrize("code", Code)
def test_every_finding_has_a_consequence_and_a_remedy(code: Code) -> None:
    judgement = judge(_finding(code))
    assert judgement.consequence
    assert judgement.remedy
    assert "\n" not in judgement.consequence + judgement.remedy


@pytest.mark.parametrize(
    ("share", "longest_s", "weight"),
    [
        pytest.param(0.0001, 3600.0, Weight.NOTE, id="an hour in a year"),
        pytest.param(0.01, 3600.0, Weight.DISTORTS, id="hours"),
        pytest.param(0.4, 1200.0, Weight.DISTORTS, id="a market with few trades"),
        pytest.param(0.0001, 2 * _DAY_S, Weight.DISTORTS, id="two days"),
        pytest.param(0.06, 2 * _DAY_S, Weight.INVALIDATES, id="days, often"),
        pytest.param(0.0001, 8 * _DAY_S, Weight.INVALIDATES, id="more than a week"),
    ],
)
def test_gap_weighs_by_how_much_is_missing_at_once(
    share: float, longest_s: float, weight: Weight
) -> None:
    assert judge(_finding(Code.GAPS, share=share, longest_s=longest_s)).weight is weight


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(30.0, "30 seconds"), (240.0, "4 minutes"), (7200.0, "2 hours"), (10 * _DAY_S, "10 days")],
)
def test_gap_says_how_long_nothing_trades(seconds: float, words: str) -> None:
    assert f"for up to {words}:" in judge(_finding(Code.GAPS, longest_s=seconds)).consequence


def test_consequence_tells_the_figures_of_the_finding() -> None:
    assert "makes -75% at one open" in judge(_finding(Code.PRICE_JUMP)).consequence
    assert "1.22e+04 times too large" in judge(_finding(Code.VOLUME_UNIT)).consequence
    assert "fill at 20100 whatever" in judge(_finding(Code.DEAD_MARKET)).consequence
