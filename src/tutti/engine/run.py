"""What a run is made of: what stays the same, what changes, and who is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from tutti.engine.decide import Rules, Style
from tutti.execution.book_of_orders import OpenOrders
from tutti.execution.cost import Costs
from tutti.execution.router.split import Strategy
from tutti.execution.submission import RetryRules
from tutti.model.arrays import Book, Terms, Tradable
from tutti.model.instrument import Instrument
from tutti.portfolio.positions import Portfolio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.ledger.kinds import Decision
    from tutti.model.order import ApprovedOrder, Fill, FundingPaid, Order, OrderIntent, Refusal

MODES = ("trading", "reduce_only", "flatten", "paused")
"""Names of the codes in ``Book.account[MODE]``."""


class MarketListener(Protocol):
    """Venue that lives off the same bars: it matches, funds and liquidates by them."""

    def enter(self, bars: Tradable) -> None:
        """Go over to the next block of bars; it need not observe each of them."""
        ...

    def observe(self, bars: Tradable, t: int) -> None:
        """Take in bar ``t``; what comes of it waits in ``events``."""
        ...


class EngineListener(Protocol):
    """Somebody who is told what the engine did; must not change anything."""

    def decided(self, decision: Decision, answers: Sequence[ApprovedOrder | Refusal]) -> None:
        """Hear that a tick led to intents."""
        ...

    def order_changed(self, order: Order, intent: OrderIntent) -> None:
        """Hear that an order is new or in another state."""
        ...

    def filled(self, fill: Fill, intent: OrderIntent | None) -> None:
        """Hear of a fill; it has no intent when the venue closed by force."""
        ...

    def funded(self, event: FundingPaid) -> None:
        """Hear of a funding payment."""
        ...


class Silent:
    """Listener that isn't interested."""

    def decided(self, decision: Decision, answers: Sequence[ApprovedOrder | Refusal]) -> None:
        """Ignore it."""

    def order_changed(self, order: Order, intent: OrderIntent) -> None:
        """Ignore it."""

    def filled(self, fill: Fill, intent: OrderIntent | None) -> None:
        """Ignore it."""

    def funded(self, event: FundingPaid) -> None:
        """Ignore it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Instrument that several venues trade, decided on as one.

    Parameters
    ----------
    column : int
        Of the instrument that is decided on: its bars are looked at, and the sum of what all
        venues hold is its position.
    legs : tuple of int
        Columns of the instrument at each venue, that one among them, in the order of preference.
    strategy : Strategy
    """

    column: int
    legs: tuple[int, ...]
    strategy: Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciling:
    """When our account is held against the venues', and what is done about differences.

    Parameters
    ----------
    every_ns : int
        Market time between two comparisons; 0 for none but those that are asked for.
    patience_ns : int
        How long an order may be missing, or a difference stand, before it counts.
    adopts : bool
        Book as ours what a venue holds and no order explains; else lock the instrument.
    currency : str
        That cash is counted in; empty where cash is not compared.
    balance_tolerance : Decimal
        By how much cash may differ, quote currency.
    """

    every_ns: int = 0
    patience_ns: int = 0
    adopts: bool = False
    currency: str = ""
    balance_tolerance: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What stays the same over a run.

    Parameters
    ----------
    instruments : tuple of Instrument
        The columns.
    policy_name : str
        What positions are booked to where no agent leads.
    segment_ticks : int
        Ticks whose contexts and opinions are kept in one file; 0 keeps none.
    keeps_account : bool
        Write the state of the account after every tick that leaves a row: a restart after a kill
        then goes on from the very tick. A backtest has no use for it.
    routes : tuple of Route
        Instruments that are decided on as one and traded at several venues.
    reconciling : Reconciling
    """

    instruments: tuple[Instrument, ...]
    terms: Terms
    costs: Costs
    rules: Rules
    style: Style
    policy_name: str
    retry: RetryRules
    segment_ticks: int = 4096
    keeps_account: bool = False
    routes: tuple[Route, ...] = ()
    reconciling: Reconciling = field(default_factory=Reconciling)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What changes: the book of arrays, the same in decimals, and our orders.

    Parameters
    ----------
    agents : tuple of str
        Behind the rows of ``book.agent_day`` and the numbers of ``book.lead``: those of the panel,
        then those that have left it with a profit or loss of the day, or a position.
    """

    book: Book
    portfolio: Portfolio
    orders: OpenOrders
    agents: tuple[str, ...] = ()


@dataclass(slots=True)
class Counts:
    """What has happened so far; differences by venue."""

    ticks: int = 0
    decisions: int = 0
    orders: int = 0
    fills: int = 0
    refusals: int = 0
    differences: dict[str, int] = field(default_factory=dict)
