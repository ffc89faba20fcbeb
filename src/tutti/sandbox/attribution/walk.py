"""Goes through a run's executions and payments and books every change of equity to its cause.

What is held is marked from close to close, and each change belongs to the agent that leads the
position, its side, and the regime that was known before the bar began. A fill is marked at the
close of its bar::

    signal + timing + slippage = quantity * (close - price)
    signal   =  quantity * (close - reference)    the fill at the price it was decided at
    timing   = -quantity * (open - reference)     what the market moved until it could trade
    slippage = -quantity * (price - open)         what it paid beyond that

with a signed quantity, so that the parts add up for buys and sells alike; where a fill closes one
position and opens another it is split between the two. A forced close was decided by nobody: its
reference is its price. Decimals all the way, so that the sum is the profit to the last digit.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from tutti.model.opinion import Regime
from tutti.sandbox.attribution.events import Execution, Payment
from tutti.sandbox.attribution.table import Attribution, Key, Parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tutti.model.instrument import InstrumentId
    from tutti.model.market import FloatArray, IntArray
    from tutti.sandbox.attribution.events import Prices

UNKNOWN = "unknown"
"""Regime before there is one, and where none was kept."""

_NOTHING = Decimal(0)
_NO_REGIME = -1


def attribute(
    instruments: Sequence[InstrumentId],
    prices: Prices,
    events: Iterable[Execution | Payment],
) -> Attribution:
    """Take the profit of a run apart.

    Parameters
    ----------
    instruments : sequence of InstrumentId
        The columns.
    prices : Prices
        Of the whole run.
    events : iterable of Execution or Payment
        In the order in which they were booked.
    """
    cells: dict[Key, Parts] = {}
    walks = [_Walk(each, prices, i, cells) for i, each in enumerate(instruments)]
    for event in events:
        walks[event.instrument].take(event)
    for walk in walks:
        walk.mark_to(len(prices.ts) - 1)
    return Attribution(cells=tuple(sorted(cells.items())), has_timing=prices.open is not None)


class _Walk:
    """One instrument: what is held, its mark, and up to which bar it is marked."""

    def __init__(
        self, instrument: InstrumentId, prices: Prices, i: int, cells: dict[Key, Parts]
    ) -> None:
        self._instrument = instrument
        self._prices = prices
        self._cells = cells
        self._close = prices.close[:, i].tolist()
        self._open = None if prices.open is None else prices.open[:, i].tolist()
        self._regime = _known_before(prices.regime, i, len(prices.ts))
        self._known = _newest_known(prices.close[:, i])
        self._row = -1
        self._held = _NOTHING
        self._lead = ""
        self._mark: Decimal | None = None

    def take(self, event: Execution | Payment) -> None:
        """Book one event."""
        row = self._prices.row(event.ts)
        self.mark_to(row)
        if isinstance(event, Payment):
            self._post(row, self._lead, self._held, Parts(funding=event.amount))
        else:
            self._execute(event, row)

    def mark_to(self, row: int) -> None:
        """Book what is held up to the close of bar ``row``, a stretch of one regime at a time."""
        if row <= self._row:
            return
        if self._held:
            codes = self._regime[self._row + 1 : row + 1]
            turns = (np.flatnonzero(np.diff(codes)) + self._row + 1).tolist()
            for end in (*turns, row):
                self._mark_at(end)
        else:
            self._mark = self._close_at(row) or self._mark
        self._row = row

    def _mark_at(self, row: int) -> None:
        price = self._close_at(row)
        if price is not None and self._mark is not None:
            gain = self._held * (price - self._mark)
            self._post(row, self._lead, self._held, Parts(signal=gain))
            self._mark = price

    def _close_at(self, row: int) -> Decimal | None:
        known = int(self._known[row])
        return None if known < 0 else Decimal(repr(self._close[known]))

    def _execute(self, fill: Execution, row: int) -> None:
        if self._mark is None:
            self._mark = fill.price  # before its first bar
        opposed = self._held * fill.quantity < 0
        closing = _smaller(fill.quantity, -self._held) if opposed else _NOTHING
        opening = fill.quantity - closing
        fee = fill.fee * closing / fill.quantity if opening else fill.fee
        if closing:
            self._post(row, self._lead, self._held, self._parts(fill, closing, fee, row))
        self._held += closing
        if opening:
            if not self._held:
                self._lead = fill.lead
            self._post(row, self._lead, opening, self._parts(fill, opening, fill.fee - fee, row))
        self._held += opening

    def _parts(self, fill: Execution, quantity: Decimal, fee: Decimal, row: int) -> Parts:
        assert self._mark is not None
        reference = fill.price if fill.reference is None else fill.reference
        arrival = reference
        if fill.reference is not None and self._open is not None:
            opened = self._open[row]
            if not math.isnan(opened):
                arrival = Decimal(repr(opened))
        return Parts(
            signal=quantity * (self._mark - reference),
            timing=-quantity * (arrival - reference),
            slippage=-quantity * (fill.price - arrival),
            cost=-fee,
        )

    def _post(self, row: int, agent: str, direction: Decimal, parts: Parts) -> None:
        code = int(self._regime[row])
        key = Key(
            agent=agent,
            instrument=str(self._instrument),
            venue=self._instrument.venue,
            regime=UNKNOWN if code == _NO_REGIME else Regime(code).name.lower(),
            side="long" if direction > 0 else "short",
        )
        before = self._cells.get(key)
        self._cells[key] = parts if before is None else before.plus(parts)


def _smaller(first: Decimal, second: Decimal) -> Decimal:
    return first if abs(first) < abs(second) else second


def _known_before(regime: IntArray | None, i: int, n: int) -> IntArray:
    # what is known when a bar begins is what held at the close before
    before = np.full(n, _NO_REGIME, np.int64)
    if regime is not None:
        before[1:] = regime[:-1, i]
    return before


def _newest_known(close: FloatArray) -> IntArray:
    rows = np.where(np.isfinite(close), np.arange(len(close)), -1)
    newest: IntArray = np.maximum.accumulate(rows)
    return newest
