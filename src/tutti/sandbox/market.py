"""A made-up market with named regimes: bars of correlated instruments from a known seed.

A bar is made of eight steps of a random walk (log prices), so that open, high, low, close and
volume fit together. Each instrument has its volatility; a regime scales it and adds a drift, and in
a range a pull to where the range began; a weak pull to the starting price keeps long runs on earth.
How busy a bar is drives its range and its volume alike (the mixture of distributions: Clark, 1973,
Econometrica 41). Common moves come from one factor, or from a given correlation matrix.

Bars are generated in pieces whose length depends on the schedule alone, so that asking for one bar
at a time or for a year at once gives the same bars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.kernel.clock import DAY, HOUR
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, IntArray, MarketBlock
from tutti.sandbox.market_regimes import (
    SHAPES,
    MarketRegime,
    RegimeChain,
    RegimeSchedule,
    RegimeShape,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_YEAR = 365 * DAY
_STEPS = 8
_PIECE = 256
_GAP = 0.02
_BUSYNESS = 0.35
_VOLUME_NOISE = 0.3
_HOMEWARD = 1.0 / 30.0
_MOST_HOMEWARD = 0.05
_FUNDING_INTERVAL = 8 * HOUR
_UNIT_DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSpec:
    """One simulated instrument.

    Parameters
    ----------
    start_price, price_step : float
        Quote currency.
    volatility : float
        A year's standard deviation of log returns in calm times.
    daily_notional : float
        Traded on a calm day, quote currency.
    funding_rate : float
        Paid at 00:00, 08:00 and 16:00 UTC, fraction of notional, positive when longs pay.
    """

    instrument: InstrumentId
    start_price: float = 100.0
    price_step: float = 0.01
    volatility: float = 0.6
    daily_notional: float = 50e6
    funding_rate: float = 0.0

    def __post_init__(self) -> None:
        for name in ("start_price", "price_step", "volatility", "daily_notional"):
            if not 0.0 < getattr(self, name) < np.inf:
                raise ConfigError(f"{self.instrument}: {name} must be positive")
        if self.start_price < 100.0 * self.price_step:
            raise ConfigError(
                f"{self.instrument}: start_price is below 100 price steps; refine them"
            )
        if not abs(self.funding_rate) < 1.0:
            raise ConfigError(f"{self.instrument}: funding_rate must be a fraction below 1")


# start price, price step, volatility, notional a day: orders of magnitude of the real ones
_FAMILIAR = {
    "BTC": (60_000.0, 0.1, 0.55, 2e10),
    "ETH": (3_000.0, 0.01, 0.7, 1e10),
    "BNB": (600.0, 0.01, 0.6, 5e8),
    "SOL": (150.0, 0.01, 0.9, 3e9),
    "XRP": (0.6, 0.0001, 0.9, 1.5e9),
    "DOGE": (0.15, 0.00001, 1.0, 1.5e9),
    "ADA": (0.5, 0.0001, 0.9, 4e8),
    "LINK": (15.0, 0.001, 0.9, 3e8),
    "AVAX": (30.0, 0.001, 0.95, 3e8),
    "LTC": (80.0, 0.01, 0.75, 3e8),
}


def familiar(instrument: InstrumentId) -> MarketSpec:
    """Return a spec like the coin of that name; at 100, of middling volatility, for others."""
    base = instrument.symbol.partition("-")[0].upper()
    if base not in _FAMILIAR:
        return MarketSpec(instrument=instrument)
    price, step, volatility, notional = _FAMILIAR[base]
    return MarketSpec(
        instrument=instrument,
        start_price=price,
        price_step=step,
        volatility=volatility,
        daily_notional=notional,
    )


class _Bars(NamedTuple):
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


class SimulatedMarket:
    """Endless source of made-up bars.

    Parameters
    ----------
    specs : sequence of MarketSpec
        The columns.
    seed : int
        Everything follows from it.
    step : int
        Length of a bar, ns.
    start : int
        Start of the first bar, ns UTC.
    regime_schedule : RegimeSchedule
        ``RegimeChain`` or ``RegimeList``.
    correlation : float or ndarray of shape (n, n)
        Of returns within a step in calm times, from one factor; or the whole matrix.
    own : sequence of int, optional
        Non-negative numbers that what is not common follows from, beside the seed. Markets of one
        seed and of ``own`` numbers each have regimes and the common factor in common, so that an
        instrument can join others that are under way, and moves with them.

    Raises
    ------
    ConfigError
        If there is no instrument or one twice, or a correlation or the step is impossible.
    """

    def __init__(  # noqa: PLR0913 - what everything follows from
        self,
        specs: Sequence[MarketSpec],
        *,
        seed: int,
        step: int,
        start: int,
        regime_schedule: RegimeSchedule | None = None,
        correlation: float | FloatArray = 0.6,
        own: Sequence[int] | None = None,
    ) -> None:
        self.instruments = tuple(spec.instrument for spec in specs)
        if not specs or len(set(self.instruments)) < len(specs):
            raise ConfigError("a simulated market needs at least one instrument, and each once")
        if step <= 0:
            raise ConfigError(f"step must be positive nanoseconds, was {step!r}")
        self.step = step
        self._start = start
        self._specs = tuple(specs)
        self._common, self._mixing = _correlate(correlation, len(specs))
        paths, regimes = np.random.SeedSequence(seed).spawn(2)
        self._rng = self._shared = np.random.default_rng(paths)
        if own is not None:
            self._rng = np.random.default_rng([seed, *own])
        schedule = RegimeChain() if regime_schedule is None else regime_schedule
        self._spells = schedule.spells(np.random.default_rng(regimes))
        self._lift = schedule.lift
        self._home = np.log([spec.start_price for spec in specs])
        self._sigma = np.array([spec.volatility for spec in specs]) * np.sqrt(step / _YEAR)
        self._units = np.array([spec.daily_notional / spec.start_price for spec in specs])
        self._units *= step / DAY
        self._tick = np.array([spec.price_step for spec in specs])
        self._rates = np.array([spec.funding_rate for spec in specs])
        self._at = self._home.copy()
        self._anchor = self._home
        self._spell: tuple[MarketRegime, int] = (MarketRegime.RANGE, 0)
        self._made = 0
        self._given = 0
        self._buffer: list[_Bars] = []
        self._history: list[tuple[int, int]] = []

    @property
    def now(self) -> int:
        """Start of the next bar, ns UTC."""
        return self._start + self._given * self.step

    def next_block(self, n: int) -> MarketBlock:
        """Return the next ``n`` bars of every instrument."""
        if n < 1:
            raise ValueError(f"n must be at least 1 bar, was {n!r}")
        while self._made - self._given < n:
            self._buffer.append(self._piece())
        held = _Bars(*map(np.concatenate, zip(*self._buffer, strict=True)))
        self._buffer = [_Bars(*(array[n:] for array in held))]
        ts = self.now + np.arange(n, dtype=np.int64) * self.step
        self._given += n
        return MarketBlock(
            instruments=self.instruments,
            ts=ts,
            step=self.step,
            funding=self._funding(ts),
            **{name: np.ascontiguousarray(a[:n]) for name, a in held._asdict().items()},
        )

    def blocks(self, n: int) -> Iterator[MarketBlock]:
        """Yield blocks of ``n`` bars, without end."""
        while True:
            yield self.next_block(n)

    def true_regime(self, ts: IntArray) -> IntArray:
        """Return the code of the regime that made each bar; -1 for bars not given out yet.

        Parameters
        ----------
        ts : ndarray of int64, shape (t,)
            Starts of bars, ns UTC.
        """
        bar = (np.asarray(ts, dtype=np.int64) - self._start) // self.step
        first = np.array([start for start, _ in self._history], dtype=np.int64)
        codes = np.array([-1, *(code for _, code in self._history)], dtype=np.int64)
        known = np.where(bar < self._given, np.searchsorted(first, bar, side="right"), 0)
        return codes[known]

    def _funding(self, ts: IntArray) -> FloatArray:
        times = (ts + self.step) // _FUNDING_INTERVAL - ts // _FUNDING_INTERVAL
        paid: FloatArray = times[:, None] * self._rates
        return paid

    def _piece(self) -> _Bars:
        # bars of one regime, at most _PIECE of them
        regime, left = self._spell
        if left == 0:
            regime, left = next(self._spells)
            self._history.append((self._made, int(regime)))
            self._anchor = self._at if SHAPES[regime].pull else self._home
        n = min(left, _PIECE)
        self._spell = (regime, left - n)
        self._made += n
        return self._bars(SHAPES[regime], n)

    def _bars(self, shape: RegimeShape, n: int) -> _Bars:
        rng, width = self._rng, len(self._specs)
        noise = self._noise(shape, n)
        busy = np.exp(_BUSYNESS * rng.standard_normal((n, width)) - _BUSYNESS**2)
        # a gap from the last close to the open, then the steps within the bar
        moves = np.empty((n, _STEPS + 1, width))
        moves[:, 0] = _GAP * rng.standard_normal((n, width))
        np.multiply(noise, busy[:, None, :] / np.sqrt(_STEPS), out=moves[:, 1:])
        moves *= shape.volatility * self._sigma
        lift = self._lift if shape.lifted else 0.0
        moves[:, 1:] += (shape.drift + lift) / _STEPS * self._sigma
        path = self._walk(moves.reshape(-1, width), shape).reshape(moves.shape)
        self._at = path[-1, -1].copy()
        volume = self._units * shape.volume * busy**1.5
        volume *= np.exp(_VOLUME_NOISE * rng.standard_normal((n, width)))
        return _Bars(
            self._on_grid(path[:, 0]),
            self._on_grid(path.max(axis=1)),
            self._on_grid(path.min(axis=1)),
            self._on_grid(path[:, -1]),
            np.maximum(np.round(volume, _UNIT_DECIMALS), 10.0**-_UNIT_DECIMALS),
        )

    def _noise(self, shape: RegimeShape, n: int) -> FloatArray:
        common = self._shared.standard_normal((n, _STEPS, 1))
        own = self._rng.standard_normal((n, _STEPS, len(self._specs)))
        if self._mixing is not None:
            own = own @ self._mixing
        is_alone = len(self._specs) == 1 and self._shared is self._rng
        share = 0.0 if is_alone else max(self._common, shape.correlation)
        own *= np.sqrt(1.0 - share)
        own += np.sqrt(share) * common
        return own

    def _walk(self, moves: FloatArray, shape: RegimeShape) -> FloatArray:
        # x' = x + move - pull * (x - anchor), solved for all steps at once
        pull = np.where(shape.pull, shape.pull, np.minimum(self._sigma * _HOMEWARD, _MOST_HOMEWARD))
        kept = 1.0 - pull / (_STEPS + 1)
        decay = kept ** np.arange(1, len(moves) + 1)[:, None]
        path = np.cumsum(moves / decay, axis=0)
        path += self._at - self._anchor
        path *= decay
        path += self._anchor
        return path

    def _on_grid(self, logs: FloatArray) -> FloatArray:
        return on_grid(np.exp(logs), self._tick)


def on_grid(prices: FloatArray, steps: FloatArray) -> FloatArray:
    """Return ``prices`` rounded to whole steps, at least one, as the floats nearest to the decimals.

    Parameters
    ----------
    prices : ndarray of float64, shape (..., n)
        Quote currency; NaN stays NaN.
    steps : ndarray of float64, shape (n,)
    """
    ticks = np.maximum(np.rint(prices / steps), 1.0)
    # dividing by a whole number gives the float nearest to the decimal; multiplying does not
    inverse = np.rint(1.0 / steps)
    whole = np.abs(inverse * steps - 1.0) < 1e-9  # noqa: PLR2004
    rounded: FloatArray = np.where(whole, ticks / np.where(whole, inverse, 1.0), ticks * steps)
    return rounded


def _correlate(correlation: float | FloatArray, n: int) -> tuple[float, FloatArray | None]:
    if isinstance(correlation, float | int):
        if not 0.0 <= correlation <= 1.0:
            raise ConfigError(f"correlation must be in [0, 1], was {correlation!r}")
        return float(correlation), None
    matrix = np.asarray(correlation, dtype=np.float64)
    if matrix.shape != (n, n) or not np.allclose(matrix, matrix.T) or (np.diag(matrix) != 1).any():
        raise ConfigError(f"correlation must be a symmetric matrix of {n} by {n} with 1 across")
    try:
        return 0.0, np.linalg.cholesky(matrix).T.astype(np.float64)
    except np.linalg.LinAlgError as error:
        raise ConfigError("correlation matrix is not positive definite: soften it") from error
