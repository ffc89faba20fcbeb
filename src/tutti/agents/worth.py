"""What agents' opinions would have earned, alone and together, and what that says of their weight.

A coalition of agents is pooled as the panel is (`tutti.agents.aggregation`), its opinion held as a
position, and paid for::

    position[t, i] = bias * confidence of the pool            0 where nobody speaks
    held[t, i]     = mean of the last `horizon` positions      each is held over the horizon
    gain[t]        = mean over i of (held[t, i] * move[t, i] - cost[i] * |held[t, i] - held[t-1, i]|)

with the move from the first price after the opinion to the first price a bar later
(`tutti.agents.outcome`). Capital is shared equally by the instruments; gains are added, not
compounded, so that a coalition's size does not depend on its luck. Positions over a horizon are
those of Jegadeesh and Titman (1993), Returns to buying winners and selling losers.

The value of a coalition is the Sharpe ratio of its gains; what an agent is worth is its share of
the whole panel's (`tutti.stats.shapley`), and what the panel loses without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tutti.agents.aggregation import Aggregation, aggregate
from tutti.model.market import FloatArray, IntArray
from tutti.model.opinion import Views
from tutti.stats.resampling import sample_counts
from tutti.stats.shapley import EXACT, Sampled, leave_one_out, sampled_shapley, shapley

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Game: TypeAlias = "Callable[[FloatArray], tuple[FloatArray, FloatArray]]"
"""From values of coalitions, a row a game, to shares and to what is lost without each."""

_FEWEST = 20
_MOST_CELLS = 400_000_000
_NO_DEVIATION = 1e-12
_LEVEL = 0.05
_ROUNDING = 1e-9
_Z = 1.96


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pool:
    """How a panel's opinions are pooled, and what trading on them costs.

    Parameters
    ----------
    views : Views
        What each agent said, arrays of shape (A, t, n).
    regime : ndarray of int64, shape (t, n)
    weights, regime_weights, active : ndarray
        As `tutti.agents.aggregation.aggregate` takes them.
    method : Aggregation
    move : ndarray of float64, shape (t, n)
        What each instrument did after each tick, over one bar; NaN where it isn't known.
    cost : ndarray of float64, shape (n,)
        Of trading, a fraction of the notional.
    horizon : int
        Bars over which a position is held, at least 1.
    """

    views: Views
    regime: IntArray
    weights: FloatArray
    regime_weights: FloatArray
    active: IntArray
    method: Aggregation
    move: FloatArray
    cost: FloatArray
    horizon: int = 1

    def gains(self, members: IntArray) -> FloatArray:
        """Return what a coalition earned after each tick, shape (t,), a fraction of the capital.

        Parameters
        ----------
        members : ndarray of int64, shape (A,)
            1 for those in it.
        """
        pooled = aggregate(
            self.views.bias,
            self.views.confidence,
            self.regime,
            self.weights * members,
            self.regime_weights,
            self.active,
            self.method,
        )
        return gains(pooled.bias * pooled.confidence, self.move, self.cost, self.horizon)


def gains(
    positions: FloatArray, move: FloatArray, cost: FloatArray, horizon: int = 1
) -> FloatArray:
    """Return what positions earned after each tick, shape (t,); see the module.

    Parameters
    ----------
    positions, move : ndarray of float64, shape (t, n)
        NaN is no position, and a move that isn't known, which earns nothing.
    cost : ndarray of float64, shape (n,)
    horizon : int
        Bars over which each position is held.
    """
    held = np.nan_to_num(positions)
    if horizon > 1:
        total = np.cumsum(held, axis=0)
        total[horizon:] -= total[:-horizon].copy()
        held = total / horizon
    traded = np.abs(np.diff(held, axis=0, prepend=0.0))
    return np.asarray((held * np.nan_to_num(move) - traded * cost).mean(axis=1))


def by_span(values: FloatArray, ts: IntArray, span: int) -> FloatArray:
    """Return sums over successive spans of time, those without a tick 0, shape (s, ...).

    Parameters
    ----------
    values : ndarray of float64, shape (t, ...)
    ts : ndarray of int64, shape (t,)
        ns UTC, rising; an instant at the end of a span belongs to it.
    span : int
        ns.
    """
    place = (ts - 1) // span
    place -= place[0]
    sums = np.zeros((int(place[-1]) + 1, *values.shape[1:]))
    np.add.at(sums, place, values)
    return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A figure of one agent, and how far chance alone may have moved it.

    Parameters
    ----------
    low, high : float
        Interval that holds the true figure in 95 of 100 cases.
    standard_error : float
    """

    value: float
    low: float
    high: float
    standard_error: float

    @property
    def is_told(self) -> bool:
        """Whether 0 is outside the interval; rounding alone tells nothing."""
        return self.standard_error > _ROUNDING and (self.low > 0.0 or self.high < 0.0)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Worths:
    """What each of A agents is worth.

    Parameters
    ----------
    shapley, left_out, alone : tuple of Share, length A
        Share of the panel's Sharpe ratio, what the panel loses without the agent, and what the
        agent reaches alone; annualised.
    together : Share
        The panel's Sharpe ratio; the shares sum to it.
    gained : ndarray of float64, shape (A,)
        Share of the panel's mean gain a year, a fraction of the capital.
    spans : ndarray of float64, shape (s, A)
        What each agent would have gained alone in each span.
    n_coalitions : int
        Looked at; 2**A where all were.
    """

    shapley: tuple[Share, ...]
    left_out: tuple[Share, ...]
    alone: tuple[Share, ...]
    together: Share
    gained: FloatArray
    spans: FloatArray
    n_coalitions: int


def worths(  # noqa: PLR0913 - what a figure with its error takes
    pool: Pool,
    ts: IntArray,
    span: int,
    rng: np.random.Generator,
    *,
    per_year: float,
    mean_block: float,
    n_samples: int = 400,
    n_pairs: int = 60,
) -> Worths:
    """Return what each agent of a pool is worth.

    Parameters
    ----------
    ts : ndarray of int64, shape (t,)
        When the ticks became known, ns UTC.
    span : int
        ns; Sharpe ratios are those of the gains of such spans.
    per_year : float
        Spans in a year.
    mean_block : float
        Spans in a block of the bootstrap, on average.
    n_samples : int
        Of the spans; the same ones for all coalitions.
    n_pairs : int
        Of orders, where there are more than `EXACT` agents, or so much was said that looking at
        all coalitions would take minutes.
    """
    n = len(pool.views.bias)
    singles = [1 << a for a in range(n)]
    orders = None
    if n <= EXACT and (pool.move.size << n) <= _MOST_CELLS:
        numbers = list(range(1 << n))
        game: _Game = _exact
    else:
        orders = _Orders(n, int(rng.integers(2**63)), n_pairs)
        numbers, game = orders.numbers, orders
    columns = {number: k for k, number in enumerate(numbers)}
    series = np.column_stack(
        [by_span(pool.gains(_members(number, n)), ts, span) for number in numbers]
    )
    counts = np.vstack(
        [
            np.ones((1, len(series))),
            sample_counts(len(series), n_samples, max(1.0, mean_block), rng),
        ]
    )
    # the first row is the record itself, the others its samples
    ratio = _sharpe(series, counts) * math.sqrt(per_year)
    shares, without = game(ratio)
    errors = orders.errors(ratio[0]) if orders else np.zeros(n)
    alone = ratio[:, [columns[number] for number in singles]]
    together = ratio[:, columns[(1 << n) - 1]]
    means = series.mean(axis=0)[None, :] * per_year
    return Worths(
        shapley=tuple(
            _share(drawn, error) for drawn, error in zip(shares.T, errors.tolist(), strict=True)
        ),
        left_out=tuple(map(_share, without.T)),
        alone=tuple(map(_share, alone.T)),
        together=_share(together),
        gained=game(means)[0][0],
        spans=series[:, [columns[number] for number in singles]],
        n_coalitions=len(numbers),
    )


def next_weights(
    weights: FloatArray,
    configured: FloatArray,
    worth: Sequence[Share],
    *,
    max_step: float,
    least: float,
    most: float,
) -> FloatArray:
    """Return the agents' weights one step closer to what their worth asks for.

    An agent whose worth is two standard errors above 0 or more is drawn to ``most`` times its
    configured weight, one as far below to ``least`` times; in between it is drawn in proportion,
    and one whose worth is not known to what is configured. A step is at most ``max_step`` times
    the configured weight.

    Parameters
    ----------
    weights, configured : ndarray of float64, shape (A,)
        As they are, and as the configuration has them.
    worth : sequence of Share, length A
    max_step, least, most : float
        Of the configured weight; ``least`` at most 1, ``most`` at least 1.

    Returns
    -------
    ndarray of float64, shape (A,)
        Within ``[least, most] * configured``.
    """
    told = np.array([_told(each) for each in worth])
    factor = 1.0 + np.where(told > 0.0, told * (most - 1.0), told * (1.0 - least))
    step = np.clip(factor * configured - weights, -max_step * configured, max_step * configured)
    return np.asarray(np.clip(weights + step, least * configured, most * configured))


def _told(share: Share) -> float:
    # in [-1, 1]: standard errors from 0, two of which say it all
    if not (math.isfinite(share.value) and share.standard_error > _ROUNDING):
        return 0.0
    return max(-1.0, min(1.0, 0.5 * share.value / share.standard_error))


def _members(number: int, n: int) -> IntArray:
    return np.array([number >> a & 1 for a in range(n)], np.int64)


def _exact(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    return shapley(values), leave_one_out(values)


class _Orders:
    """Shares from the same random orders in every game, for more agents than `EXACT`."""

    def __init__(self, n: int, seed: int, n_pairs: int) -> None:
        self._n, self._seed, self._n_pairs = n, seed, n_pairs
        everybody = (1 << n) - 1
        met = {1 << a for a in range(n)} | {everybody & ~(1 << a) for a in range(n)}

        def meet(number: int) -> float:
            met.add(number)
            return 0.0

        # a first walk finds out which coalitions are met
        self._walk(meet)
        self.numbers = sorted(met | {0, everybody})
        self._columns = {number: k for k, number in enumerate(self.numbers)}
        self._whole = self._columns[everybody]
        self._others = [self._columns[everybody & ~(1 << a)] for a in range(n)]

    def __call__(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        shares = np.array([self._shares(row).values for row in values])
        return shares, values[:, [self._whole]] - values[:, self._others]

    def errors(self, values: FloatArray) -> FloatArray:
        """Return by how much shares are off for not all orders having been walked."""
        return self._shares(values).standard_errors

    def _shares(self, values: FloatArray) -> Sampled:
        return self._walk(lambda number: float(values[self._columns[number]]))

    def _walk(self, value: Callable[[int], float]) -> Sampled:
        rng = np.random.default_rng(self._seed)
        return sampled_shapley(value, self._n, rng, n_pairs=self._n_pairs)


def sharpe_of(series: FloatArray) -> FloatArray:
    """Return the Sharpe ratio of each column's gains, of one span; 0 where nothing varies."""
    return np.asarray(_sharpe(series, np.ones((1, len(series))))[0])


def _sharpe(series: FloatArray, counts: FloatArray) -> FloatArray:
    # of each sample (rows) and coalition (columns); 0 where nothing was gained or lost
    n = series.shape[0]
    mean = counts @ series / n
    square = counts @ (series * series) / n
    variance = np.maximum(square - mean * mean, 0.0) * n / max(n - 1, 1)
    still = variance <= _NO_DEVIATION * square
    return np.where(still, 0.0, mean / np.sqrt(np.where(still, 1.0, variance)))


def _share(samples: FloatArray, error: float = 0.0) -> Share:
    value, drawn = float(samples[0]), samples[1:]
    if len(drawn) < _FEWEST:
        return Share(value=value, low=math.nan, high=math.nan, standard_error=math.nan)
    off = np.abs(drawn - value)
    reach = math.hypot(float(np.quantile(off, 1.0 - _LEVEL, method="higher")), _Z * error)
    return Share(
        value=value,
        low=value - reach,
        high=value + reach,
        standard_error=math.hypot(float(drawn.std(ddof=1)), error),
    )
