from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.features import FAMILIES, FEATURES, FeaturePipeline, describe
from tutti.features.families import parse
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.model.market import MarketBlock


def test_parse_name_with_window_is_family_and_window() -> None:
    family, window = parse("bollinger_width_rank_30")
    assert (family.name, window) == ("bollinger_width_rank", 30)


def test_parse_family_of_fixed_windows_needs_none() -> None:
    assert parse("macd_signal")[0] is FAMILIES["macd_signal"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rsi_41x", "must end in a window of 2 to 5000 bars, as in rsi_20"),
        ("rsi_1", "must end in a window of 2 to 5000 bars"),
        ("momentum_0", "must end in a window of 1 to 5000 bars"),
        ("rsi_014", "must end in a window"),
        ("rsi_-3", "must end in a window"),
        ("rsi_²", "must end in a window"),
        ("sma_distance_5001", "must end in a window"),
        ("rsi_", "must end in a window"),
        ("rsi", "did you mean rsi_14"),
        ("momentm_15", "did you mean momentum_15"),
        ("macd_12", "unknown feature 'macd_12'"),
        ("zzzzzzzz", "the families are rsi, adx"),
        ("", "the families are rsi, adx"),
    ],
)
def test_parse_name_of_no_feature_says_what_would_be_one(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(name)


def test_families_all_say_what_they_are_and_where_from() -> None:
    assert all(info.description and info.source for info in FEATURES.values())
    assert {parse(name)[0].name for name in FEATURES} == set(FAMILIES)


@pytest.mark.kernels
@pytest.mark.parametrize("name", FEATURES)
def test_warm_up_is_the_bar_of_the_first_value(name: str, walk: MarketBlock) -> None:
    pipeline = FeaturePipeline([name], 3)
    first = describe(name).warm_up
    values = pipeline.advance(walk)[name]
    assert pipeline.warm_up == first
    assert np.isnan(values[: first - 1]).all()
    assert not np.isnan(values[first - 1 :]).any()


@pytest.mark.kernels
@pytest.mark.parametrize("name", [name for name in FEATURES if "macd" not in name])
def test_warm_up_of_another_window_is_the_bar_of_its_first_value(
    name: str, walk: MarketBlock
) -> None:
    other = f"{parse(name)[0].name}_7"
    first = describe(other).warm_up
    values = FeaturePipeline([other], 3).advance(walk.rows(0, 40))[other]
    assert np.isnan(values[: first - 1]).all()
    assert not np.isnan(values[first - 1 :]).any()
