from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.stats.shapley import coalitions, leave_one_out, sampled_shapley, shapley

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.model.market import FloatArray


def _game(value: Callable[[frozenset[int]], float], n: int) -> FloatArray:
    return np.array(
        [value(frozenset(np.flatnonzero(row).tolist())) for row in coalitions(n)], np.float64
    )


def _by_orders(values: FloatArray, n: int) -> list[float]:
    # the definition, order by order
    added = np.zeros(n)
    for order in itertools.permutations(range(n)):
        inside = 0
        for player in order:
            added[player] += values[inside | 1 << player] - values[inside]
            inside |= 1 << player
    return list(added / math.factorial(n))


def test_shapley_shares_the_airport_as_published() -> None:
    # Littlechild and Owen (1973): the longest plane decides what the runway costs
    costs = [8.0, 11.0, 13.0, 18.0]
    values = _game(lambda those: max((costs[i] for i in those), default=0.0), 4)
    assert shapley(values).tolist() == pytest.approx([2.0, 3.0, 4.0, 9.0])


def test_shapley_shares_a_pair_of_gloves_as_published() -> None:
    # one left glove, two right ones: 2/3, 1/6, 1/6
    values = _game(lambda those: float(0 in those and len(those) > 1), 3)
    assert shapley(values).tolist() == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_shapley_is_the_mean_over_all_orders() -> None:
    values = np.random.default_rng(5).normal(size=32)
    assert shapley(values).tolist() == pytest.approx(_by_orders(values, 5))


def test_shapley_values_sum_to_what_all_reach() -> None:
    values = np.random.default_rng(6).normal(size=(3, 2**7))
    assert shapley(values).sum(axis=-1) == pytest.approx(values[:, -1] - values[:, 0])


def test_shapley_of_one_who_adds_nothing_is_nothing() -> None:
    values = _game(lambda those: float(len(those - {2}) ** 2), 4)
    assert shapley(values)[2] == pytest.approx(0.0)
    assert leave_one_out(values)[2] == 0.0


def test_leave_one_out_is_what_all_lose_without_one() -> None:
    values = _game(lambda those: float(len(those) ** 2), 3)
    assert leave_one_out(values).tolist() == [5.0, 5.0, 5.0]
    assert leave_one_out(np.vstack([values, values])).shape == (2, 3)


def test_sampled_shapley_is_within_its_errors_of_the_exact_one() -> None:
    values = np.random.default_rng(8).normal(size=2**8)
    exact = shapley(values)
    found = sampled_shapley(
        lambda coalition: float(values[coalition]), 8, np.random.default_rng(9), n_pairs=400
    )
    off = np.abs(found.values - exact) / found.standard_errors
    assert off.max() < 4.0
    assert found.values.sum() == pytest.approx(values[-1] - values[0])
    assert found.n_orders == 800


def test_sampled_shapley_of_a_sum_is_exact_after_any_orders() -> None:
    worth = [1.0, -2.0, 0.5]
    found = sampled_shapley(
        lambda coalition: sum(w for i, w in enumerate(worth) if coalition >> i & 1),
        3,
        np.random.default_rng(1),
        n_pairs=2,
    )
    assert found.values.tolist() == pytest.approx(worth)
    assert found.standard_errors.tolist() == pytest.approx([0.0] * 3)


def test_shapley_refuses_what_is_no_game() -> None:
    with pytest.raises(ValueError, match=r"2\*\*n"):
        shapley([0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match="not be negative"):
        coalitions(-1)
    with pytest.raises(ValueError, match="two pairs"):
        sampled_shapley(lambda _: 0.0, 3, np.random.default_rng(1), n_pairs=1)
