"""Simulated venue under a scenario: its spread changes with time, and it can be out of order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.kernel.clock import iso
from tutti.model.errors import Transient
from tutti.sandbox.venue import SimulatedVenue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from tutti.model.arrays import Tradable
    from tutti.model.instrument import Instrument
    from tutti.model.order import ApprovedOrder
    from tutti.sandbox.scenarios.conditions import Blackout
    from tutti.sandbox.scenarios.schedule import CostSchedule


class StressedVenue(SimulatedVenue):
    """A simulated venue whose costs follow a schedule and whose order entry fails at times.

    Parameters
    ----------
    name, instruments, columns, start_balance, currency
        As of `SimulatedVenue`.
    schedule : CostSchedule
    blackouts : sequence of Blackout
        Those of this venue are heeded.
    """

    def __init__(  # noqa: PLR0913 - those of the venue, and what ails it
        self,
        name: str,
        instruments: Sequence[Instrument],
        columns: Sequence[int],
        schedule: CostSchedule,
        start_balance: Decimal,
        *,
        currency: str,
        blackouts: Sequence[Blackout],
    ) -> None:
        self._in_force = schedule.costs[0]
        self._schedule = schedule
        self._blackouts = tuple(each for each in blackouts if each.venue == name)
        super().__init__(
            name, instruments, columns, self._in_force, start_balance, currency=currency
        )

    def submit(self, order: ApprovedOrder, ts: int) -> None:
        """Take an order, or refuse it; see `SimulatedVenue.submit`.

        Raises
        ------
        Transient
            While the venue is down: the order did not leave.
        """
        self._refuse_while_down(ts)
        super().submit(order, ts)

    def cancel(self, order_id: str, ts: int) -> None:
        """Cancel an order; see `SimulatedVenue.cancel`.

        Raises
        ------
        Transient
            While the venue is down: the order works on.
        """
        self._refuse_while_down(ts)
        super().cancel(order_id, ts)

    def observe(self, bars: Tradable, t: int) -> None:
        """Live through bar ``t`` at the costs of its time."""
        costs = self._schedule.at(int(bars.ts[t]))
        if costs is not self._in_force:
            self._in_force = costs
            self.reprice(costs)
        super().observe(bars, t)

    def _refuse_while_down(self, ts: int) -> None:
        for each in self._blackouts:
            if each.window.begin <= ts < each.window.end:
                raise Transient(f"out of order until {iso(each.window.end)}", venue=self.name)
