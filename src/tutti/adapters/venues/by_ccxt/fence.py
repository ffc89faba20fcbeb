"""The last check before an order leaves: it knows nothing of why, only how large and how often."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.kernel.clock import MINUTE

if TYPE_CHECKING:
    from tutti.model.order import OrderIntent


@dataclass(slots=True, kw_only=True)
class Fence:
    """Limits that hold whatever anything above says; orders that reduce a position pass.

    Parameters
    ----------
    max_order_notional : Decimal or None
        Quote currency, at the price of the order or the one it was decided at; None for no limit.
    max_orders_per_minute : int or None
        None for no limit.
    """

    max_order_notional: Decimal | None = None
    max_orders_per_minute: int | None = None
    _sent: deque[int] = field(default_factory=deque)

    def objection(self, intent: OrderIntent, ts: int) -> str:
        """Return why the order must not leave at ``ts`` (ns UTC); empty, and counted, if it may."""
        if intent.reduces:
            return ""
        notional = intent.quantity * (intent.price or intent.reference_price)
        if self.max_order_notional is not None and notional > self.max_order_notional:
            return (
                f"notional {notional:.2f} is over live.max_order_notional "
                f"{self.max_order_notional}; nothing was sent"
            )
        while self._sent and ts - self._sent[0] >= MINUTE:
            self._sent.popleft()
        if self.max_orders_per_minute is not None and (
            len(self._sent) >= self.max_orders_per_minute
        ):
            return (
                f"{len(self._sent)} orders left within a minute, which is "
                "live.max_orders_per_minute; nothing was sent"
            )
        self._sent.append(ts)
        return ""
