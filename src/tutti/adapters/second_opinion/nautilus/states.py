"""Bars as states of order books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import BookAction, OrderSide
from nautilus_trader.model.objects import Price

from .tape import OPEN, PHASES

if TYPE_CHECKING:
    from .tape import Tape

_LAST = 128  # flag of the last change of a book that belong together


def states(tape: Tape, instruments: list[Any], start: int, stop: int) -> list[OrderBookDeltas]:
    """Return the states of the books in the bars of rows ``start`` to ``stop``, in time order."""
    quarter = tape.step // PHASES
    marks = np.array([0, quarter, 2 * quarter, tape.step - 1])
    sizes = [each.make_qty(max(1.0, float(each.size_increment))) for each in instruments]
    found = []
    there = ~np.isnan(tape.bars[OPEN][start:stop])
    for row in range(start, stop):
        begin = int(tape.ts[row])
        columns = np.flatnonzero(there[row - start]).tolist()
        for phase in range(PHASES):
            ts = begin + int(marks[phase])
            prices = tape.bars[phase][row]
            for column in columns:
                each = instruments[column]
                price = Price(prices[column], each.price_precision)
                found.append(_book(each.id, price, sizes[column], row * PHASES + phase, ts))
    return found


def _book(name: Any, price: Any, size: Any, number: int, ts: int) -> OrderBookDeltas:
    # bid and ask both at the bar's price, as when NautilusTrader takes bars apart
    bid = BookOrder(OrderSide.BUY, price, size, 1)
    ask = BookOrder(OrderSide.SELL, price, size, 2)
    return OrderBookDeltas(
        name,
        [
            OrderBookDelta.clear(name, number, ts, ts),
            OrderBookDelta(name, BookAction.ADD, bid, 0, number, ts, ts),
            OrderBookDelta(name, BookAction.ADD, ask, _LAST, number, ts, ts),
        ],
    )
