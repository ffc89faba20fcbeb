"""What every policy is, whether it follows rules or was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tutti.features.block import FeatureBlock
    from tutti.model.arrays import Signals
    from tutti.model.market import MarketBlock
    from tutti.model.opinion import ContextBlock, RegimeBlock


class Policy(Protocol):
    """Turns what is known of the market into signals.

    A policy never sees the book: what is held, and whether a signal becomes a target, is decided by
    ``target_at``. It may carry state in time, and then any cutting of the same ticks into blocks
    gives the same signals, bit for bit.

    ``needs`` names the features it reads; ``sizes_are_fractions`` says how ``Signals.size`` is
    meant and goes into ``TargetRules``.
    """

    name: str
    needs: tuple[str, ...]
    sizes_are_fractions: bool

    def signals(
        self,
        market: MarketBlock,
        features: FeatureBlock,
        context: ContextBlock,
        regime: RegimeBlock,
    ) -> Signals:
        """Return the signals of the next ticks, in the order of ``market.instruments``."""
        ...

    def explain(self, t: int, i: int) -> str:
        """Return why, in words, for instrument ``i`` at tick ``t`` of the last block."""
        ...
