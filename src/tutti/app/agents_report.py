"""What each agent's opinions were good for: whether its confidence means something, what it is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.calibration import ConfidenceMap, chance, corrected, fit_forward
from tutti.agents.monitor import AgentMonitor, Window, information_ratio
from tutti.agents.outcome import deviations, outcomes, skill
from tutti.agents.worth import Pool, Share, Worths, by_span, gains, next_weights, worths
from tutti.app.model_spend import Spend
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND, iso
from tutti.model.market import FloatArray, IntArray
from tutti.sandbox.ab import automatic_block
from tutti.sandbox.calibration.estimates import Estimate, by_period_mean
from tutti.sandbox.signals import Confusion, confusion
from tutti.stats.account import periods_per_year
from tutti.stats.scoring import (
    Bin,
    brier_losses,
    calibration_error,
    calibration_slope,
    effective_share,
    log_losses,
    reliability,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tutti.app.opinion_record import OpinionRecord

EDGES = tuple(np.linspace(0.5, 1.0, 11).tolist())
"""Of the bins of stated chances."""

_SUREST = 0.0005
_SPANS = (DAY, HOUR, MINUTE)
_ENOUGH = 60
_FLAT, _HOLD = "flat", "hold"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cases:
    """Opinions that took a side and whose outcome is known, in time order.

    Parameters
    ----------
    confidence, right : ndarray of float64, shape (k,)
        As stated, and 1 where the side was right, 0 where it was not.
    tick : ndarray of int64, shape (k,)
        Row of the record.
    said_at, known_at : ndarray of int64, shape (k,)
        When each was given, and when its outcome was known, ns UTC.
    sides : Confusion
        Of all opinions with a known outcome. Those after which the price stood still are neither
        right nor wrong, and no case.
    """

    confidence: FloatArray
    right: FloatArray
    tick: IntArray
    said_at: IntArray
    known_at: IntArray
    sides: Confusion


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scores:
    """How good an agent's stated chances were, on the opinions given.

    Parameters
    ----------
    n : int
        Opinions that took a side and whose outcome is known.
    n_effective : float
        Independent cases that these are worth.
    brier, log_loss, hit_rate : Estimate
        With errors that count that horizons overlap and instruments move together.
    by_chance : float
        Hit rate of sides as often up and down that know nothing.
    slope : float
        1 where log odds were right, below 1 where it was too sure, at most 0 where more confidence
        was no better.
    bins : tuple of Bin
    error : float
        Mean distance of what was stated from what came.
    """

    n: int
    n_effective: float
    brier: Estimate
    log_loss: Estimate
    hit_rate: Estimate
    by_chance: float
    slope: float
    bins: tuple[Bin, ...]
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """Brier scores before and after correction by maps that knew no outcome of what they corrected.

    Parameters
    ----------
    n : int
        Opinions after the first map; 0 where there is no map.
    before, after : float
    """

    n: int
    before: float
    after: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AgentRow:
    """All that is reported of one agent.

    Parameters
    ----------
    weight, next_weight : float
        As it is, and one step closer to what its worth asks for; see `worth` in the configuration.
    n_opinions : int
        Given, whether they took a side or not.
    horizon : int
        Bars over which they are judged.
    skill : float
        Mean of bias times the next bar's return in standard deviations.
    information_ratio : float
        A year, over the whole record.
    windows : tuple of Window
        The same, window by window.
    """

    name: str
    weight: float
    next_weight: float
    n_opinions: int
    horizon: int
    scores: Scores
    corrected: Corrected
    maps: tuple[ConfidenceMap, ...]
    skill: float
    worth: Share
    left_out: Share
    alone: Share
    gained: float
    information_ratio: float
    windows: tuple[Window, ...]
    cost_usd: float
    n_calls: int

    @property
    def is_alert(self) -> bool:
        """Whether the newest window that says something ended too many bad ones in a row."""
        told = [each for each in self.windows if not math.isnan(each.ratio)]
        return bool(told) and told[-1].is_alert

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; None for what isn't known."""
        scores = self.scores
        return told(
            {
                "name": self.name,
                "weight": self.weight,
                "next_weight": self.next_weight,
                "brier": scores.brier.value,
                "brier_error": scores.brier.standard_error,
                "log_loss": scores.log_loss.value,
                "n_opinions": self.n_opinions,
                "n": scores.n,
                "n_effective": scores.n_effective,
                "horizon_bars": self.horizon,
                "hit_rate": scores.hit_rate.value,
                "hit_rate_error": scores.hit_rate.standard_error,
                "hit_rate_by_chance": scores.by_chance,
                "calibration_slope": scores.slope,
                "calibration_error": scores.error,
                "reliability": [
                    {
                        "low": each.low,
                        "high": each.high,
                        "n": each.n,
                        "stated": each.stated,
                        "came": each.came,
                        "came_interval": [each.came_low, each.came_high],
                    }
                    for each in scores.bins
                ],
                "corrected": {
                    "n": self.corrected.n,
                    "brier_before": self.corrected.before,
                    "brier_after": self.corrected.after,
                },
                "skill": self.skill,
                "worth": self.worth.value,
                "worth_interval": [self.worth.low, self.worth.high],
                "worth_is_told": self.worth.is_told,
                "leave_one_out": self.left_out.value,
                "leave_one_out_interval": [self.left_out.low, self.left_out.high],
                "sharpe_alone": self.alone.value,
                "gained_a_year": self.gained,
                "information_ratio": self.information_ratio,
                "windows": [
                    {"end": iso(each.end), "ratio": each.ratio, "bad": each.bad}
                    for each in self.windows
                ],
                "alert": self.is_alert,
                "cost_usd": self.cost_usd,
                "calls": self.n_calls,
            }
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AgentsReport:
    """Every agent of a panel, and the panel as a whole.

    Parameters
    ----------
    span : int
        Length of the spans whose gains make Sharpe and information ratios, ns.
    mean_block : float
        Spans in a block of the bootstrap, on average.
    is_due : bool
        Whether weights have stood long enough to follow worth one step on: ``worth.every_s``.
    """

    rows: tuple[AgentRow, ...]
    together: Share
    n_coalitions: int
    start: int
    end: int
    n_ticks: int
    n_instruments: int
    step: int
    span: int
    window: int
    mean_block: float
    baseline: str
    is_due: bool

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "start": iso(self.start),
            "end": iso(self.end),
            "ticks": self.n_ticks,
            "instruments": self.n_instruments,
            "step_s": self.step / SECOND,
            "span_s": self.span / SECOND,
            "window_s": self.window / SECOND,
            "baseline": self.baseline,
            "mean_block": self.mean_block,
            "coalitions": self.n_coalitions,
            "panel": told(
                {
                    "sharpe": self.together.value,
                    "sharpe_interval": [self.together.low, self.together.high],
                    "cost_usd": sum(each.cost_usd for each in self.rows),
                }
            ),
            "agents": [each.to_dict() for each in self.rows],
        }


def report_on(
    record: OpinionRecord,
    *,
    seed: int,
    spent: Mapping[str, Spend] | None = None,
    horizon: int = 1,
    n_samples: int = 400,
    n_folds: int = 5,
) -> AgentsReport:
    """Return what the opinions of a record were good for.

    Parameters
    ----------
    seed : int
        Of the bootstrap.
    spent : mapping of str to Spend, optional
        What language models cost by agent; nothing for those it lacks.
    horizon : int
        Bars over which opinions are judged whose agent doesn't say.
    n_samples : int
        Of the bootstrap.
    n_folds : int
        Spans of the record after each of which confidences are corrected anew.
    """
    settings = record.config.worth
    span = span_of(record.ts, record.step)
    window = max(1, round(settings.window_s * SECOND / span)) * span
    per_year = periods_per_year(span)
    rng = np.random.default_rng(seed)
    next_bar = outcomes(record.opens, 1).move
    horizons = [record.horizon(name, horizon) for name in record.names]
    pool = Pool(
        views=record.views,
        regime=record.regime,
        weights=record.weights,
        regime_weights=record.regime_weights,
        active=record.active,
        method=record.method,
        move=next_bar,
        cost=record.cost,
        horizon=int(np.median(horizons)),
    )
    everybody = np.ones(len(record.names), np.int64)
    together = by_span(pool.gains(everybody), record.ts, span)
    block = max(automatic_block(together), pool.horizon * record.step / span)
    found = worths(
        pool, record.ts, span, rng, per_year=per_year, mean_block=block, n_samples=n_samples
    )
    baseline = _baseline(settings.baseline, pool, record, span)
    windows = _windows(record, found, baseline, span=span, window=window, per_year=per_year)
    deviation = deviations(record.opens)
    coming = next_weights(
        record.current,
        record.weights,
        found.shapley,
        max_step=settings.max_step,
        least=settings.least,
        most=settings.most,
    )
    rows = []
    for a, name in enumerate(record.names):
        cases = cases_of(record, a, horizons[a])
        maps = fit_forward(
            cases.confidence,
            cases.right,
            cases.said_at,
            cases.known_at,
            share_told=_share_of(cases, horizons[a]),
            n_folds=n_folds,
        )
        excess = found.spans[:, a] - baseline
        cost = (spent or {}).get(name, Spend())
        rows.append(
            AgentRow(
                name=name,
                weight=float(record.current[a]),
                next_weight=float(coming[a]),
                n_opinions=int(record.fresh[a].sum()),
                horizon=horizons[a],
                scores=scores_of(cases, horizons[a]),
                corrected=_corrected(cases, maps),
                maps=maps,
                skill=skill(np.ascontiguousarray(record.views.bias[a]), next_bar, deviation),
                worth=found.shapley[a],
                left_out=found.left_out[a],
                alone=found.alone[a],
                gained=float(found.gained[a]),
                information_ratio=information_ratio(excess) * math.sqrt(per_year),
                windows=tuple(each for each in windows if each.agent == name),
                cost_usd=float(cost.usd),
                n_calls=cost.calls,
            )
        )
    return AgentsReport(
        rows=tuple(rows),
        together=found.together,
        n_coalitions=found.n_coalitions,
        start=int(record.ts[0]) - record.step,
        end=int(record.ts[-1]),
        n_ticks=len(record.ts),
        n_instruments=len(record.instruments),
        step=record.step,
        span=span,
        window=window,
        mean_block=block,
        baseline=settings.baseline,
        is_due=int(record.ts[-1]) - record.since >= settings.every_s * SECOND,
    )


def cases_of(record: OpinionRecord, a: int, horizon: int) -> Cases:
    """Return the opinions of agent ``a`` that can be judged, over ``horizon`` bars."""
    came = outcomes(record.opens, horizon)
    bias, confidence = record.views.bias[a], record.views.confidence[a]
    sided = record.fresh[a] & (np.nan_to_num(bias) != 0.0)
    moved = sided & (np.nan_to_num(came.move) != 0.0)
    tick, column = np.nonzero(moved)
    return Cases(
        confidence=confidence[moved],
        right=(np.sign(bias[moved]) == np.sign(came.move[moved])).astype(np.float64),
        tick=tick,
        said_at=record.ts[tick],
        # a bar begins a step before it is known, and its first price is the outcome
        known_at=record.ts[came.known[tick, column]] - record.step,
        sides=confusion(
            record.names[a], np.where(record.fresh[a], bias, np.nan), came.move, horizon=horizon
        ),
    )


def scores_of(cases: Cases, horizon: int) -> Scores:
    """Return how good the stated chances of some opinions were."""
    stated = chance(cases.confidence)
    brier = brier_losses(stated, cases.right)
    hits = cases.sides.hit_rate
    share = effective_share(cases.right, hits.standard_error)
    bins = reliability(stated, cases.right, EDGES, share_told=share)
    return Scores(
        n=len(brier),
        n_effective=len(brier) * share,
        brier=by_period_mean(brier, cases.tick, overlap=horizon),
        log_loss=by_period_mean(
            log_losses(stated, cases.right, surest=_SUREST), cases.tick, overlap=horizon
        ),
        hit_rate=hits,
        by_chance=cases.sides.by_chance,
        slope=calibration_slope(stated, cases.right),
        bins=bins,
        error=calibration_error(bins),
    )


def span_of(ts: IntArray, step: int) -> int:
    """Return the spans whose gains are compared: days, or shorter ones where days are few; ns."""
    length = int(ts[-1] - ts[0])
    for span in _SPANS:
        if span >= step and length >= _ENOUGH * span:
            return span
    return step


def _share_of(cases: Cases, horizon: int) -> Callable[[IntArray], float]:
    def share(rows: IntArray) -> float:
        right = cases.right[rows]
        error = by_period_mean(right, cases.tick[rows], overlap=horizon).standard_error
        return effective_share(right, error)

    return share


def _corrected(cases: Cases, maps: tuple[ConfidenceMap, ...]) -> Corrected:
    if not maps:
        return Corrected(n=0, before=math.nan, after=math.nan)
    later = cases.said_at >= maps[0].valid_from
    if not later.any():
        return Corrected(n=0, before=math.nan, after=math.nan)
    fixed = corrected(cases.confidence, cases.said_at, maps)
    right = cases.right[later]
    return Corrected(
        n=int(later.sum()),
        before=float(brier_losses(chance(cases.confidence[later]), right).mean()),
        after=float(brier_losses(chance(fixed[later]), right).mean()),
    )


def _baseline(name: str, pool: Pool, record: OpinionRecord, span: int) -> FloatArray:
    if name == _FLAT:
        return np.zeros(len(by_span(np.zeros(len(record.ts)), record.ts, span)))
    return by_span(gains(np.ones(pool.move.shape), pool.move, record.cost), record.ts, span)


def _windows(
    record: OpinionRecord,
    found: Worths,
    baseline: FloatArray,
    *,
    span: int,
    window: int,
    per_year: float,
) -> list[Window]:
    monitor = AgentMonitor(
        record.names,
        window=window,
        span=span,
        per_year=per_year,
        patience=record.config.worth.bad_windows,
    )
    first = (int(record.ts[0]) - 1) // span
    ends = (first + 1 + np.arange(len(found.spans))) * span
    ended = monitor.advance(ends, found.spans - baseline[:, None], found.spans != 0.0)
    return ended + monitor.close(int(record.ts[-1]))


def told(values: dict[str, Any]) -> dict[str, Any]:
    """Return JSON values with None for what isn't finite, at any depth."""
    return {key: _told(value) for key, value in values.items()}


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return told(value)
    if isinstance(value, list):
        return [_told(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
