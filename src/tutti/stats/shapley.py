"""What each of several players adds to what they reach together.

A game gives every coalition a value. A player's Shapley value is what it adds when it joins, on
average over all orders in which all may join::

    phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! * (v(S + i) - v(S))

The values of all players sum to ``v(all) - v(none)``; one that never adds anything has none. A
coalition is a number whose bit i says whether player i is in it. Sources: Shapley (1953), A value
for n-person games; Castro, Gómez and Tejada (2009), Polynomial calculation of the Shapley value
based on sampling; Mitchell, Cooper, Frank and Holmes (2022), Sampling permutations for Shapley
value estimation (antithetic pairs: each order together with its reverse).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.model.market import FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

EXACT = 12
"""Players up to which all coalitions are looked at: 4,096."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sampled:
    """Shapley values from some of the orders.

    Parameters
    ----------
    values, standard_errors : ndarray of float64, shape (n,)
        The error is that of the sampling alone.
    n_orders : int
    """

    values: FloatArray
    standard_errors: FloatArray
    n_orders: int


def coalitions(n: int) -> IntArray:
    """Return who is in each coalition: 0 or 1, int64 of shape (2**n, n); row k is coalition k."""
    if n < 0:
        raise ValueError(f"players must not be negative, was {n!r}")
    return (np.arange(2**n)[:, None] >> np.arange(n)) & 1


def shapley(values: ArrayLike) -> FloatArray:
    """Return the Shapley value of each player.

    Parameters
    ----------
    values : array-like of shape (..., 2**n)
        Of each coalition; earlier axes are games of their own, such as samples.

    Returns
    -------
    ndarray of float64, shape (..., n)

    Raises
    ------
    ValueError
        If the coalitions are not those of a number of players.
    """
    games, n = _games(values)
    members = coalitions(n)
    size = members.sum(axis=1)
    # weight of v(S) in phi_i: +(|S| - 1)! (n - |S|)! / n! where i is in S, -|S|! (n - |S| - 1)! / n!
    joined = np.array([_share(n, s - 1) if s else 0.0 for s in range(n + 1)])
    left = np.array([_share(n, s) if s < n else 0.0 for s in range(n + 1)])
    weights = np.where(members == 1, joined[size][:, None], -left[size][:, None])
    return np.asarray(games @ weights)


def leave_one_out(values: ArrayLike) -> FloatArray:
    """Return what all reach less what all but one reach, shape (..., n); see `shapley`."""
    games, n = _games(values)
    everybody = 2**n - 1
    return np.stack(
        [games[..., everybody] - games[..., everybody & ~(1 << i)] for i in range(n)], axis=-1
    )


def sampled_shapley(
    value: Callable[[int], float], n: int, rng: np.random.Generator, *, n_pairs: int
) -> Sampled:
    """Return Shapley values from random orders, each with its reverse.

    Parameters
    ----------
    value : callable
        Of a coalition's number; asked once for each.
    n : int
        Players, at least 1, at most 62.
    n_pairs : int
        Pairs of orders, at least 2.
    """
    if not 1 <= n <= 62 or n_pairs < 2:  # noqa: PLR2004
        raise ValueError(f"needs 1 to 62 players and two pairs, were {n!r} and {n_pairs!r}")
    known: dict[int, float] = {}

    def worth(coalition: int) -> float:
        if coalition not in known:
            known[coalition] = value(coalition)
        return known[coalition]

    added = np.zeros((n_pairs, n))
    for pair in range(n_pairs):
        order = rng.permutation(n).tolist()
        for line in (order, order[::-1]):
            coalition, before = 0, worth(0)
            for player in line:
                coalition |= 1 << player
                after = worth(coalition)
                added[pair, player] += 0.5 * (after - before)
                before = after
    return Sampled(
        values=added.mean(axis=0),
        standard_errors=added.std(axis=0, ddof=1) / math.sqrt(n_pairs),
        n_orders=2 * n_pairs,
    )


def _games(values: ArrayLike) -> tuple[FloatArray, int]:
    games = np.asarray(values, np.float64)
    count = games.shape[-1] if games.ndim else 0
    n = count.bit_length() - 1
    if count < 1 or count != 1 << n:
        raise ValueError(f"values must have shape (..., 2**n), was {games.shape}")
    return games, n


def _share(n: int, before: int) -> float:
    # of all orders, those in which a given set of that size stands before a player, the rest behind
    return math.factorial(before) * math.factorial(n - before - 1) / math.factorial(n)
