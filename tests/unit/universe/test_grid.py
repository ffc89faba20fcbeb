"""Decimal grids that prices lie on."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.universe.grid import decimals, off_grid


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ([1.0, 250.0], 0),
        ([0.1, 60_000.3], 1),
        ([60_000.31, 1.0], 2),
        ([0.00001234], 8),
        ([1 / 3], None),
        ([0.1 + 0.2, 1.1 * 3], 1),
        ([1e-6], 6),
        ([60_000.123456785], None),
        ([], 0),
    ],
)
def test_decimals_are_the_fewest_that_all_prices_keep_to(
    prices: list[float], expected: int | None
) -> None:
    assert decimals(np.array(prices)) == expected


def test_prices_off_the_grid_are_marked_one_by_one() -> None:
    prices = np.array([[1.5, 1.25], [100.0, 0.3]])
    assert off_grid(prices, 1).tolist() == [[False, True], [False, False]]


@given(
    st.integers(min_value=0, max_value=8),
    st.lists(st.integers(min_value=1, max_value=10**9), min_size=1, max_size=50),
)
def test_any_prices_on_a_grid_are_found_to_be(places: int, ticks: list[int]) -> None:
    prices = [float(Decimal(tick).scaleb(-places)) for tick in ticks]
    found = decimals(np.array(prices))
    assert found is not None
    assert found <= places
    assert all(Decimal(repr(price)) % Decimal(1).scaleb(-found) == 0 for price in prices)
