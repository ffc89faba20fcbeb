"""A block of bars as the kernels take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.model.arrays import Tradable

if TYPE_CHECKING:
    from tutti.model.market import MarketBlock


def tradable(block: MarketBlock) -> Tradable:
    """Return the arrays of ``block``, without copying."""
    return Tradable(
        ts=block.ts,
        open=block.open,
        high=block.high,
        low=block.low,
        close=block.close,
        volume=block.volume,
        funding=block.funding,
    )
