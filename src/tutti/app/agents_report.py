"""What each agent's opinions were good for: whether its confidence means something, what it is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.calibration import fit_forward
from tutti.agents.monitor import AgentMonitor, Window, information_ratio
from tutti.agents.outcome import deviations, outcomes, skill
from tutti.agents.worth import Pool, Share, Worths, by_span, gains, next_weights, worths
from tutti.app.agent_row import AgentRow, told
from tutti.app.agent_scores import cases_of, correction_of, scores_of, share_of
from tutti.app.model_spend import Spend
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND, iso
from tutti.sandbox.ab import automatic_block
from tutti.stats.account import periods_per_year

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.app.opinion_record import OpinionRecord
    from tutti.model.market import FloatArray, IntArray

_SPANS = (DAY, HOUR, MINUTE)
_ENOUGH = 60
_FLAT = "flat"


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
            share_told=share_of(cases, horizons[a]),
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
                corrected=correction_of(cases, maps),
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


def span_of(ts: IntArray, step: int) -> int:
    """Return the spans whose gains are compared: days, or shorter ones where days are few; ns."""
    length = int(ts[-1] - ts[0])
    for span in _SPANS:
        if span >= step and length >= _ENOUGH * span:
            return span
    return step


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
