"""Bars as they come from live streams: candles that grow, trades one by one, made into ticks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.model.market import MarketBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.instrument import InstrumentId
    from tutti.model.market import FloatArray

_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME = range(5)
_FIELDS = 5


class _Row:
    """Bars of all instruments that start at one instant."""

    __slots__ = ("is_closed", "values")

    def __init__(self, n: int) -> None:
        self.values: FloatArray = np.full((_FIELDS, n), np.nan)
        self.is_closed = np.zeros(n, np.bool_)


class LiveBars:
    """Collects what is heard of each bar until its tick is taken; what comes later is late.

    Parameters
    ----------
    instruments : sequence of InstrumentId
        The columns.
    step : int
        Length of a bar, ns.

    Attributes
    ----------
    n_late : int
        Updates of bars that were taken already. They are not taken in: no tick changes afterwards.
    """

    def __init__(self, instruments: Sequence[InstrumentId], step: int) -> None:
        self.instruments = tuple(instruments)
        self.step = step
        self.n_late = 0
        self._columns = {each: i for i, each in enumerate(self.instruments)}
        self._rows: dict[int, _Row] = {}
        self._taken_to = 0
        self._newest = np.zeros(len(self.instruments), np.int64)
        self._funding: dict[int, FloatArray] = {}

    def candle(
        self, instrument: InstrumentId, start: int, values: Sequence[float], heard_at: int
    ) -> None:
        """Take in a candle as it is now.

        Parameters
        ----------
        start : int
            Of the candle, ns UTC.
        values : sequence of five floats
            Open, high, low, close, volume (base units).
        heard_at : int
            When it was heard, by our clock, ns UTC: after its end it is the last word on it.
        """
        i = self._columns.get(instrument)
        row = None if i is None else self._row(start)
        if i is None or row is None:
            return
        row.values[:, i] = values
        row.is_closed[i] |= heard_at >= start + self.step
        self._passed(i, start)

    def trade(self, instrument: InstrumentId, ts: int, price: float, quantity: float) -> None:
        """Take in a trade of the market (ns UTC, quote currency, base units)."""
        i = self._columns.get(instrument)
        start = ts - ts % self.step
        row = None if i is None else self._row(start)
        if i is None or row is None:
            return
        bar = row.values[:, i]
        if np.isnan(bar[_OPEN]):
            bar[:] = price, price, price, price, 0.0
        bar[_HIGH] = max(bar[_HIGH], price)
        bar[_LOW] = min(bar[_LOW], price)
        bar[_CLOSE] = price
        bar[_VOLUME] += quantity
        self._passed(i, start)

    def funding(self, instrument: InstrumentId, ts: int, rate: float) -> None:
        """Take in a funding rate that is paid at ``ts`` (ns UTC); the last word counts."""
        # the bar that starts just before it: funding in (start, start + step]
        start = (ts - 1) - (ts - 1) % self.step
        i = self._columns.get(instrument)
        if i is None or start < self._taken_to:
            return
        rates = self._funding.setdefault(start, np.zeros(len(self.instruments)))
        rates[i] = rate

    def turn_to(self, instruments: Sequence[InstrumentId]) -> None:
        """Collect other instruments from now on; what was heard of those that stay is kept.

        What is heard of an instrument that has no column is let fall.
        """
        before = [self._columns.get(each, -1) for each in instruments]
        new = np.array([i for i, old in enumerate(before) if old >= 0], np.int64)
        old = np.array([each for each in before if each >= 0], np.int64)
        self.instruments = tuple(instruments)
        self._columns = {each: i for i, each in enumerate(self.instruments)}
        n = len(self.instruments)
        for start, row in self._rows.items():
            turned = _Row(n)
            turned.values[:, new] = row.values[:, old]
            turned.is_closed[new] = row.is_closed[old]
            self._rows[start] = turned
        newest = np.zeros(n, np.int64)
        newest[new] = self._newest[old]
        self._newest = newest
        for start, rates in self._funding.items():
            self._funding[start] = np.zeros(n)
            self._funding[start][new] = rates[old]

    def unsure(self, start: int) -> list[InstrumentId]:
        """Return the instruments of whose bar nobody has said that it is complete."""
        row = self._rows.get(start)
        if row is None:
            return list(self.instruments)
        return [each for each, i in self._columns.items() if not row.is_closed[i]]

    def take(self, start: int) -> MarketBlock | None:
        """Return the bars that start then as a tick, missing ones as NaN; None where all are.

        Everything up to them is forgotten, and late from here on.
        """
        row = self._rows.get(start)
        self._taken_to = max(self._taken_to, start + self.step)
        self._rows = {ts: each for ts, each in self._rows.items() if ts > start}
        funding = self._funding.get(start)
        self._funding = {ts: each for ts, each in self._funding.items() if ts > start}
        if row is None or np.isnan(row.values[_CLOSE]).all():
            return None
        zeros = np.zeros((1, len(self.instruments)))
        side = row.values[:, np.newaxis, :]
        return MarketBlock(
            instruments=self.instruments,
            ts=np.array([start], np.int64),
            step=self.step,
            open=side[_OPEN],
            high=side[_HIGH],
            low=side[_LOW],
            close=side[_CLOSE],
            volume=side[_VOLUME],
            funding=zeros if funding is None else funding[np.newaxis, :],
        )

    def _row(self, start: int) -> _Row | None:
        if start < self._taken_to:
            self.n_late += 1
            return None
        row = self._rows.get(start)
        if row is None:
            row = self._rows[start] = _Row(len(self.instruments))
        return row

    def _passed(self, i: int, start: int) -> None:
        # a newer bar has begun: the older ones of this instrument are complete
        if start <= self._newest[i]:
            return
        self._newest[i] = start
        for older, row in self._rows.items():
            if older < start:
                row.is_closed[i] = True


def joined_history(
    instruments: Sequence[InstrumentId],
    step: int,
    candles: dict[InstrumentId, list[tuple[int, Sequence[float]]]],
) -> MarketBlock | None:
    """Return candles (start in ns, and five values) as one block; None where there are none.

    Instants at which every instrument is missing are left out.
    """
    starts = sorted({start for each in candles.values() for start, _ in each})
    if not starts:
        return None
    places = {start: t for t, start in enumerate(starts)}
    values: FloatArray = np.full((_FIELDS, len(starts), len(instruments)), np.nan)
    for i, instrument in enumerate(instruments):
        for start, candle in candles.get(instrument, ()):
            values[:, places[start], i] = candle
    return MarketBlock(
        instruments=tuple(instruments),
        ts=np.array(starts, np.int64),
        step=step,
        open=values[_OPEN],
        high=values[_HIGH],
        low=values[_LOW],
        close=values[_CLOSE],
        volume=values[_VOLUME],
        funding=np.zeros((len(starts), len(instruments))),
    )
