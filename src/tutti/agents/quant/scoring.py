"""The one kernel behind the quant agents: factor scores, weighted, summed, against thresholds.

The formula is in :mod:`tutti.agents.quant.recipe`; here recipes become arrays and blocks of
features become views.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.agents.quant.recipe import Factor, Recipe, Shape
from tutti.kernel.jit import njit
from tutti.model.market import FloatArray, IntArray
from tutti.model.opinion import Views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.features.block import FeatureBlock

_SOFT, _BREAK = int(Shape.SOFT), int(Shape.BREAK)
_HUGE = 1e8  # where SOFT is 1 to the last bit, and its square no overflow


class ScoreTable(NamedTuple):
    """Recipes as the kernel takes them: K factors of A agents; a column of -1 means none."""

    columns: IntArray
    """(K, 4): a, b, y, g."""
    shapes: IntArray
    """(K,)."""
    numbers: FloatArray
    """(K, 7): other_times, unit, centre, scale, gate closed, gate open, weight."""
    ends: IntArray
    """(A + 1,): factors of agent j are ``ends[j]:ends[j + 1]``."""
    gates: IntArray
    """(A,): column of the agent's own gate."""
    limits: FloatArray
    """(A, 6): sell, buy, full, ceiling, gate closed, gate open."""


@njit
def ramp(g: float, closed: float, opened: float) -> float:
    """Return 0 at ``closed``, 1 at ``opened``, linear between; NaN for NaN."""
    r = (g - closed) / (opened - closed)
    if r < 0.0:
        return 0.0
    if r > 1.0:
        return 1.0
    return r


@njit
def shaped(u: float, shape: int) -> float:
    """Return the factor score of ``u``, CLIP or SOFT; NaN for NaN."""
    if shape == _SOFT and abs(u) < _HUGE:
        return u / math.sqrt(1.0 + u * u)
    if u > 1.0:
        return 1.0
    if u < -1.0:
        return -1.0
    return u


@njit
def settled(
    raw: float, mass: float, opened: float, limits: FloatArray
) -> tuple[float, float, float]:
    """Return (score, bias, confidence) of a weighted sum and the sum of its absolute terms."""
    score = raw * opened
    if math.isnan(score):
        return math.nan, math.nan, math.nan
    if limits[0] <= score <= limits[1]:
        return score, 0.0, 0.0
    size = abs(score)
    confidence = limits[3] * min(1.0, size / limits[2]) * (1.0 + abs(raw) / mass) * 0.5
    return score, max(-1.0, min(1.0, score)), min(1.0, confidence)


@njit
def _add_factor(  # noqa: PLR0913 (a kernel takes what it reads)
    values: FloatArray,
    t: int,
    columns: IntArray,
    shape: int,
    numbers: FloatArray,
    raw: FloatArray,
    mass: FloatArray,
) -> None:
    a, b, y, g = values[columns[0], t], values[columns[1], t], values[columns[2], t], columns[3]
    gate = values[g, t]
    times, unit, centre, scale = numbers[0], numbers[1], numbers[2], numbers[3]
    for i in range(len(raw)):
        measure = unit
        if columns[2] >= 0:
            # what has not moved at all can't be measured by how much it moves
            measure = y[i] * unit if y[i] > 0.0 else math.nan
        if shape == _BREAK:
            up = (a[i] / measure - centre) / scale
            down = (-b[i] / measure - centre) / scale
            f = shaped(up, 0) * (up > 0.0) - shaped(down, 0) * (down > 0.0)
        else:
            x = a[i]
            if columns[1] >= 0:
                x += times * b[i]
            f = shaped((x / measure - centre) / scale, shape)
        if g >= 0:
            f *= ramp(gate[i], numbers[4], numbers[5])
        raw[i] += numbers[6] * f
        mass[i] += numbers[6] * abs(f)


@njit
def score_block(
    values: FloatArray, table: ScoreTable, bias: FloatArray, confidence: FloatArray
) -> None:
    """Write the views of A agents on a block of features.

    Parameters
    ----------
    values : float64 (F, T, N)
    table : ScoreTable
    bias, confidence : float64 (A, T, N)
        Written.
    """
    n_ticks, n = values.shape[1], values.shape[2]
    raw = np.empty(n)
    mass = np.empty(n)
    for j in range(len(table.gates)):
        gate = table.gates[j]
        limits = table.limits[j]
        for t in range(n_ticks):
            raw[:] = 0.0
            mass[:] = 0.0
            for k in range(table.ends[j], table.ends[j + 1]):
                _add_factor(
                    values, t, table.columns[k], table.shapes[k], table.numbers[k], raw, mass
                )
            for i in range(n):
                opened = 1.0
                if gate >= 0:
                    opened = ramp(values[gate, t, i], limits[4], limits[5])
                _, bias[j, t, i], confidence[j, t, i] = settled(raw[i], mass[i], opened, limits)


def limits_of(recipe: Recipe) -> FloatArray:
    """Return what :func:`settled` needs of a recipe, float64 (6,)."""
    gate = (recipe.gate.closed, recipe.gate.open) if recipe.gate else (0.0, 1.0)
    return np.array([recipe.sell, recipe.buy, recipe.full, recipe.ceiling, *gate])


def _numbers(factor: Factor) -> list[float]:
    gate = (factor.gate.closed, factor.gate.open) if factor.gate else (0.0, 1.0)
    measured = [factor.other_times, factor.unit, factor.centre, factor.scale]
    return [*measured, *gate, factor.weight]


def score_table(recipes: Sequence[Recipe], names: tuple[str, ...]) -> ScoreTable:
    """Return the recipes as arrays, for features in the order of ``names``.

    Raises
    ------
    ValueError
        If a recipe needs a feature that is not among the names.
    """
    missing = sorted({name for recipe in recipes for name in recipe.needs} - set(names))
    if missing:
        raise ValueError(f"features {missing} are needed, but only {sorted(names)} are there")
    index = {name: column for column, name in enumerate(names)}

    def column(name: str | None) -> int:
        return -1 if name is None else index[name]

    factors = [factor for recipe in recipes for factor in recipe.factors]
    columns = [
        [column(n) for n in (f.feature, f.other, f.over, f.gate.feature if f.gate else None)]
        for f in factors
    ]
    return ScoreTable(
        columns=np.array(columns, np.int64),
        shapes=np.array([factor.shape for factor in factors], np.int64),
        numbers=np.array([_numbers(factor) for factor in factors]),
        ends=np.cumsum([0, *(len(recipe.factors) for recipe in recipes)], dtype=np.int64),
        gates=np.array([column(r.gate.feature if r.gate else None) for r in recipes], np.int64),
        limits=np.array([limits_of(recipe) for recipe in recipes]),
    )


class ScoreCard:
    """Recipes scored together, in one call of the kernel.

    Parameters
    ----------
    recipes : sequence of Recipe
        The A agents, in order.
    """

    def __init__(self, recipes: Sequence[Recipe]) -> None:
        self._recipes = tuple(recipes)
        self._names: tuple[str, ...] = ()
        self._table: ScoreTable | None = None

    def score(self, features: FeatureBlock) -> Views:
        """Return the views of all agents, bias and confidence of shape (A, T, N).

        Raises
        ------
        ValueError
            If a needed feature is not in the block.
        """
        shape = (len(self._recipes), *features.values.shape[1:])
        views = Views(np.empty(shape), np.empty(shape))
        self.score_into(features, views)
        return views

    def score_into(self, features: FeatureBlock, views: Views) -> None:
        """Write the views of all agents into C-ordered arrays of shape (A, T, N)."""
        if self._table is None or self._names != features.names:
            self._table = score_table(self._recipes, features.names)
            self._names = features.names
        score_block(np.ascontiguousarray(features.values), self._table, *views)
