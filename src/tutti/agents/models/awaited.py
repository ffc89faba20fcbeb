"""An analyst whose model asks somebody else, and is waited for: over a network, for instance.

It is shown the same windows as an `Analyst` shows, and answers through the agent port: the schedule
asks it with each bar of its timeframe that closes, its timeout is the panel's, and what it says is
on the ledger, from where a replay reads it. A model that is no coroutine is asked in a thread.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.models.answer import Fault, judged
from tutti.agents.models.asking import BROKE, Series
from tutti.agents.models.frames import BarHistory
from tutti.agents.models.resample import Resampler
from tutti.agents.port import Agent
from tutti.model.errors import AgentError
from tutti.model.market import Snapshot
from tutti.model.opinion import Opinion

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.agents.models.analyst import Analyst
    from tutti.agents.models.port import TradeModel
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import IntArray, MarketBlock

_SIDES = {1: "long", 0: "hold", -1: "short"}


class AwaitedAnalyst(Agent):
    """Runs a model that is waited for.

    Parameters
    ----------
    analyst : Analyst
        What it would be if its model answered at once.
    """

    def __init__(self, analyst: Analyst) -> None:
        self.name = analyst.name
        self.source = analyst.source
        self.terms = analyst.terms
        self.timeframe = analyst.timeframe
        self.declared = analyst.declared
        self.cadence = analyst.span
        self.faults: Counter[str] = Counter()
        self._time_to_live = analyst.time_to_live
        self._seen = 0
        self._resampler = Resampler(analyst.span, f"agent {analyst.name}")
        self._columns: dict[InstrumentId, int] = {}
        self._models: list[TradeModel] = []
        self._history = BarHistory((), 1, 0)
        self._known: list[IntArray] = []
        self._said: dict[InstrumentId, tuple[int, Opinion]] = {}

    def observe(self, block: MarketBlock) -> None:
        """Take in the next bars; nothing is said of one before it is known.

        Bars from before those that were seen last begin anew.

        Raises
        ------
        ConfigError
            If bars of the timeframe can't be made of them, or the model can't be made.
        """
        if not len(block):
            return
        if not self._models or block.ts[0] <= self._seen:
            self._begin(block.instruments)
        self._seen = int(block.ts[-1])
        closed = self._resampler.advance(block)
        known_at = block.known_at[closed.rows]
        for i, counted in enumerate(self._history.take(closed.bars)):
            kept = self._known[i][-self.declared.lookback :]
            self._known[i] = np.concatenate([kept, known_at[counted]])

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        """Return the instant and the instrument; windows are cut in `infer`."""
        return Snapshot(instrument=instrument, as_of=ts, close=float("nan"), features={})

    async def infer(self, context: Snapshot) -> Opinion:
        """Return what the model says of the newest bar known at the snapshot's instant.

        The same bar is asked about once.

        Raises
        ------
        AgentError
            If there are too few bars, or the model broke or answered wrongly.
        """
        instrument = context.instrument
        i = self._columns.get(instrument)
        if i is None:
            raise AgentError(f"{self.name}: no bar of {instrument} yet")
        n = int(np.searchsorted(self._known[i], context.as_of, side="right"))
        lookback = self.declared.lookback
        if n < lookback:
            raise AgentError(f"no view yet: it takes {lookback} bars of {self.timeframe}")
        as_of = int(self._known[i][n - 1])
        if (said := self._said.get(instrument)) is not None and said[0] == as_of:
            return said[1]
        opinion = await self._asked(i, instrument, Series.of(self._history, i), n - 1, as_of)
        self._said[instrument] = as_of, opinion
        return opinion

    def _begin(self, instruments: tuple[InstrumentId, ...]) -> None:
        self._resampler = Resampler(self.cadence, f"agent {self.name}")
        self._columns = {instrument: i for i, instrument in enumerate(instruments)}
        shared = self.source.made(self.terms.config()) if self.declared.shared else None
        self._models = [
            shared or self.source.made(self.terms.config(instrument)) for instrument in instruments
        ]
        n = len(instruments)
        # one more than a window: until another bar closes, the last one of the block before counts
        self._history = BarHistory(self.declared.needs, self.declared.lookback + 1, n)
        self._known = [np.empty(0, np.int64) for _ in instruments]

    async def _asked(
        self, i: int, instrument: InstrumentId, series: Series, end: int, as_of: int
    ) -> Opinion:
        window = series.window(end, self.declared.lookback)
        try:
            answer = await _answered(self._models[i], window)
        except Exception as error:  # a plug-in may raise anything
            self.faults[BROKE] += 1
            said = " ".join(str(error).split())
            raise AgentError(f"broke: {type(error).__name__}: {said}") from error
        found = judged(answer, int(series.ts[end]))
        if isinstance(found, Fault):
            self.faults[found.kind] += 1
            raise AgentError(found.told)
        side = _SIDES[found.signal]
        return Opinion(
            agent=self.name,
            instrument=instrument,
            bias=float(found.signal),
            confidence=found.confidence,
            as_of=as_of,
            rationale=(
                f"{self.source.name} on bars of {self.timeframe}: {side} at {found.confidence:.2f}"
            ),
            time_to_live=self._time_to_live,
            horizon=self.cadence,
        )


async def _answered(model: TradeModel, window: Any) -> object:
    if inspect.iscoroutinefunction(model.predict):
        return await model.predict(window)
    return await _in_thread(lambda: model.predict(window))


async def _in_thread(call: Callable[[], object]) -> object:
    # a thread of its own: one that hangs must keep neither the others waiting nor the process
    loop = asyncio.get_running_loop()
    done: asyncio.Future[object] = loop.create_future()

    def settle(answer: object, error: Exception | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(answer)
        else:
            done.set_exception(error)

    def work() -> None:
        answer: object = None
        raised: Exception | None = None
        try:
            answer = call()
        except Exception as error:  # noqa: BLE001 (handed over, not swallowed)
            raised = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, answer, raised)

    threading.Thread(target=work, name="awaited model", daemon=True).start()
    return await done
