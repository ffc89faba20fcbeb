from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.stats.isotonic import Rising, isotonic

# figures of scikit-learn on the same points
_GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden_scoring.json").read_text())
_IN = _GOLDEN["inputs"]


def test_isotonic_is_that_of_another_library() -> None:
    rising = isotonic(_IN["stated"], _IN["came"])
    assert rising(_IN["at"]).tolist() == pytest.approx(_GOLDEN["isotonic"], rel=1e-12)


def test_isotonic_with_weights_is_that_of_another_library() -> None:
    rising = isotonic(_IN["stated"], _IN["came"], _IN["weights"])
    assert rising(_IN["at"]).tolist() == pytest.approx(_GOLDEN["isotonic_weighted"], rel=1e-12)


def test_isotonic_pools_what_falls() -> None:
    # by hand: 3 and 2 fall, their mean is 2.5
    rising = isotonic([1, 2, 3, 4], [1.0, 3.0, 2.0, 4.0])
    assert rising([1, 2, 3, 4]).tolist() == [1.0, 2.5, 2.5, 4.0]


def test_isotonic_of_what_only_falls_is_the_mean() -> None:
    rising = isotonic([1, 2, 3], [3.0, 2.0, 1.0])
    assert rising([0.0, 2.2, 9.0]).tolist() == [2.0, 2.0, 2.0]


def test_rising_keeps_what_is_not_known() -> None:
    assert math.isnan(Rising(np.array([0.0, 1.0]), np.array([0.0, 1.0]))([math.nan])[0])


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.floats(-5, 5), st.floats(0.1, 3)), min_size=1, max_size=40
    )
)
def test_isotonic_never_falls_and_keeps_the_mean(points: list[tuple[int, float, float]]) -> None:
    x, y, w = (np.array(column, np.float64) for column in zip(*points, strict=True))
    rising = isotonic(x, y, w)
    assert (np.diff(rising.y) >= 0.0).all()
    assert (np.diff(rising.x) > 0.0).all()
    assert float(w @ rising(x)) == pytest.approx(float(w @ y), abs=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "weights", "message"),
    [
        ([], [], None, "one shape"),
        ([1.0], [1.0, 2.0], None, "one shape"),
        ([math.nan], [1.0], None, "finite"),
        ([1.0], [1.0], [0.0], "positive"),
    ],
)
def test_isotonic_refuses_what_can_not_be(
    x: list[float], y: list[float], weights: list[float] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        isotonic(x, y, weights)
