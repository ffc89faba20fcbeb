"""Account at a simulated venue: what is held, what it is worth, funding, liquidation."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.execution.acceptance import objection_at
from tutti.execution.margin import carry_marks, liquidation_fills, quiet_until
from tutti.execution.terms import terms_of
from tutti.kernel.jit import bound
from tutti.model.arrays import Book, Terms
from tutti.model.errors import ConfigError
from tutti.model.order import FundingPaid, Liquidated, Side

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tutti.execution.cost import Costs
    from tutti.model.arrays import Tradable
    from tutti.model.instrument import Instrument, InstrumentId

_FUNDING_STEP = Decimal("1e-12")
_LOOK = 64  # bars that are searched at once for the next funding or liquidation


class Listing:
    """Instrument as its venue lists it, its column in the bars, and the lots held of it."""

    __slots__ = (
        "column",
        "instrument",
        "is_perpetual",
        "lots",
        "maker_fee",
        "price_step",
        "quantity_step",
        "taker_fee",
        "terms",
    )

    def __init__(self, terms: Instrument, column: int) -> None:
        self.terms = terms
        self.column = column
        self.lots = 0
        # read for every fill
        self.instrument = terms.id
        self.is_perpetual = terms.is_perpetual
        self.maker_fee = terms.maker_fee
        self.taker_fee = terms.taker_fee
        self.price_step = terms.price_step
        self.quantity_step = terms.quantity_step


class Account:
    """Cash and positions at one simulated venue, in decimals and, for the kernels, in arrays.

    Parameters
    ----------
    venue : str
        Name of the venue.
    instruments : sequence of Instrument
        What can be held.
    columns : sequence of int
        Column of each in the bars.
    costs : Costs
        Cost and fill rules, over all columns of the bars.
    cash : Decimal
        Quote currency.
    """

    def __init__(
        self,
        venue: str,
        instruments: Sequence[Instrument],
        columns: Sequence[int],
        costs: Costs,
        cash: Decimal,
    ) -> None:
        self.cash = cash
        self._venue = venue
        self._costs = costs
        self.terms = _spread(terms_of(instruments, [venue]), columns)
        width = self.terms.lot.size
        self.book = _book(width, cash)
        self.listings = {
            terms.id: Listing(terms, int(column))
            for terms, column in zip(instruments, columns, strict=True)
        }
        self.n_perpetuals_held = 0
        self._bars: Tradable | None = None
        self._marked = 0
        self._quiet = 0
        self._quiet_until: Callable[..., int] | None = None
        self._objection_at = bound(objection_at, 0, 0, 0.0, self.book, self.terms)
        self._closing_lots = np.zeros(width, dtype=np.int64)
        self._closing_ticks = np.zeros(width, dtype=np.int64)

    def enter(self, bars: Tradable) -> None:
        """Go over to the next block of bars; all of the last one is past."""
        if self._bars is not None:
            self.mark(len(self._bars.ts))
        self._bars = bars
        self._quiet_until = None  # its bars may lie in memory otherwise
        self._marked = 0
        self._quiet = 0

    def mark(self, stop: int) -> None:
        """Take over the last closes of the block's bars before row ``stop``.

        Called when somebody needs them, which is far less often than once a bar.
        """
        if stop > self._marked and self._bars is not None:
            carry_marks(self._marked, stop, self._bars.close, self.book.mark)
            self._marked = stop

    def objection(self, listing: Listing, signed_lots: int, price: float) -> int:
        """Return the code of what speaks against an order; NaN price: at the last close."""
        if math.isnan(price):
            price = float(self.book.mark[listing.column])
        return int(self._objection_at(listing.column, signed_lots, price, self.book, self.terms))

    def reprice(self, costs: Costs) -> None:
        """Close by other rules, where it comes to that, from now on."""
        self._costs = costs

    def pay(self, amount: Decimal) -> None:
        """Take ``amount`` off the cash."""
        self.cash -= amount
        self.book.cash[0] = float(self.cash)

    def hold(self, listing: Listing, signed_lots: int) -> None:
        """Add to what is held."""
        before = listing.lots
        listing.lots = after = before + signed_lots
        self.book.lots[listing.column] = after
        if listing.is_perpetual:
            self.n_perpetuals_held += (after != 0) - (before != 0)
        self._quiet = 0

    def set_aside(self, listing: Listing, signed_lots: int) -> None:
        """Add to the lots that working orders may still fill."""
        self.book.working[listing.column] += signed_lots

    def restore(self, cash: Decimal, lots: dict[InstrumentId, int]) -> None:
        """Replace cash and positions."""
        self.pay(self.cash - cash)
        for listing in self.listings.values():
            self.hold(listing, lots.get(listing.instrument, 0) - listing.lots)

    def fitted(self, instrument: InstrumentId, quantity: Decimal) -> tuple[Listing, int]:
        """Return the listing of an instrument and ``quantity`` in lots.

        Raises
        ------
        ConfigError
            If it isn't traded here, or the quantity isn't on its step.
        """
        listing = self.listings.get(instrument)
        if listing is None:
            raise ConfigError(f"{self._venue} can't restore {instrument}: it does not trade there")
        lots = quantity / listing.quantity_step
        if lots != lots.to_integral_value():
            raise ConfigError(
                f"{self._venue} can't restore {quantity} of {instrument}: not a multiple of "
                f"{listing.quantity_step}; was the quantity step changed?"
            )
        return listing, int(lots)

    def settle(self, bars: Tradable, t: int) -> list[FundingPaid | Liquidated]:
        """Liquidate where the prices of bar ``t`` demand it, and pay the funding due at its end."""
        if t < self._quiet:
            return []
        self.mark(t)
        stop = min(t + _LOOK, len(bars.ts))
        if self._quiet_until is None:
            self._quiet_until = bound(quiet_until, t, stop, self.book, bars, self.terms, 0)
        self._quiet = self._quiet_until(t, stop, self.book, bars, self.terms, 0)
        if t < self._quiet:
            return []
        self._quiet = t + 1
        ts = int(bars.ts[t])
        held = [each for each in self.listings.values() if each.lots and each.is_perpetual]
        events: list[FundingPaid | Liquidated] = []
        lots = self._closing_lots
        ticks = self._closing_ticks
        if liquidation_fills(t, self.book, bars, self.terms, self._costs, 0, lots, ticks):
            for listing in held:
                if closing := int(lots[listing.column]):
                    price = int(ticks[listing.column]) * listing.price_step
                    events.append(self._liquidate(listing, closing, price, ts))
        # funding falls due at the end of the bar, on what is still held then
        for listing in held:
            rate = float(bars.funding[t, listing.column])
            if listing.lots and abs(rate) > 0.0:
                events.append(self._fund(listing, rate, float(bars.close[t, listing.column]), ts))
        return events

    def _fund(self, listing: Listing, rate: float, close: float, ts: int) -> FundingPaid:
        price = float(self.book.mark[listing.column]) if math.isnan(close) else close
        held = listing.lots * listing.quantity_step
        exact = -held * Decimal(repr(price)) * Decimal(repr(rate))
        amount = exact.quantize(_FUNDING_STEP)
        self.pay(-amount)
        return FundingPaid(instrument=listing.instrument, ts=ts, rate=rate, amount=amount)

    def _liquidate(self, listing: Listing, signed_lots: int, price: Decimal, ts: int) -> Liquidated:
        notional = signed_lots * listing.quantity_step * price
        fee = abs(notional) * (listing.taker_fee + Decimal(repr(self._costs.liquidation_fee)))
        self.pay(notional + fee)
        self.hold(listing, signed_lots)
        return Liquidated(
            instrument=listing.instrument,
            ts=ts,
            fill_id=f"liquidation-{listing.instrument}-{ts}",
            side=Side.BUY if signed_lots > 0 else Side.SELL,
            quantity=abs(signed_lots) * listing.quantity_step,
            price=price,
            fee=fee,
        )


def _spread(own: Terms, columns: Sequence[int]) -> Terms:
    # Over all columns of the bars: venue 0 is this one, columns of other venues belong to none.
    width = max(columns, default=-1) + 1
    where = np.asarray(columns, dtype=np.int64)
    arrays: dict[str, Any] = {}
    for field, values in own._asdict().items():
        arrays[field] = np.full(width, -1 if field == "venue" else 1, dtype=values.dtype)
        arrays[field][where] = values
    return Terms(**arrays)


def _book(width: int, cash: Decimal) -> Book:
    # lots, marks, working orders and cash serve the kernels; the rest is the portfolio's
    return Book(
        lots=np.zeros(width, dtype=np.int64),
        average_price=np.zeros(width),
        opened_at=np.zeros(width, dtype=np.int64),
        closed_at=np.zeros(width, dtype=np.int64),
        paused_until=np.zeros(width, dtype=np.int64),
        lead=np.full(width, -1, dtype=np.int64),
        mark=np.full(width, np.nan),
        marked_at=np.zeros(width, dtype=np.int64),
        working=np.zeros(width, dtype=np.int64),
        cash=np.array([float(cash)]),
        agent_day=np.zeros(1),
        account=np.zeros(8),
    )
