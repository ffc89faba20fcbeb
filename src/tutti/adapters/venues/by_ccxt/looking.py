"""Looks for what became of orders: after sending, on a schedule, and whenever a stream broke."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from tutti.adapters.venues.by_ccxt.lanes import LANE, Lane
from tutti.adapters.venues.by_ccxt.reading import report_of
from tutti.adapters.venues.by_ccxt.translate import said
from tutti.model.order import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tutti.adapters.venues.by_ccxt.questions import Questions
    from tutti.adapters.venues.by_ccxt.reading import Tracked
    from tutti.adapters.venues.by_ccxt.tasks import Tasks
    from tutti.adapters.venues.by_ccxt.tracking import Tracking
    from tutti.execution.port import VenueOrderReport
    from tutti.kernel.clock import Clock

_log = structlog.stdlib.get_logger(__name__)

_MOST_AT_ONCE = 20
_FILLS_S = (0.5, 2.0)


class Looking:
    """Asks and listens, and tells what comes of it.

    Parameters
    ----------
    name : str
        Of the venue.
    questions : Questions
    tracking : Tracking
    tasks : Tasks
    clock : Clock
    heard : callable
        Called with True when the venue answered, with False when it did not.
    secrets : tuple of str
        What must appear in no log.
    """

    def __init__(  # noqa: PLR0913 - the parts it joins
        self,
        name: str,
        questions: Questions,
        tracking: Tracking,
        tasks: Tasks,
        clock: Clock,
        heard: Callable[[bool], None],
        secrets: tuple[str, ...] = (),
    ) -> None:
        self._name = name
        self._questions = questions
        self._tracking = tracking
        self._tasks = tasks
        self._clock = clock
        self._heard = heard
        self._secrets = secrets
        self._found: dict[str, tuple[int, VenueOrderReport | None]] = {}

    def last(self, order_id: str) -> tuple[int, VenueOrderReport | None] | None:
        """Return when an order was last looked for (ns UTC), and what was found."""
        return self._found.get(order_id)

    def keep(self, order_id: str, began: int, report: VenueOrderReport | None) -> None:
        """Take note of what a look found."""
        self._found[order_id] = (began, report)

    async def until_over(self, tracked: Tracked, pauses_s: Sequence[float]) -> None:
        """Look after each of these pauses, until the order is over."""
        LANE.set(Lane.QUESTION)
        for pause_s in pauses_s:
            await asyncio.sleep(pause_s)
            if tracked.is_over:
                return
            await self.look(tracked)

    async def look(self, tracked: Tracked) -> None:
        """Ask once what became of an order, and tell it."""
        began = tracked.looked_at = self._clock.now()
        try:
            report = await self._questions.look(tracked, began)
        except Exception as error:  # noqa: BLE001 - not being able to ask says nothing
            self._heard(False)  # noqa: FBT003
            _log.info(
                "could not ask for an order", venue=self._name, order=tracked.order_id,
                why=said(error, self._secrets),
            )  # fmt: skip
            return
        self._heard(True)  # noqa: FBT003
        self.keep(tracked.order_id, began, report)
        if report is not None:
            self._tracking.report(report, tracked)

    async def forever(self, every_s: float) -> None:
        """Look at every order that works, streams or not."""
        LANE.set(Lane.QUESTION)
        while True:
            await asyncio.sleep(every_s)
            # those first that nobody has looked at for longest: with many at work each has its turn
            working = sorted(self._tracking.working(), key=lambda each: each.looked_at)
            for tracked in working[:_MOST_AT_ONCE]:
                await self.look(tracked)
            for order_id in self._tracking.forget():
                self._found.pop(order_id, None)

    def at_all_soon(self) -> None:
        """Look at every order that works: a stream that broke may have swallowed something."""
        for tracked in self._tracking.working():
            self._tasks.start(self.until_over(tracked, (0.0,)))

    def hear_orders(self, orders: Iterable[Mapping[str, Any]]) -> None:
        """Take in what a stream says of orders."""
        self._heard(True)  # noqa: FBT003
        for order in orders:
            tracked = self._tracking.ours(order)
            if tracked is None:
                continue
            report = self.read(order, tracked)
            self._tracking.report(report, tracked)
            if report.status is not OrderStatus.ACCEPTED and not tracked.is_over:
                # its fills come by another stream, or have to be asked for
                self._tasks.start(self.until_over(tracked, _FILLS_S))

    def hear_trades(self, trades: Iterable[Mapping[str, Any]]) -> None:
        """Take in what a stream says of executions."""
        self._heard(True)  # noqa: FBT003
        for trade in trades:
            tracked = self._tracking.owner(trade)
            if tracked is not None:
                self._tell_fill(trade, tracked)

    def hear_strays(self, tracked: Tracked) -> None:
        """Take in the executions that were told before the order was."""
        for trade in self._tracking.strays(tracked):
            self._tell_fill(trade, tracked)

    def read(self, order: Mapping[str, Any], tracked: Tracked) -> VenueOrderReport:
        """Return what ccxt's order says, with the trades that are in it."""
        trades = order.get("trades") or ()
        fills = [
            fill for each in trades if (fill := self._questions.fill(each, tracked)) is not None
        ]
        return report_of(order, fills, tracked, self._clock.now())

    def _tell_fill(self, trade: Mapping[str, Any], tracked: Tracked) -> None:
        fill = self._questions.fill(trade, tracked)
        if fill is None or fill.fill_id in tracked.fill_ids:
            return
        if tracked.filled + fill.quantity > tracked.quantity:
            self._tasks.start(self._see_size(tracked))  # the order itself tells, with this fill
        else:
            self._tracking.fill(fill, tracked)

    async def _see_size(self, tracked: Tracked) -> None:
        """Look at an order of which more was filled than was ordered: somebody enlarged it."""
        LANE.set(Lane.QUESTION)
        ordered = tracked.quantity
        for pause_s in (0.0, *_FILLS_S):
            await asyncio.sleep(pause_s)
            await self.look(tracked)
            if tracked.quantity > ordered:
                return
