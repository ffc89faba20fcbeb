"""How far an opinion may go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.llm.bounds import Caps, bounded
from tutti.agents.llm.material import publisher_of
from tutti.model.errors import ConfigError


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_bounded_confidence_keeps_the_force_below_the_cap(
    bias: float, confidence: float, cap: float
) -> None:
    cut = bounded(bias, confidence, cap)
    assert 0 <= cut <= confidence
    assert abs(bias) * cut <= cap + 1e-12


@pytest.mark.parametrize(("publishers", "cap"), [(0, 0.0), (1, 0.25), (2, 0.4), (3, 0.6), (9, 0.6)])
def test_cap_rises_with_publishers(publishers: int, cap: float) -> None:
    assert Caps().cap(publishers) == cap


@pytest.mark.parametrize(
    "wrong", [{"one_source": 0.9}, {"most": 1.5}, {"one_source": -0.1}, {"most": float("nan")}]
)
def test_caps_out_of_range_or_order_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Caps(**wrong)


@pytest.mark.parametrize(
    "name",
    ["Reuters", "REUTERS ", "Reuters.", "R\u0435uters", "Reu\u200bters", "reuters.com",
     "https://www.reuters.com/markets"],
)  # fmt: skip
def test_publisher_is_one_however_its_name_is_written(name: str) -> None:
    assert publisher_of(name) == "reuters"


def test_publishers_of_other_names_are_others() -> None:
    names = (
        "CNBC",
        "The Wall Street Journal",
        "cnbc.co.uk x",
        "\u65b0\u6d6a",
        "U.S. News",
        "!!",
        "?",
    )
    assert len({publisher_of(name) for name in names}) == len(names)
