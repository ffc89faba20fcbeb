"""The market of a replay, and what its bars can fill at which price."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

OPEN, HIGH, LOW, CLOSE = range(4)
PHASES = 4
"""States of the order book that a bar is put to NautilusTrader as."""

NEVER = 2**63 - 1
_PARKINSON = 1.0 / (2.0 * math.sqrt(math.log(2.0)))


class Quoted(NamedTuple):
    """Price of a fill before it happens, and what of it is spread and impact (per unit)."""

    ticks: int
    spread: float
    impact: float


class Tape:
    """The market, and where in it the replay stands."""

    def __init__(self, request: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self.request = request
        self.step: int = request["step"]
        self.ts = arrays["ts"]
        self.bars = [arrays[name] for name in ("open", "high", "low", "close")]
        self.volume = arrays["volume"]
        self.funding = arrays["funding"]
        self.terms: list[dict[str, Any]] = request["instruments"]
        self.ticks = [float(each["price_step"]) for each in self.terms]
        self.lots = [float(each["quantity_step"]) for each in self.terms]
        self.row = [0] * len(self.terms)
        self.phase = [CLOSE] * len(self.terms)
        self._used: dict[tuple[int, int], int] = {}

    def at(self, column: int) -> tuple[float, float, float, float]:
        """Return open, high, low and close of the bar that the replay stands in."""
        row = self.row[column]
        o, h, low, c = (float(side[row, column]) for side in self.bars)
        return o, h, low, c

    def room(self, column: int) -> int:
        """Return how many lots the bar can still fill; decision 0003, row "how much"."""
        share = float(self.terms[column]["participation"])
        if share <= 0.0:
            return NEVER
        row = self.row[column]
        volume = float(self.volume[row, column])
        if not volume > 0.0:
            return 0
        lots = share * volume / self.lots[column]
        most = max(1, math.floor(lots + _slack(lots)))
        return most - self._used.get((column, row), 0)

    def lots_of(self, quantity: Decimal, column: int) -> int:
        """Return a quantity in whole lots."""
        return round(quantity / Decimal(self.terms[column]["quantity_step"]))

    def use(self, column: int, lots: int) -> None:
        """Take what was filled off the room that the bar has."""
        key = column, self.row[column]
        self._used[key] = self._used.get(key, 0) + lots

    def taker(self, column: int, side: int, price: float, lots: int) -> Quoted:
        """Return what taking costs; decision 0003, rows "market order", "impact", "rounding"."""
        terms, row = self.terms[column], self.row[column]
        spread = float(terms["half_spread_bps"]) * 1e-4
        impact = 0.0
        _, high, low, _ = self.at(column)
        if high > low:
            volume = float(self.volume[row, column])
            share = lots * self.lots[column] / volume if volume > 0.0 else 1.0
            sigma = math.log(high / low) * _PARKINSON
            impact = float(terms["impact_coefficient"]) * sigma * math.sqrt(share)
        exact = price * (1.0 + side * (spread + impact)) / self.ticks[column]
        slack = _slack(exact)
        ticks = math.ceil(exact - slack) if side > 0 else math.floor(exact + slack)
        return Quoted(max(ticks, 1), spread * price, impact * price)


def _slack(steps: float) -> float:
    return 1e-9 + 1e-12 * abs(steps)
