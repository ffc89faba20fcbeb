"""What agents are shown: the market, texts, figures and the past of one instrument at one tick."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from tutti.kernel.clock import SECOND
from tutti.model.errors import AgentError
from tutti.model.market import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tutti.agents.memory.port import Memory
    from tutti.agents.text.port import ReadingSource, TextSource
    from tutti.app.settings import Config
    from tutti.features.block import FeatureBlock
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import FloatArray, MarketBlock, TextEvent


@runtime_checkable
class Observer(Protocol):
    """Agent that keeps bars of its own: it sees each one, before it is asked about it."""

    def observe(self, block: MarketBlock) -> None:
        """Take in the next bars."""
        ...


def observers(agents: Iterable[object]) -> tuple[Observer, ...]:
    """Return those agents that keep bars of their own."""
    return tuple(agent for agent in agents if isinstance(agent, Observer))


class Snapshots:
    """What was known of each instrument at the ticks that were entered last; a `SnapshotSource`.

    Parameters
    ----------
    instruments : sequence of InstrumentId
        The columns of what is entered.
    config : Config
        How far back texts are read, and how much of everything.
    texts, readings, memory : optional
        Where they come from; None for none.
    """

    def __init__(
        self,
        instruments: Sequence[InstrumentId],
        config: Config,
        *,
        texts: TextSource | None = None,
        readings: ReadingSource | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.instruments = tuple(instruments)
        self._columns = {instrument: i for i, instrument in enumerate(instruments)}
        self._texts = texts
        self._readings = readings
        self._memory = memory
        self._lookback = round(config.text.lookback_s * SECOND)
        self._most = config.text.most
        self._nearest = config.memory.nearest
        self._closes: FloatArray = np.full(len(instruments), np.nan)
        self._block: MarketBlock | None = None
        self._features: FeatureBlock | None = None
        self._shown: dict[tuple[InstrumentId, int], Snapshot] = {}
        self.observers: tuple[Observer, ...] = ()

    def enter(self, block: MarketBlock, features: FeatureBlock) -> None:
        """Take in the next ticks; those before them can't be asked for any more."""
        if self._block is not None:
            self._closes = _last(self._block.close, self._closes)
        self._block, self._features = block, features
        self._shown.clear()
        for each in self.observers:
            each.observe(block)

    async def snapshot(self, instrument: InstrumentId, ts: int) -> Snapshot:
        """Return what was known of an instrument at a tick (ns UTC); several agents share it.

        Raises
        ------
        AgentError
            If that tick, or instrument, is not among what was entered.
        """
        key = instrument, ts
        if (shown := self._shown.get(key)) is None:
            shown = self._shown[key] = self._made(instrument, ts)
        return shown

    def _made(self, instrument: InstrumentId, ts: int) -> Snapshot:
        block, features, i = self._block, self._features, self._columns.get(instrument)
        if block is None or features is None or i is None:
            raise AgentError(f"nothing is known of {instrument} yet")
        t = int(np.searchsorted(block.ts, ts - block.step))
        if t >= len(block) or int(block.ts[t]) + block.step != ts:
            raise AgentError(f"no tick of {instrument} at {ts} is at hand")
        row = features.row(t, i) if features.names else {}
        texts = (
            () if self._texts is None else self._texts.texts(instrument, ts - self._lookback, ts)
        )
        past = (
            ()
            if self._memory is None or not self._nearest
            else self._memory.nearest(instrument, row, ts, self._nearest)
        )
        return Snapshot(
            instrument=instrument,
            as_of=ts,
            close=float(_last(block.close[: t + 1, i : i + 1], self._closes[i : i + 1])[0]),
            features=row,
            texts=tuple(_newest(texts, self._most)),
            readings=() if self._readings is None else self._readings.readings(instrument, ts),
            past=past,
        )


def _last(closes: FloatArray, before: FloatArray) -> FloatArray:
    # the last one known of each column
    last: FloatArray = before.copy()
    for i in np.flatnonzero(np.isfinite(closes).any(axis=0)).tolist():
        t = len(closes) - 1
        while math.isnan(closes[t, i]):
            t -= 1
        last[i] = closes[t, i]
    return last


def _newest(texts: Iterable[TextEvent], most: int) -> Iterator[TextEvent]:
    # of each kind as many: posts must not crowd out the news
    taken: Counter[str] = Counter()
    for text in texts:
        if taken[text.kind] < most:
            taken[text.kind] += 1
            yield text
