"""The rising step function that fits best: isotonic regression.

Source: Ayer, Brunk, Ewing, Reid and Silverman (1955), An empirical distribution function for
sampling with incomplete information (pool adjacent violators); Zadrozny and Elkan (2002),
Transforming classifier scores into accurate multiclass probability estimates, for its use on
stated probabilities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.model.market import FloatArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Rising(NamedTuple):
    """A function that never falls: straight between its knots, flat beyond them.

    Parameters
    ----------
    x, y : ndarray of float64, shape (k,)
        ``x`` rising, ``y`` not falling.
    """

    x: FloatArray
    y: FloatArray

    def __call__(self, at: ArrayLike) -> FloatArray:
        """Return its values; NaN stays NaN."""
        return np.asarray(np.interp(np.asarray(at, np.float64), self.x, self.y))


def isotonic(x: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None) -> Rising:
    """Return the function that never falls and is closest to the points, in squared distance.

    Parameters
    ----------
    x, y : array-like of shape (n,)
        Points in any order, finite, at least one; those of one ``x`` count as their mean.
    weights : array-like of shape (n,), optional
        Positive.

    Returns
    -------
    Rising
        Knots at both ends of each level.

    Raises
    ------
    ValueError
        If there are no points, the shapes differ, or a value can't be.
    """
    at, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
    mass = np.ones(len(at)) if weights is None else np.asarray(weights, np.float64)
    if at.ndim != 1 or not len(at) or not at.shape == values.shape == mass.shape:
        raise ValueError(
            f"x, y and weights must have one shape (n,), n > 0, were {at.shape}, {values.shape}, "
            f"{mass.shape}"
        )
    if not (np.isfinite(at).all() and np.isfinite(values).all() and (mass > 0.0).all()):
        raise ValueError("x and y must be finite and weights positive")
    places, group = np.unique(at, return_inverse=True)
    weight = np.bincount(group, mass)
    means = np.bincount(group, mass * values) / weight
    levels = _pooled(means.tolist(), weight.tolist())
    knots_x, knots_y, begin = [], [], 0
    for level, length in levels:
        ends = {begin, begin + length - 1}
        knots_x += [float(places[k]) for k in sorted(ends)]
        knots_y += [level] * len(ends)
        begin += length
    return Rising(np.array(knots_x), np.array(knots_y))


def _pooled(means: list[float], weights: list[float]) -> list[tuple[float, int]]:
    # levels of (value, weight, length): one that lies below its neighbour is merged with it
    levels: list[tuple[float, float, int]] = []
    for mean, weight in zip(means, weights, strict=True):
        value, heavy, length = mean, weight, 1
        while levels and levels[-1][0] >= value:
            before, their_weight, their_length = levels.pop()
            together = heavy + their_weight
            value = (value * heavy + before * their_weight) / together
            heavy, length = together, length + their_length
        levels.append((value, heavy, length))
    return [(value, length) for value, _, length in levels]
