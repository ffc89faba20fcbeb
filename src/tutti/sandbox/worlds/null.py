"""Null worlds: markets in which nothing can be foreseen, so a strategy that is found good is lucky."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from tutti.sandbox.worlds.moves import mirrored, reordered

if TYPE_CHECKING:
    from tutti.model.market import FloatArray
    from tutti.sandbox.worlds.moves import Moves


class World(StrEnum):
    """What is done to a market without foresight.

    ``RANDOM_WALK``: nothing. ``SHUFFLED_LABELS``: the strategy sees one market, and its signals are
    traded on another, the same bars in random order. ``TIME_REVERSED``: the bars run backwards, each
    mirrored, so that what rose falls.
    """

    RANDOM_WALK = "random_walk"
    SHUFFLED_LABELS = "shuffled_labels"
    TIME_REVERSED = "time_reversed"


def coins(count: int, random: np.random.Generator) -> FloatArray:
    """Return ``count`` fair throws of 1 or -1."""
    return np.where(random.integers(0, 2, count) == 1, 1.0, -1.0)


def null_world(world: World, moves: Moves, random: np.random.Generator) -> tuple[Moves, Moves]:
    """Return what the strategy sees and what is traded, usually the same.

    Parameters
    ----------
    moves : Moves
        As likely to go up as down, whatever came before.
    """
    count = len(moves.close)
    if world is World.RANDOM_WALK:
        return moves, moves
    if world is World.TIME_REVERSED:
        turned = mirrored(reordered(moves, np.arange(count)[::-1].copy()), -np.ones(count))
        return turned, turned
    # mirrored anew: in another order alone they would end where they ended before, and whoever
    # follows trends was on the side of that on average
    return moves, mirrored(reordered(moves, random.permutation(count)), coins(count, random))
