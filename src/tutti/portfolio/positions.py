"""The account to the last decimal: positions, cash, realised profit, fees, funding, closed trades.

The same average-cost rules as :mod:`tutti.portfolio.accounting`, in decimals: what is reported and
recorded comes from here, the kernels' arrays agree with it to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.model.errors import InvariantBroken
from tutti.model.instrument import InstrumentId
from tutti.model.order import Position, Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tutti.model.order import Fill, FundingPaid, Liquidated

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTrade:
    """Position from its opening until it was flat or had turned.

    Parameters
    ----------
    side : Side
        BUY for a position that was long.
    quantity : Decimal
        Base units closed, in total.
    entry_price, exit_price : Decimal
        Averages over what was closed.
    profit : Decimal
        Quote currency, after fees and with funding.
    opened_at, closed_at : int
        ns UTC; their difference is the holding time.
    """

    instrument: InstrumentId
    side: Side
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    profit: Decimal
    fees: Decimal
    opened_at: int
    closed_at: int
    lead: str


class _Holding:
    """One instrument, since it was last flat."""

    __slots__ = (
        "average",
        "closed",
        "entry_value",
        "exit_value",
        "fees",
        "funding",
        "instrument",
        "lead",
        "opened_at",
        "quantity",
        "realised",
        "updated_at",
    )

    def __init__(self, instrument: InstrumentId) -> None:
        self.instrument = instrument
        self.updated_at = 0
        self.begin(_NOTHING, _NOTHING, 0, "")

    def begin(self, quantity: Decimal, price: Decimal, ts: int, lead: str) -> None:
        self.quantity = quantity
        self.average = price
        self.opened_at = ts
        self.lead = lead
        self.realised = self.fees = self.funding = _NOTHING
        self.closed = self.entry_value = self.exit_value = _NOTHING

    def position(self) -> Position:
        return Position(
            instrument=self.instrument,
            quantity=self.quantity,
            average_price=self.average,
            opened_at=self.opened_at,
            updated_at=self.updated_at,
            realised=self.realised,
            fees=self.fees,
            lead=self.lead,
        )

    def trade(self, side: Side) -> ClosedTrade:
        return ClosedTrade(
            instrument=self.instrument,
            side=side,
            quantity=self.closed,
            entry_price=self.entry_value / self.closed,
            exit_price=self.exit_value / self.closed,
            profit=self.realised - self.fees + self.funding,
            fees=self.fees,
            opened_at=self.opened_at,
            closed_at=self.updated_at,
            lead=self.lead,
        )


class Portfolio:
    """Positions and cash over all venues.

    Parameters
    ----------
    cash : mapping of str to Decimal
        Quote currency at each venue, by its name.
    positions : iterable of Position
        What is held already, after a restart.
    """

    def __init__(self, cash: Mapping[str, Decimal], positions: Iterable[Position] = ()) -> None:
        self._cash = dict(cash)
        self._holdings: dict[InstrumentId, _Holding] = {}
        self._trades: list[ClosedTrade] = []
        self._realised = self._fees = self._funding = self._turnover = _NOTHING
        for position in positions:
            holding = self._holding(position.instrument)
            holding.begin(
                position.quantity, position.average_price, position.opened_at, position.lead
            )
            holding.updated_at = position.updated_at
            holding.realised = position.realised
            holding.fees = position.fees

    @property
    def cash(self) -> dict[str, Decimal]:
        """Quote currency at each venue; a purchase lowers it, of a perpetual too."""
        return dict(self._cash)

    @property
    def trades(self) -> list[ClosedTrade]:
        """Closed trades, oldest first."""
        return self._trades

    @property
    def realised(self) -> Decimal:
        """Realised profit of all fills, before fees and funding."""
        return self._realised

    @property
    def fees(self) -> Decimal:
        """Fees paid, less rebates."""
        return self._fees

    @property
    def funding(self) -> Decimal:
        """Funding received, less paid."""
        return self._funding

    @property
    def turnover(self) -> Decimal:
        """Sum of the absolute notional of all fills."""
        return self._turnover

    def apply(self, fill: Fill, lead: str) -> Position:
        """Book a fill and return the position after it.

        ``lead`` is who a position that this fill opens is booked to; one that stays open keeps
        its lead. A position that is closed shows the profit and fees of its whole life.

        Raises
        ------
        InvariantBroken
            If there is no account at the instrument's venue.
        """
        quantity = fill.quantity if fill.side is Side.BUY else -fill.quantity
        holding = self._book(fill.instrument, quantity, fill.price, fill.fee, fill.ts, lead)
        return holding.position()

    def liquidated(self, event: Liquidated) -> Position:
        """Book a forced close and return the position after it."""
        quantity = event.quantity if event.side is Side.BUY else -event.quantity
        lead = self._holding(event.instrument).lead
        holding = self._book(event.instrument, quantity, event.price, event.fee, event.ts, lead)
        return holding.position()

    def fund(self, event: FundingPaid) -> None:
        """Book a funding payment."""
        holding = self._holding(event.instrument)
        holding.funding += event.amount
        self._funding += event.amount
        self._cash[event.instrument.venue] += event.amount

    def adopt(
        self, instrument: InstrumentId, quantity: Decimal, price: Decimal, ts: int, lead: str
    ) -> Position:
        """Book a change of ``quantity`` (signed base units) that no order explains, at ``price``.

        Raises
        ------
        InvariantBroken
            If there is no account at the instrument's venue.
        """
        return self._book(instrument, quantity, price, _NOTHING, ts, lead).position()

    def transfer(self, venue: str, amount: Decimal) -> None:
        """Book cash that came to a venue, or left it, otherwise than by trading.

        Raises
        ------
        InvariantBroken
            If there is no account there.
        """
        if venue not in self._cash:
            raise InvariantBroken(f"there is no account at {venue} to transfer {amount} to")
        self._cash[venue] += amount

    def position(self, instrument: InstrumentId) -> Position | None:
        """Return what is held of one instrument; None when flat."""
        holding = self._holdings.get(instrument)
        return holding.position() if holding is not None and holding.quantity else None

    def positions(self) -> list[Position]:
        """Return every open position, in the order in which the instruments first traded."""
        return [holding.position() for holding in self._holdings.values() if holding.quantity]

    def equity(self, marks: Mapping[InstrumentId, Decimal]) -> Decimal:
        """Return cash plus positions at ``marks`` (quote currency).

        Raises
        ------
        InvariantBroken
            If an instrument is held and has no mark.
        """
        total = sum(self._cash.values(), _NOTHING)
        for instrument, holding in self._holdings.items():
            if holding.quantity:
                if instrument not in marks:
                    raise InvariantBroken(f"{instrument} is held and has no price to value it at")
                total += holding.quantity * marks[instrument]
        return total

    def _holding(self, instrument: InstrumentId) -> _Holding:
        holding = self._holdings.get(instrument)
        if holding is None:
            if instrument.venue not in self._cash:
                raise InvariantBroken(f"{instrument} trades where there is no account; reconcile")
            holding = self._holdings[instrument] = _Holding(instrument)
        return holding

    def _book(
        self,
        instrument: InstrumentId,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        ts: int,
        lead: str,
    ) -> _Holding:
        holding = self._holding(instrument)
        held = holding.quantity
        notional = quantity * price
        self._cash[instrument.venue] -= notional + fee
        self._fees += fee
        self._turnover += abs(notional)
        holding.updated_at = ts
        if not held:
            holding.begin(quantity, price, ts, lead)
            holding.fees = fee
            return holding
        after = held + quantity
        if (held > 0) is (quantity > 0):
            holding.average = (held * holding.average + notional) / after
            holding.quantity = after
            holding.fees += fee
            return holding
        turns = after and (after > 0) is not (held > 0)
        closing = -held if turns else quantity
        share = fee * closing / quantity if turns else fee
        entry = closing * holding.average
        out = closing * price
        self._realised += entry - out
        holding.realised += entry - out
        holding.fees += share
        holding.closed += abs(closing)
        holding.entry_value += abs(entry)
        holding.exit_value += abs(out)
        holding.quantity = after
        if not after or turns:
            self._trades.append(holding.trade(Side.BUY if held > 0 else Side.SELL))
        if turns:
            holding.begin(after, price, ts, lead)
            holding.fees = fee - share
        elif not after:
            holding.average = _NOTHING
            holding.opened_at = 0
            holding.lead = ""
        return holding
