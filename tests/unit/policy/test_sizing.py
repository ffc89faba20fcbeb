"""How much to hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.model.errors import ConfigError
from tutti.policy.sizing import Sizing, SizingMethod, size

if TYPE_CHECKING:
    from tests.unit.policy.conftest import MakeFeatures, MakeMarket

_NOTHING = float("nan")


def _size(
    sizing: Sizing,
    make_market: MakeMarket,
    make_features: MakeFeatures,
    *,
    score: float = 1.0,
    confidence: float = 1.0,
    **features: float,
) -> float:
    market = make_market(np.full((1, 1), 200.0))
    block = make_features((1, 1), **features)
    sizes = size(sizing, np.full((1, 1), score), np.full((1, 1), confidence), market, block)
    assert sizes.shape == (1, 1)
    return float(sizes[0, 0])


@pytest.mark.parametrize(("confidence", "notional"), [(0.0, 120.0), (0.65, 159.0), (1.0, 180.0)])
def test_size_notional_rises_with_confidence(
    make_market: MakeMarket, make_features: MakeFeatures, confidence: float, notional: float
) -> None:
    sizing = Sizing(method=SizingMethod.NOTIONAL)
    assert not sizing.are_fractions
    found = _size(sizing, make_market, make_features, confidence=confidence)
    assert found == pytest.approx(notional)


def test_size_fixed_fraction_is_that_of_equity(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    sizing = Sizing(method=SizingMethod.FIXED_FRACTION, fraction=0.95)
    assert sizing.are_fractions
    assert _size(sizing, make_market, make_features) == 0.95


def test_size_fixed_quantity_is_worth_its_close(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    sizing = Sizing(method=SizingMethod.FIXED_QUANTITY, quantity=3.0)
    assert not sizing.are_fractions
    assert _size(sizing, make_market, make_features) == 600.0


def test_size_fractional_kelly_is_edge_over_variance(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    sizing = Sizing(
        method=SizingMethod.FRACTIONAL_KELLY,
        kelly_fraction=0.5,
        information_coefficient=0.02,
        max_fraction=10.0,
    )
    assert sizing.needs == ("volatility_100",)
    found = _size(
        sizing, make_market, make_features, score=-0.5, confidence=0.8, volatility_100=0.01
    )
    edge = 0.02 * 0.01 * 0.5 * 0.8
    assert found == pytest.approx(0.5 * edge / 0.01**2)


def test_size_volatility_target_halves_when_volatility_doubles(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    sizing = Sizing(
        method=SizingMethod.VOLATILITY_TARGET, target_volatility=0.2, share=0.5, max_fraction=10.0
    )
    yearly = 0.01 * math.sqrt(365 * 24)
    once = _size(sizing, make_market, make_features, volatility_100=0.01)
    assert once == pytest.approx(0.5 * 0.2 / yearly)
    twice = _size(sizing, make_market, make_features, volatility_100=0.02)
    assert twice == pytest.approx(once / 2)


def test_size_cvar_budget_loses_the_budget_in_a_bad_horizon(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    sizing = Sizing(
        method=SizingMethod.CVAR_BUDGET,
        cvar_budget=0.05,
        share=0.2,
        horizon_bars=16,
        max_fraction=10.0,
    )
    assert sizing.needs == ("cvar_95_250",)
    found = _size(sizing, make_market, make_features, cvar_95_250=0.02)
    assert found * 0.02 * 4 == pytest.approx(0.05 * 0.2)


@pytest.mark.parametrize(
    ("method", "feature"),
    [
        (SizingMethod.FRACTIONAL_KELLY, "volatility_100"),
        (SizingMethod.VOLATILITY_TARGET, "volatility_100"),
        (SizingMethod.CVAR_BUDGET, "cvar_95_250"),
    ],
)
def test_size_from_an_estimate_is_bounded_and_needs_a_positive_one(
    make_market: MakeMarket, make_features: MakeFeatures, method: SizingMethod, feature: str
) -> None:
    sizing = Sizing(method=method, max_fraction=0.1)
    assert _size(sizing, make_market, make_features, **{feature: 1e-9}) == 0.1
    for unknown in (0.0, -0.01, math.nan):
        assert math.isnan(_size(sizing, make_market, make_features, **{feature: unknown}))


@pytest.mark.parametrize("method", list(SizingMethod))
def test_sizing_method_may_be_named_by_its_text(method: SizingMethod) -> None:
    assert Sizing(method=SizingMethod(str(method))).needs == Sizing(method=method).needs


def test_sizing_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"policy\.sizing\.method must be one of notional, .*'all'"
    ):
        Sizing(method="all")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("base_notional", -150.0),
        ("fraction", 0.0),
        ("quantity", math.inf),
        ("kelly_fraction", 1.5),
        ("information_coefficient", 0.0),
        ("target_volatility", _NOTHING),
        ("share", 2.0),
        ("cvar_budget", -0.01),
        ("horizon_bars", 0),
        ("max_fraction", -1.0),
    ],
)
def test_sizing_parameter_out_of_range_names_the_key(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"policy\.sizing\.{key} must be .*, was {value!r}"):
        Sizing(**{key: value})  # type: ignore[arg-type]
