"""A made-up world that agents are asked about; its future can be poisoned."""

from __future__ import annotations

import asyncio
import hashlib
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tutti.kernel.clock import DAY, HOUR, SECOND
from tutti.model.market import Reading, Situation, Snapshot, TextEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.model.instrument import InstrumentId
    from tutti.model.market import FloatArray

NOW: Final = 1_750_000_000 * SECOND
"""An instant in the middle of the world, ns UTC."""

FEATURES: Final = (
    "rsi_14", "adx_14", "atr_14", "momentum_20", "momentum_240", "volatility_20", "volatility_100",
    "ema_distance_50", "zscore_20", "vpin_50",
)  # fmt: skip
"""What every snapshot has, unless told otherwise."""

_PACE = HOUR
_LOOKBACK = 36 * HOUR
_HORIZON = DAY
_PUBLISHERS = ("wire", "gazette", "forum")
_WORDS = (
    ("rallies after an upgrade", "beats every expectation", "draws record inflows"),
    ("slumps on fraud charges", "warns of losses", "is sued by its regulator"),
)
_READINGS = (
    ("macro", "fed_funds_percent", False),
    ("onchain", "active_addresses", True),
    ("sentiment", "sentiment_news", True),
)


class World:
    """Source of snapshots: every hour a text, a reading of each kind, and a situation.

    All of it is a function of the seed, the instrument and the hour. What became known after
    ``poisoned_after`` is another function: an agent that says something else about an instant
    before has looked ahead.

    Parameters
    ----------
    seed : int
    poisoned_after : int or None
        ns UTC; None for a future as it should be.
    features : sequence of str
    is_silent : bool
        True for a world without texts, readings, past and prices.

    Attributes
    ----------
    latest : int
        Latest instant that a snapshot was asked for, ns UTC.
    gate : asyncio.Event
        Snapshots wait for it where it is cleared; it is set to begin with.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        poisoned_after: int | None = None,
        features: Sequence[str] = FEATURES,
        is_silent: bool = False,
    ) -> None:
        self._seed = seed
        self._poisoned_after = poisoned_after
        self._features = tuple(features)
        self._is_silent = is_silent
        self.latest = -1
        self.gate = asyncio.Event()
        self.gate.set()

    async def snapshot(self, instrument: InstrumentId, ts: int) -> Snapshot:
        """Return what was known of an instrument at ``ts`` (ns UTC)."""
        self.latest = max(self.latest, ts)
        await self.gate.wait()
        if self._is_silent:
            nothing = dict.fromkeys(self._features, math.nan)
            return Snapshot(instrument=instrument, as_of=ts, close=math.nan, features=nothing)
        hours = [ts - ts % _PACE - k * _PACE for k in range(_LOOKBACK // _PACE)]
        return Snapshot(
            instrument=instrument,
            as_of=ts,
            close=100.0 + float(self._drawn(instrument, ts, "close").normal()),
            features=self._features_at(instrument, ts),
            texts=tuple(self._text(instrument, at) for at in hours),
            readings=tuple(self._reading(instrument, hours[0], *each) for each in _READINGS),
            past=tuple(self._situation(instrument, at - _HORIZON) for at in hours[:3]),
        )

    def _drawn(self, instrument: InstrumentId, ts: int, what: str) -> np.random.Generator:
        is_poison = self._poisoned_after is not None and ts > self._poisoned_after
        words = f"{self._seed} {instrument} {ts} {what} {is_poison}"
        digest = hashlib.sha256(words.encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8], "big"))

    def _features_at(self, instrument: InstrumentId, ts: int) -> dict[str, float]:
        values = self._drawn(instrument, ts, "features").normal(size=len(self._features))
        return {
            name: 50.0 + 15.0 * value if name.startswith(("rsi", "adx")) else abs(value)
            for name, value in zip(self._features, values.tolist(), strict=True)
        }

    def _text(self, instrument: InstrumentId, at: int) -> TextEvent:
        drawn = self._drawn(instrument, at, "text")
        side = _WORDS[int(drawn.integers(2))]
        name = str(instrument.symbol).partition("-")[0]
        words = f"{name} {side[int(drawn.integers(len(side)))]}"
        number = int(drawn.integers(10**9))
        return TextEvent(
            known_at=at,
            source=_PUBLISHERS[int(drawn.integers(len(_PUBLISHERS)))],
            title=words,
            text=f"{words}, says report {number}.",
            instruments=(instrument,),
            kind="social" if drawn.random() < 1 / 3 else "news",
            id=f"text-{number}",
        )

    def _reading(
        self,
        instrument: InstrumentId,
        at: int,
        kind: str,
        name: str,
        is_own: bool,  # noqa: FBT001 - a row of a table
    ) -> Reading:
        return Reading(
            known_at=at,
            source="bureau",
            name=name,
            value=float(self._drawn(instrument, at, name).normal()),
            kind=kind,
            instrument=instrument if is_own else None,
        )

    def _situation(self, instrument: InstrumentId, at: int) -> Situation:
        drawn = self._drawn(instrument, at + _HORIZON, "situation")
        return Situation(
            instrument=instrument,
            as_of=at,
            features=self._features_at(instrument, at),
            bias=float(drawn.uniform(-1, 1)),
            confidence=float(drawn.random()),
            decision="long",
            outcome=float(drawn.normal() / 50),
            known_at=at + _HORIZON,
        )


def wild_features(
    names: Sequence[str], generator: np.random.Generator, *, ticks: int = 48, instruments: int = 3
) -> FloatArray:
    """Return features of shape (f, t, n) as no market makes them: wild, some missing, some zero.

    What can't be negative isn't, and volatilities are zero now and then.

    Parameters
    ----------
    names : sequence of str
        One plane each.
    """
    shape = (len(names), ticks, instruments)
    values = generator.standard_t(2, size=shape) * 10 ** generator.uniform(-3, 2)
    still: Mapping[str, Any] = {"volatility": 0, "atr": 0}
    for plane, name in zip(values, names, strict=True):
        if name.partition("_")[0] in still:
            plane[:] = np.abs(plane) * generator.integers(0, 2, size=plane.shape)
    values[generator.random(shape) < 1 / 100] = np.nan
    values[:, generator.random(shape[1:]) < 1 / 10] = np.nan
    return values
