"""Bars as moves from one close to the next, which can be mirrored, put in another order, and undone.

Moves are simple returns, not logarithms: a mirrored move then has the opposite profit, so that with
mirrors drawn at random a price is a martingale to whoever trades it, whatever the volatility does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, IntArray, MarketBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.sandbox.montecarlo.resample import Recording

_WIDEST = 0.9
_YEAR = 365 * 86_400_000_000_000


class Moves(NamedTuple):
    """Arrays of shape (t, n), NaN where there is no bar.

    ``open``, ``high``, ``low``, ``close``: fractions of the close before, less 1. ``notional``:
    traded, quote currency.
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    notional: FloatArray


def recorded_moves(recording: Recording) -> Moves:
    """Return the moves of recorded bars; one of more than 90 % counts as 90 %."""
    block = recording.block

    def of(prices: FloatArray) -> FloatArray:
        return np.clip(prices / recording.reference - 1.0, -_WIDEST, _WIDEST)

    return Moves(
        open=of(block.open),
        high=of(block.high),
        low=of(block.low),
        close=of(block.close),
        notional=block.volume * block.close,
    )


def mirrored(moves: Moves, signs: FloatArray) -> Moves:
    """Return the moves times ``signs`` (t,), each 1 or -1; highs and lows change places."""
    each = signs[:, None]
    turned = each < 0.0
    return Moves(
        open=moves.open * each,
        high=np.where(turned, -moves.low, moves.high),
        low=np.where(turned, -moves.high, moves.low),
        close=moves.close * each,
        notional=moves.notional,
    )


def reordered(moves: Moves, rows: IntArray) -> Moves:
    """Return the moves of ``rows``."""
    return Moves(*(array[rows] for array in moves))


def block_of(
    moves: Moves,
    instruments: Sequence[InstrumentId],
    ts: IntArray,
    step: int,
    start: FloatArray,
) -> MarketBlock:
    """Return the bars that the moves make, from prices ``start`` (n,) on; no funding is paid."""
    known = np.isfinite(moves.close)
    closes = start * np.cumprod(np.where(known, 1.0 + moves.close, 1.0), axis=0)
    before = np.vstack([start, closes[:-1]])
    closes[~known] = np.nan
    return MarketBlock(
        instruments=tuple(instruments),
        ts=ts,
        step=step,
        open=before * (1.0 + moves.open),
        high=before * (1.0 + moves.high),
        low=before * (1.0 + moves.low),
        close=closes,
        volume=moves.notional / closes,
        funding=np.zeros(closes.shape),
    )


class Walk(NamedTuple):
    """A market made of chance: how many instruments, how volatile, how much alike.

    Parameters
    ----------
    volatility : float
        Of a year; that of an hour varies around it, in clusters common to all.
    correlation : float
        Between any two instruments, in [0, 1).
    """

    n_instruments: int = 5
    n_ticks: int = 8760
    step: int = 3_600_000_000_000
    start: int = 1_704_067_200_000_000_000
    volatility: float = 0.7
    correlation: float = 0.5

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """The columns."""
        return tuple(InstrumentId(f"W{i}-USDT-PERP", "NULL") for i in range(self.n_instruments))

    @property
    def ts(self) -> IntArray:
        """Start of each bar, ns UTC."""
        stamps: IntArray = self.start + self.step * np.arange(self.n_ticks, dtype=np.int64)
        return stamps


_CLUSTER = 0.98
_CLUSTERED = 0.35
_NOTIONAL = 2e7


def walk_deviations(walk: Walk, random: np.random.Generator) -> FloatArray:
    """Return the deviation of the moves of each bar, shape (t,): its logarithm is an AR(1)."""
    level = np.empty(walk.n_ticks)
    shocks = random.standard_normal(walk.n_ticks) * np.sqrt(1.0 - _CLUSTER**2)
    now = float(random.standard_normal())
    for t, shock in enumerate(shocks.tolist()):
        level[t] = now
        now = _CLUSTER * now + shock
    per_bar = walk.volatility * np.sqrt(walk.step / _YEAR)
    # of mean square 1, so that the volatility of a year is what it says
    clustered: FloatArray = per_bar * np.exp(_CLUSTERED * level - _CLUSTERED**2)
    return clustered


def walk_moves(walk: Walk, random: np.random.Generator, drift: FloatArray | None = None) -> Moves:
    """Return the moves of a random walk.

    A bar opens at the close before. Its extremes are those of a Brownian bridge between open and
    close, drawn from their distribution (each by itself; Karatzas and Shreve 1991, problem 2.8.2).

    Parameters
    ----------
    drift : ndarray of float64, shape (t, n), optional
        What the moves are expected to be; else they are expected to be nothing.
    """
    shape = (walk.n_ticks, walk.n_instruments)
    deviation = walk_deviations(walk, random)[:, None]
    common = random.standard_normal((walk.n_ticks, 1))
    own = random.standard_normal(shape)
    noise = np.sqrt(walk.correlation) * common + np.sqrt(1.0 - walk.correlation) * own
    close = np.clip(deviation * noise, -_WIDEST, _WIDEST)
    if drift is not None:
        close = close + drift
    reach = [
        np.sqrt(close**2 - 2.0 * deviation**2 * np.log1p(-random.random(shape))) for _ in range(2)
    ]
    busy = np.exp(0.3 * random.standard_normal(shape)) * deviation / deviation.mean()
    return Moves(
        open=np.zeros(shape),
        high=np.minimum((close + reach[0]) / 2.0, _WIDEST),
        low=np.maximum((close - reach[1]) / 2.0, -_WIDEST),
        close=close,
        notional=_NOTIONAL * busy,
    )
