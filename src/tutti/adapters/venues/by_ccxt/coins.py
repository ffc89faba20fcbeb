"""Spot holdings where a venue takes its fee out of what was bought.

Who buys 1 BTC and pays the fee in BTC has 0.999 afterwards. Our book counts the whole quantity and
charges the fee in quote currency, which is worth the same. Two things follow from that: the venue
holds a little less than the book, which is no difference, and it can't sell all that the book holds.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tutti.model.instrument import Instrument, InstrumentId
    from tutti.model.order import OrderIntent, Side

_NOTHING = Decimal(0)
_ROUND_TRIPS = 2


class Coins:
    """What our book holds of spot instruments at one venue, by what was told.

    Parameters
    ----------
    instruments : mapping of InstrumentId to Instrument
    """

    def __init__(self, instruments: Mapping[InstrumentId, Instrument]) -> None:
        self._spot = {name: each for name, each in instruments.items() if not each.is_perpetual}
        self._ours: dict[InstrumentId, Decimal] = {}
        self._price: dict[InstrumentId, Decimal] = {}

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Count more instruments."""
        self._spot |= {each.id: each for each in instruments if not each.is_perpetual}

    def leave(self, instruments: Iterable[InstrumentId]) -> None:
        """Count some instruments no more; what fees left over of them is nobody's."""
        for each in instruments:
            self._spot.pop(each, None)
            self._ours.pop(each, None)

    def begin(self, positions: Mapping[InstrumentId, Decimal]) -> None:
        """Take over what an earlier process left in the book."""
        self._ours |= {name: held for name, held in positions.items() if name in self._spot}

    def saw(self, instrument: InstrumentId, price: Decimal) -> None:
        """Take note of a price (quote currency)."""
        if price > 0:
            self._price[instrument] = price

    def filled(self, instrument: InstrumentId, side: Side, quantity: Decimal) -> None:
        """Take note of an execution that was told, ``quantity`` in base units."""
        if instrument in self._spot:
            held = self._ours.get(instrument, _NOTHING)
            self._ours[instrument] = held + side.sign * quantity

    def as_booked(self, theirs: Mapping[InstrumentId, Decimal]) -> dict[InstrumentId, Decimal]:
        """Return what the venue holds, as our book counts it: fees taken in coins are no loss."""
        counted = dict(theirs)
        for name, ours in self._ours.items():
            short = ours - counted.get(name, _NOTHING)
            if short and 0 < short <= self._slack(name, ours):
                counted[name] = ours
        return counted

    def sellable(self, intent: OrderIntent, theirs: Mapping[InstrumentId, Decimal]) -> Decimal:
        """Return how much of a sale the venue can carry out: all of it, or what fees left of it.

        Base units, a whole number of steps. What is missing by more than fees is not made up for.
        """
        instrument = self._spot.get(intent.instrument)
        if instrument is None or intent.side.sign > 0:
            return intent.quantity
        there = theirs.get(intent.instrument, _NOTHING)
        short = intent.quantity - there
        if not 0 < short <= self._slack(intent.instrument, intent.quantity):
            return intent.quantity
        step = instrument.quantity_step
        left = (there / step).to_integral_value(ROUND_FLOOR) * step
        return left if left >= max(step, instrument.min_quantity) else intent.quantity

    def _slack(self, name: InstrumentId, quantity: Decimal) -> Decimal:
        instrument = self._spot[name]
        least = max(instrument.min_quantity, instrument.quantity_step)
        price = self._price.get(name)
        if price is not None:
            # what is too small to be sold is left over by every round trip
            least = max(least, instrument.min_notional / price)
        return abs(quantity) * instrument.taker_fee * _ROUND_TRIPS + least
