"""Live bars of several venues as ticks: taken once complete, asked for where a stream was silent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from tutti.adapters.feeds.live_bars import LiveBars, joined_history
from tutti.kernel.clock import SECOND
from tutti.model.errors import VenueError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from tutti.kernel.clock import Clock
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import MarketBlock

_LOOK_S = 0.02
_ASKED_TOGETHER = 8


class VenueData(Protocol):
    """Public data of one venue; see ``venues.by_ccxt.market_data.MarketData``."""

    async def history(
        self, instrument: InstrumentId, since: int, until: int
    ) -> list[tuple[int, Sequence[float]]]:
        """Return the candles that lie between two instants."""
        ...

    async def poll(self, instrument: InstrumentId, start: int) -> None:
        """Ask for one bar, and put it among the others."""
        ...

    @property
    def makes_bars_of_trades(self) -> bool:
        """True where bars are made of trades, so that time alone completes them."""
        ...


class LiveFeed:
    """Ticks of a live market.

    Parameters
    ----------
    bars : LiveBars
        Where the venues put what they hear.
    venues : mapping of str to VenueData
        By the venue part of the instruments' ids.
    clock : Clock
    grace_s : float
        How long after a bar's end its last word is waited for before it is asked for.
    patience_s : float
        How long after that a tick waits for the answers; what is missing then is NaN.
    """

    def __init__(
        self,
        bars: LiveBars,
        venues: Mapping[str, VenueData],
        clock: Clock,
        *,
        grace_s: float = 1.0,
        patience_s: float = 3.0,
    ) -> None:
        self._bars = bars
        self._venues = dict(venues)
        self._clock = clock
        self._grace = round(grace_s * SECOND)
        self._patience_s = patience_s
        self.n_asked = 0
        self.n_missing = 0

    def turn_to(self, instruments: Sequence[InstrumentId], venues: Mapping[str, VenueData]) -> None:
        """Follow other instruments from the next tick on."""
        self._bars.turn_to(instruments)
        self._venues = dict(venues)

    async def history(
        self,
        since: int,
        until: int,
        instruments: Sequence[InstrumentId] = (),
        venues: Mapping[str, VenueData] | None = None,
    ) -> MarketBlock | None:
        """Return what the venues have of the time before; None where they have nothing.

        Parameters
        ----------
        since, until : int
            ns UTC.
        instruments : sequence of InstrumentId, optional
            Those to ask for; else those that are followed.
        venues : mapping of str to VenueData, optional
            Who is asked; else those that are followed.

        Raises
        ------
        VenueError
            If a venue does not answer.
        """
        gate = asyncio.Semaphore(_ASKED_TOGETHER)

        async def ask(instrument: InstrumentId) -> list[tuple[int, Sequence[float]]]:
            async with gate:
                return await asked[instrument.venue].history(instrument, since, until)

        asked = self._venues if venues is None else venues
        instruments = instruments or self._bars.instruments
        try:
            async with asyncio.TaskGroup() as group:
                answers = {each: group.create_task(ask(each)) for each in instruments}
        # not except*: some Pythons wrap what is raised in there in a group once more
        except ExceptionGroup as failures:
            refused, others = failures.split(VenueError)
            if refused is None or others is not None:
                raise
            raise refused.exceptions[0] from None
        candles = {each: task.result() for each, task in answers.items()}
        return joined_history(instruments, self._bars.step, candles)

    async def ticks(self, start: int) -> AsyncIterator[MarketBlock]:
        """Yield each tick once it is complete, from the bar that starts at ``start`` (ns UTC) on.

        After a pause of this process the ticks that went by are left out: nothing is decided late.
        """
        step = self._bars.step
        while True:
            end = start + step
            await self._clock.sleep_until(end)
            await self._until_sure(start, end + self._grace)
            await self._ask_for_the_rest(start)
            tick = self._bars.take(start)
            if tick is not None:
                self.n_missing += int((tick.close != tick.close).sum())
                yield tick
            start = end
            # a bar whose successor is over as well is history
            behind = (self._clock.now() - start) // step
            if behind > 1:
                start += (behind - 1) * step

    async def _until_sure(self, start: int, deadline: int) -> None:
        while self._clock.now() < deadline and self._bars.unsure(start):
            await self._clock.sleep_until(
                min(deadline, self._clock.now() + round(_LOOK_S * SECOND))
            )

    async def _ask_for_the_rest(self, start: int) -> None:
        rest = [
            each
            for each in self._bars.unsure(start)
            if not self._venues[each.venue].makes_bars_of_trades
        ]
        if not rest:
            return
        self.n_asked += len(rest)
        gate = asyncio.Semaphore(_ASKED_TOGETHER)

        async def ask(instrument: InstrumentId) -> None:
            async with gate:
                venue = self._venues.get(instrument.venue)
                if venue is None:  # it has left meanwhile
                    return
                try:
                    await venue.poll(instrument, start)
                except VenueError:
                    return  # missing, then

        try:
            async with asyncio.timeout(self._patience_s), asyncio.TaskGroup() as group:
                for each in rest:
                    group.create_task(ask(each))
        except TimeoutError:
            return
