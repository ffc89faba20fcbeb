from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.sandbox.honesty import TrialSummary, honest_statistics
from tutti.stats.inference import deflated_sharpe, moments
from tutti.stats.performance import sharpe
from tutti.stats.selection import effective_trials, sharpe_spread

if TYPE_CHECKING:
    from tutti.model.market import FloatArray

_DAILY = 365.0


def _returns(yearly_sharpe: float, n: int = 730, seed: int = 1) -> FloatArray:
    noise = np.random.default_rng(seed).normal(0.0, 1.0, n)
    shape = (noise - noise.mean()) / noise.std(ddof=1)
    return np.asarray(0.01 * (shape + yearly_sharpe / math.sqrt(_DAILY)))


def test_honest_statistics_of_one_trial_ask_only_against_luck() -> None:
    found = honest_statistics(_returns(2.0), periods_per_year=_DAILY, trials=TrialSummary())
    assert found.sharpe == pytest.approx(2.0)
    assert found.sharpe == pytest.approx(sharpe(_returns(2.0), _DAILY))
    assert found.dsr == found.psr
    assert found.expected_max_sharpe == 0.0
    assert found.sharpe_low < found.sharpe - found.sharpe_se < found.sharpe < found.sharpe_high
    assert found.is_proven
    assert found.verdict.startswith("Sharpe 2.00 give or take 0.71 over 730 days: confidence 99.7")
    assert found.verdict.endswith(
        "that it is better than luck: proven, had nothing else been tried."
    )


def test_honest_statistics_that_are_counted_rest_on_the_register() -> None:
    trials = TrialSummary(n_trials=3, n_effective=2.0, register="here")
    found = honest_statistics(_returns(2.0), periods_per_year=_DAILY, trials=trials)
    assert found.verdict.endswith(
        "the best of 3 trials (worth 2.0) would be by luck: proven, if all trials are known."
    )


def test_honest_statistics_after_many_trials_prove_less() -> None:
    trials = TrialSummary(
        n_trials=400, n_effective=50.0, sharpe_variance=1.0 / 730, register="here"
    )
    found = honest_statistics(_returns(2.0), periods_per_year=_DAILY, trials=trials)
    assert found.dsr == deflated_sharpe(moments(_returns(2.0)), 50.0, 1.0 / 730)
    assert not found.is_proven
    assert found.expected_max_sharpe == pytest.approx(2.28 / math.sqrt(2.0), rel=0.01)
    assert "the best of 400 trials (worth 50.0) would be by luck, not the 95 % it takes" in (
        found.verdict
    )
    assert f"would have to last {found.min_track_record_days:,.0f} days." in found.verdict


def test_honest_statistics_below_what_luck_gives_could_never_be_proven() -> None:
    trials = TrialSummary(n_trials=900, n_effective=900.0, sharpe_variance=1.0 / 365)
    found = honest_statistics(_returns(1.0), periods_per_year=_DAILY, trials=trials)
    assert found.min_track_record_deflated == math.inf
    assert found.min_track_record_length == pytest.approx(990, abs=5)
    assert "the best of 900 trials would be" in found.verdict
    assert found.verdict.endswith(
        "no length of record like this would prove it (what else was tried isn't counted)."
    )


def test_honest_statistics_of_a_slim_edge_take_years() -> None:
    trials = TrialSummary(register="here")
    found = honest_statistics(_returns(0.1), periods_per_year=_DAILY, trials=trials)
    assert found.verdict.endswith("would have to last 271 years.")


def test_honest_statistics_of_a_loss_say_so() -> None:
    found = honest_statistics(_returns(-1.0), periods_per_year=_DAILY, trials=TrialSummary())
    assert not found.is_proven
    assert found.verdict.endswith("it lost money, which no statistic mends.")


def test_returns_that_the_market_explains_prove_nothing_beyond_it() -> None:
    market = _returns(2.0)
    noise = np.random.default_rng(8).normal(0.0, 0.0005, 730)
    found = honest_statistics(
        0.3 * market + noise - noise.mean(), periods_per_year=_DAILY,
        trials=TrialSummary(register="here"), market=market,
    )  # fmt: skip
    assert found.beta == pytest.approx(0.3, abs=0.01)
    assert found.alpha == pytest.approx(0.0, abs=0.002)
    assert found.dsr > 0.95
    assert 0.3 < found.alpha_confidence < 0.7
    assert not found.is_proven
    assert found.verdict.endswith(
        "without what the market explains of it (beta 0.30): not proven beyond holding the market."
    )


def test_returns_beside_the_market_are_proven_without_it() -> None:
    found = honest_statistics(
        _returns(2.5, seed=3), periods_per_year=_DAILY, trials=TrialSummary(), market=_returns(1.0)
    )
    assert found.is_proven
    assert found.alpha_sharpe == pytest.approx(2.5, abs=0.2)
    assert found.alpha == pytest.approx(found.alpha_sharpe * 0.01 * math.sqrt(_DAILY), rel=0.05)
    assert "proven, had nothing else been tried" in found.verdict


@pytest.mark.parametrize("market", [np.zeros(730), None])
def test_market_that_stands_still_explains_nothing(market: FloatArray | None) -> None:
    found = honest_statistics(
        _returns(2.0), periods_per_year=_DAILY, trials=TrialSummary(), market=market
    )
    assert math.isnan(found.beta)
    assert math.isnan(found.alpha_confidence)
    assert found.is_proven


def test_market_itself_leaves_nothing_to_explain() -> None:
    market = _returns(2.0)
    found = honest_statistics(
        2.0 * market, periods_per_year=_DAILY, trials=TrialSummary(), market=market
    )
    assert found.beta == pytest.approx(2.0)
    assert (found.alpha, found.alpha_sharpe, found.alpha_confidence) == (0.0, 0.0, 0.5)
    assert not found.is_proven


def test_market_of_other_times_is_refused() -> None:
    with pytest.raises(ValueError, match=r"market must have the shape of returns, \(730,\)"):
        honest_statistics(
            _returns(2.0), periods_per_year=_DAILY, trials=TrialSummary(), market=[0.1, 0.2]
        )


@pytest.mark.parametrize(
    ("returns", "why"),
    [([], "at least 3 returns"), ([0.0] * 30, "all 30 returns are equal")],
)
def test_honest_statistics_of_nothing_say_why(returns: list[float], why: str) -> None:
    found = honest_statistics(returns, periods_per_year=_DAILY, trials=TrialSummary(register="r"))
    assert found.verdict.startswith(f"Nothing to judge: {why}")
    assert math.isnan(found.sharpe)
    assert math.isnan(found.dsr)
    assert (found.n_returns, found.n_trials, found.register) == (len(returns), 1, "r")
    assert found.periods_per_year == _DAILY
    assert not found.is_proven


@pytest.mark.parametrize("returns", [[], _returns(1.0), _returns(-1.0)])
def test_honesty_as_json_has_null_for_what_is_undefined(returns: FloatArray) -> None:
    found = honest_statistics(returns, periods_per_year=_DAILY, trials=TrialSummary())
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (told["sharpe"] is None) == math.isnan(found.sharpe)
    assert told["n_returns"] == found.n_returns


def _proven(n_trials: int, edge: float, n_worlds: int) -> float:
    rng = np.random.default_rng(6)
    proven = 0
    for _ in range(n_worlds):
        worlds = rng.standard_t(5, (1095, n_trials)) * 0.01
        worlds[:, 0] += edge / math.sqrt(_DAILY) * 0.01 * math.sqrt(5.0 / 3.0)
        sharpes = worlds.mean(axis=0) / worlds.std(axis=0, ddof=1)
        trials = TrialSummary(
            n_trials=n_trials, n_effective=effective_trials(worlds),
            sharpe_variance=sharpe_spread(sharpes, 1095),
        )  # fmt: skip
        best = worlds[:, int(np.argmax(sharpes))]
        proven += honest_statistics(best, periods_per_year=_DAILY, trials=trials).is_proven
    return proven / n_worlds


def test_noise_alone_is_proven_as_often_as_the_level_says_and_the_best_of_many_never_more() -> None:
    assert _proven(1, 0.0, 600) == pytest.approx(0.05, abs=0.02)
    assert _proven(10, 0.0, 200) <= 0.05


def test_edge_of_one_and_a_half_over_three_years_is_found() -> None:
    assert _proven(1, 1.5, 200) >= 0.8


def test_trials_can_not_be_worth_more_than_they_are() -> None:
    with pytest.raises(ValueError, match=r"between 1 and n_trials \(2\), was 3"):
        TrialSummary(n_trials=2, n_effective=3)
