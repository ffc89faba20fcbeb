"""The parts of a report that question its result say what they know, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.unit.sandbox.test_report import shown

from tutti.sandbox.honesty import TrialSummary, honest_statistics
from tutti.sandbox.report import render
from tutti.stats.account import daily_equity, returns

if TYPE_CHECKING:
    from tests.unit.conftest import ResultMaker

    from tutti.sandbox.result import BacktestResult

STRETCH = {
    "name": "rising, calm",
    "days": 40,
    "share": 0.5,
    "total_return": 0.02,
    "sharpe": 1.5,
    "sharpe_se": 0.5,
}
ROBUSTNESS: dict[str, Any] = {
    "costs": {
        "total_return_at": {
            "0": {"fees": 0.05, "slippage": 0.03, "both": 0.08},
            "2": {"fees": 0.01, "slippage": 0.02, "both": -0.01},
        },
        "break_even_bps": 3.25,
    },
    "capacity": {"break_even": 2_000_000.0, "most_profit": 800_000.0},
    "regimes": [
        STRETCH,
        STRETCH | {"name": "falling, rough", "total_return": -0.01, "sharpe": -0.2},
    ],
    "parts": [STRETCH | {"name": "2024-01-01", "sharpe": None}],
}
PARTS = {"signal": 60.0, "timing": None, "slippage": -10.0, "cost": -30.0, "funding": 0.0}


def honest(result: BacktestResult, n_trials: int = 3) -> dict[str, Any]:
    daily = returns(daily_equity(result.ts, result.equity))
    trials = TrialSummary(
        n_trials=n_trials, n_effective=2.0, sharpe_variance=0.001, register="runs/trials.sqlite"
    )
    return honest_statistics(daily, periods_per_year=365.0, trials=trials).to_dict()


def test_report_without_studies_has_none_of_their_sections(make_result: ResultMaker) -> None:
    text = shown(make_result())
    for title in (
        "How much to believe",
        "By state of the market",
        "At other costs",
        "Where it came from",
        "What might have become",
        "Second opinion",
    ):
        assert title not in text


def test_honest_figures_stand_between_headline_and_charts(make_result: ResultMaker) -> None:
    result = make_result()
    told = honest(result)
    text = shown(make_result(honest=told))
    assert text.index("Final equity") < text.index("How much to believe") < text.index("Drawdown")
    assert told["verdict"] in text
    assert f"Sharpe, ± {told['sharpe_se']:.2f}" in text
    assert "Confidence after 3 trials" in text
    assert "independent ones: 2.0" in text
    assert "Trials are counted in runs/trials.sqlite" in text
    assert "there are 84" in text  # days, the first and the last in part


def test_honest_figures_that_are_no_number_are_said_to_be_none(make_result: ResultMaker) -> None:
    told = honest(make_result()) | {"min_track_record_days": None, "dsr": None, "register": ""}
    text = shown(make_result(honest=told))
    assert "no number to prove it" in text
    assert "Nothing counts the trials of this." in text


def test_proof_is_marked_as_such(make_result: ResultMaker) -> None:
    told = honest(make_result()) | {"is_proven": True}
    assert 'class="told good"' in render(make_result(honest=told))


def test_stability_says_where_it_earned_and_what_is_more_than_luck(
    make_result: ResultMaker,
) -> None:
    text = shown(make_result(studies={"robustness": ROBUSTNESS}))
    assert "It earned in 1 of 2" in text
    assert "1 of them two errors away from nothing" in text
    assert "+1.50 ± 0.50" in text
    assert "2024-01-01" in text
    empty = ROBUSTNESS | {"regimes": []}
    assert "Too few days to tell" in shown(make_result(studies={"robustness": empty}))


def test_sensitivity_says_what_it_may_cost_and_how_large_it_may_be(
    make_result: ResultMaker,
) -> None:
    text = shown(make_result(studies={"robustness": ROBUSTNESS}))
    assert "could cost 3.2 bps more" in text
    assert "eat all profit at a balance of 2,000,000" in text
    poor = ROBUSTNESS | {
        "costs": ROBUSTNESS["costs"] | {"break_even_bps": -1.0},
        "capacity": {"break_even": None, "most_profit": None},
    }
    text = shown(make_result(studies={"robustness": poor}))
    assert "would have to cost 1.0 bps less" in text
    assert "eat all profit" not in text
    idle = make_result(studies={"robustness": poor}, fills=())
    assert "At other costs" not in shown(idle)


@pytest.mark.parametrize(
    ("residual", "said"),
    [(0.0, "add up to the whole, to the last digit"), (2e-13, "miss 2e-13 of the whole")],
)
def test_attribution_shows_each_breakdown_and_what_is_missing(
    make_result: ResultMaker, residual: float, said: str
) -> None:
    lines = [{"agent": f"agent{k}", "total": float(k), **PARTS} for k in range(11)]
    study = {
        "total": 20.0,
        "components": PARTS,
        "residual": residual,
        "by": {
            "agent": lines,
            "regime,side": [{"regime": "BULL_TRENDING", "side": "long", "total": 1.0, **PARTS}],
        },
    }
    text = shown(make_result(studies={"attribution": study}))
    assert said in text
    assert "by agent" in text
    assert "3 more 27.00" in text
    assert "by regime and side" in text
    assert "bull trending · long" in text


def test_fan_shows_quantiles_and_how_likely_a_loss_is(make_result: ResultMaker) -> None:
    share = {"value": 0.25, "low": 0.2, "high": 0.31}
    levels = [0.95, 0.05, 0.5, 0.75, 0.25]
    ts = 1_704_067_200_000_000_000 + 86_400_000_000_000 * np.arange(30)
    study = {
        "method": "bootstrap",
        "signals": "recomputed",
        "n_paths": 200,
        "seed": 7,
        "ruin_at": 0.5,
        "probability_of_loss": share,
        "probability_of_ruin": share,
        "ts": ts.tolist(),
        "levels": levels,
        "fan": [(10_000 + 100 * level * np.arange(30)).tolist() for level in levels],
        "recorded": (10_000 + np.arange(30)).tolist(),
    }
    result = make_result(studies={"montecarlo": study})
    text = shown(result)
    assert "25.0 % (95 % interval 20.0 to 31.0) lose money" in text
    assert "5 % to 95 % of the paths" in text
    assert "25 % to 75 % of the paths" in text
    assert render(result).count("<polygon") == 2
    assert "What might" not in shown(make_result(studies={"montecarlo": {"n_paths": 2}}))


def test_second_opinion_names_every_difference(make_result: ResultMaker) -> None:
    study: dict[str, Any] = {
        "engine": "NautilusTrader 1.221",
        "fills_matched": 53,
        "fills_total": 53,
        "equity_diff_bps": 0.125,
        "differences": [{"cause": "fee_rounding", "count": 3, "bps": 0.0625}],
    }
    text = shown(make_result(studies={"second_opinion": study}))
    assert "NautilusTrader 1.221: 53 of 53 fills alike, equity at most 0.1250 bps apart" in text
    assert "fee rounding 3 0.0625" in text
    none = study | {"differences": []}
    assert "No difference." in shown(make_result(studies={"second_opinion": none}))


def test_strategy_that_a_baseline_flattens_is_drawn_alone_too(make_result: ResultMaker) -> None:
    from tutti.sandbox.result import Baseline

    result = make_result()
    wild = Baseline(name="buy_and_hold", metrics={}, equity=result.equity * np.linspace(1, 9, 2000))
    tame = Baseline(name="flat", metrics={}, equity=result.equity)
    assert "on a scale of its own" in shown(make_result(baselines={"buy_and_hold": wild}))
    assert "on a scale of its own" not in shown(make_result(baselines={"flat": tame}))
