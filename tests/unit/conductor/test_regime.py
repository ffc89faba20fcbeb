"""Regimes by rules: which one, when it changes, and how sure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tutti.conductor.regime import NEEDS, RegimeClassifier, RegimeRules
from tutti.features.block import FeatureBlock
from tutti.model.errors import ConfigError
from tutti.model.opinion import Regime

pytestmark = pytest.mark.kernels

_AT_ONCE = RegimeRules(hysteresis_bars=1)
_CALM = {
    "adx_14": 15.0,
    "sma_distance_200": 0.05,
    "volatility_100": 0.01,
    "volatility_rank_250": 0.5,
    "bollinger_width_rank_250": 0.5,
}
_TREND = _CALM | {"adx_14": 35.0}
_WILD = _CALM | {"volatility_rank_250": 0.9}
_BETWEEN = _CALM | {"adx_14": 22.0}
_MISSING = dict.fromkeys(_CALM, math.nan)


def _down(row: dict[str, float]) -> dict[str, float]:
    return row | {"sma_distance_200": -row["sma_distance_200"]}


def _block(*rows: dict[str, float]) -> FeatureBlock:
    values = np.array([[row[name] for row in rows] for name in NEEDS])
    return FeatureBlock(NEEDS, values[:, :, None])


def _classified(*rows: dict[str, float], rules: RegimeRules = _AT_ONCE) -> list[tuple[int, float]]:
    code, confidence = RegimeClassifier(rules, 1).classify(_block(*rows))
    return list(zip(code[:, 0].tolist(), confidence[:, 0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("row", "regime"),
    [
        (_TREND, Regime.BULL_TRENDING),
        (_down(_TREND), Regime.BEAR_TRENDING),
        (_WILD, Regime.BULL_VOLATILE),
        (_down(_WILD), Regime.BEAR_VOLATILE),
        (_TREND | {"volatility_rank_250": 0.9}, Regime.BULL_VOLATILE),
        (_CALM, Regime.RANGE_BOUND),
        (_BETWEEN | {"bollinger_width_rank_250": 0.1}, Regime.RANGE_BOUND),
        (_TREND | {"bollinger_width_rank_250": 0.1}, Regime.BULL_TRENDING),
        (_BETWEEN, Regime.RANGE_BOUND),
    ],
)
def test_regime_follows_from_the_rules(row: dict[str, float], regime: Regime) -> None:
    assert _classified(row)[0][0] == regime


@pytest.mark.parametrize(
    ("before", "regime"),
    [
        (_TREND, Regime.BULL_TRENDING),
        (_CALM, Regime.RANGE_BOUND),
        (_WILD, Regime.BULL_TRENDING),
    ],
)
def test_between_the_two_adx_thresholds_a_range_stays_and_the_rest_is_a_trend(
    before: dict[str, float], regime: Regime
) -> None:
    assert _classified(before, _BETWEEN)[1] == (regime, 0.5)


def test_regime_changes_once_another_has_stood_long_enough() -> None:
    rules = RegimeRules(hysteresis_bars=3)
    codes = [code for code, _ in _classified(_CALM, *[_TREND] * 4, rules=rules)]
    assert codes == [0, 0, 0, 1, 1]


def test_candidate_that_does_not_stand_in_a_row_starts_again() -> None:
    rules = RegimeRules(hysteresis_bars=3)
    rows = (_CALM, _TREND, _TREND, _CALM, _TREND, _TREND, _WILD, _TREND, _TREND, _TREND)
    codes = [code for code, _ in _classified(*rows, rules=rules)]
    assert codes == [0] * 9 + [1]


def test_confidence_falls_while_another_regime_knocks_and_recovers_after() -> None:
    rules = RegimeRules(hysteresis_bars=4)
    said = [confidence for _, confidence in _classified(_CALM, *[_TREND] * 4, rules=rules)]
    assert said[0] == pytest.approx(0.75)
    assert said[1:4] == pytest.approx([0.375, 0.25, 0.125])
    # ADX 35 lies 10 of 25 points beyond the threshold
    assert said[4] == pytest.approx(0.5 * (1 + 0.4))


@pytest.mark.parametrize(
    ("row", "margin"),
    [
        (_TREND | {"adx_14": 25.0}, 0.0),
        (_TREND | {"adx_14": 70.0}, 0.05 / (0.01 * math.sqrt(200 / 3))),
        (_TREND | {"adx_14": 70.0, "sma_distance_200": 0.3}, 1.0),
        (_WILD | {"sma_distance_200": 0.3}, 0.5),
        (_CALM | {"adx_14": 8.0}, 1.0),
        (_CALM | {"adx_14": 19.0}, 0.1),
        (_CALM | {"adx_14": 19.0, "bollinger_width_rank_250": 0.05}, 0.75),
    ],
)
def test_confidence_grows_with_the_distance_from_the_thresholds(
    row: dict[str, float], margin: float
) -> None:
    assert _classified(row)[0][1] == pytest.approx(0.5 * (1 + margin))


def test_direction_turns_only_outside_its_band() -> None:
    rules = RegimeRules(hysteresis_bars=1, direction_band=0.1)
    spread = 0.01 * math.sqrt(200 / 3)
    near = _TREND | {"sma_distance_200": -0.09 * spread}
    beyond = _TREND | {"sma_distance_200": -0.11 * spread}
    codes = [code for code, _ in _classified(_TREND, near, beyond, _TREND, rules=rules)]
    assert codes == [1, 1, 3, 1]
    assert _classified(_TREND, near, rules=rules)[1][1] == 0.5


def test_regime_is_unknown_until_every_feature_is() -> None:
    code, confidence = _classified(_CALM | {"volatility_rank_250": math.nan})[0]
    assert code == -1
    assert math.isnan(confidence)


def test_regime_at_a_missing_bar_is_what_it_was() -> None:
    before, missing, after = _classified(_TREND, _MISSING, _TREND)
    assert before == missing == after


def test_missing_bars_do_not_count_towards_a_change() -> None:
    rules = RegimeRules(hysteresis_bars=3)
    rows = (_CALM, _TREND, _MISSING, _MISSING, _TREND, _MISSING, _TREND)
    codes = [code for code, _ in _classified(*rows, rules=rules)]
    assert codes == [0, 0, 0, 0, 0, 0, 1]


def test_market_that_does_not_move_at_all_is_in_a_range() -> None:
    still = _CALM | {"adx_14": 0.0, "sma_distance_200": 0.0, "volatility_100": 0.0}
    assert _classified(still)[0] == (Regime.RANGE_BOUND, 1.0)


def test_extreme_thresholds_leave_no_margin_to_measure() -> None:
    rules = RegimeRules(hysteresis_bars=1, volatility_high_rank=1.0, squeeze_rank=0.0)
    top = _WILD | {"volatility_rank_250": 1.0, "sma_distance_200": 0.3}
    assert _classified(top, rules=rules)[0] == (Regime.BULL_VOLATILE, 1.0)


def _two(*pairs: tuple[dict[str, float], dict[str, float]]) -> FeatureBlock:
    values = np.array([[[row[name] for row in pair] for pair in pairs] for name in NEEDS])
    return FeatureBlock(NEEDS, values)


def test_instruments_have_regimes_of_their_own() -> None:
    code = (
        RegimeClassifier(_AT_ONCE, 2).classify(_two((_TREND, _CALM), (_down(_WILD), _TREND))).code
    )
    assert code.tolist() == [[1, 0], [4, 1]]


def test_regime_of_reference_holds_for_all_even_where_they_have_no_bar() -> None:
    classifier = RegimeClassifier(_AT_ONCE, 2, reference=1)
    code, confidence = classifier.classify(_two((_TREND, _CALM), (_MISSING, _down(_TREND))))
    assert code.tolist() == [[0, 0], [3, 3]]
    np.testing.assert_array_equal(confidence[:, 0], confidence[:, 1])


@pytest.mark.parametrize("reference", [-1, 2])
def test_reference_that_is_no_column_is_refused(reference: int) -> None:
    with pytest.raises(ConfigError, match="not one of 2 instruments"):
        RegimeClassifier(_AT_ONCE, 2, reference)


def test_block_that_does_not_fit_is_refused() -> None:
    classifier = RegimeClassifier(_AT_ONCE, 2)
    with pytest.raises(ValueError, match="follows 2 instruments, the block has 1"):
        classifier.classify(_block(_CALM))
    with pytest.raises(ValueError, match=r"\['adx_14'\] are needed"):
        RegimeClassifier(_AT_ONCE, 1).classify(FeatureBlock(NEEDS[1:], _block(_CALM).values[1:]))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"adx_range": 30.0}, "adx_range <= adx_trend"),
        ({"adx_trend": 120.0}, "adx_range <= adx_trend"),
        ({"adx_range": -1.0}, "adx_range <= adx_trend"),
        ({"volatility_high_rank": 1.2}, "volatility_high_rank"),
        ({"squeeze_rank": -0.1}, "squeeze_rank"),
        ({"hysteresis_bars": 0}, "hysteresis_bars must be at least 1"),
        ({"direction_band": -0.1}, "direction_band"),
        ({"adx_trend": math.nan}, "adx_trend must be a finite number"),
    ],
)
def test_rules_that_make_no_sense_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        RegimeRules(**changes)
