"""The orders of the run as the replay works them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .tape import NEVER, Quoted


class Pending:
    """One order of the run, and what is left of it."""

    __slots__ = ("arrival", "cancel_at", "column", "forced", "id", "left", "limit", "lots", "parts",
                 "side", "type", "worked")  # fmt: skip

    def __init__(self, row: dict[str, Any]) -> None:
        self.id: str = row["id"]
        self.column: int = row["instrument"]
        self.side: int = row["side"]
        self.lots: int = row["lots"]
        self.type: str = row["type"]
        self.limit = None if row["price"] is None else Decimal(row["price"])
        self.arrival: int = row["arrival"]
        self.cancel_at: int = row["cancel_at"] or NEVER
        self.forced = Decimal(row["forced_price"]) if row["forced_price"] else None
        self.left = self.lots
        self.parts = 0
        self.worked: Any = None


class Orders:
    """What is known of the parts that orders are worked in, by the id of the part or the order."""

    def __init__(self) -> None:
        self.known: dict[str, Pending] = {}
        self.quoted: dict[str, Quoted | None] = {}

    def of(self, order: Any) -> Pending:
        """Return whose part an order of NautilusTrader's, or an event of one, is."""
        return self.known[order.client_order_id.value]
