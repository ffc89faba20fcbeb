"""Rows for the ledger from the arrays of a block: what a decision rested on, and quiet ticks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np

from tutti.agents.aggregation import effective_weights, voices
from tutti.ledger.kinds import DecisionItem
from tutti.model.opinion import Abstention, AggregatedContext, Opinion, Regime
from tutti.model.order import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.engine.analysis import Analysis, AnalysisBlock
    from tutti.engine.decide import Trace, Wishes
    from tutti.ledger.store import AnyArray
    from tutti.model.arrays import Book
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import IntArray, MarketBlock


_UNKNOWN = -1


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _row(t: int, i: int, thought: AnalysisBlock) -> dict[str, float]:
    return thought.features.row(t, i) if thought.features.names else {}


def _as_known(row: dict[str, float]) -> dict[str, float | None]:
    # one that is NaN makes the sum NaN; most often none is
    if math.isfinite(sum(row.values())):
        return cast("dict[str, float | None]", row)
    return {name: _or_none(value) for name, value in row.items()}


class DecisionWriter:
    """Says in typed values what was seen of an instrument and what was wanted of it.

    Parameters
    ----------
    analysis : Analysis
        Explains the opinions; its last block is the one that cells point into.
    instruments : tuple of InstrumentId
        The columns.
    policy_name : str
        What a position is booked to where no agent leads.
    """

    def __init__(
        self, analysis: Analysis, instruments: tuple[InstrumentId, ...], policy_name: str
    ) -> None:
        self._analysis = analysis
        self._instruments = instruments
        self._names = tuple(str(instrument) for instrument in instruments)
        self._policy_name = policy_name
        how = analysis.weighting
        # by regime, an unknown one (-1) last, and instrument: (6, n, a)
        self._weights = np.array(
            [
                [
                    effective_weights(how.weights, how.regime_weights, code, how.active[:, i])
                    for i in range(len(instruments))
                ]
                for code in (*Regime, _UNKNOWN)
            ]
        )

    def lead(self, index: int) -> str:
        """Return the name behind a lead's index."""
        return self._policy_name if index < 0 else self._analysis.agent_names[index]

    def item(
        self, t: int, i: int, market: MarketBlock, thought: AnalysisBlock, wishes: Wishes
    ) -> DecisionItem:
        """Return what was decided about instrument ``i`` at tick ``t`` of the last block."""
        signals = thought.signals
        row = _row(t, i, thought)
        return DecisionItem(
            instrument=self._names[i],
            context=self._context(t, i, market, thought, row),
            features=_as_known(row),
            close=float(market.close[t, i]),
            open=_or_none(float(market.open[t, i])),
            high=_or_none(float(market.high[t, i])),
            low=_or_none(float(market.low[t, i])),
            volume=_or_none(float(market.volume[t, i])),
            score=_or_none(float(signals.score[t, i])),
            confidence=_or_none(float(signals.confidence[t, i])),
            weight=float(wishes.weights[i]),
            reason=Reason.of(int(wishes.reasons[i])),
            lead=self.lead(int(signals.lead[t, i])),
        )

    def context(
        self, t: int, i: int, market: MarketBlock, thought: AnalysisBlock
    ) -> AggregatedContext | None:
        """Return the panel's opinions as one, with each voice; None where nobody is on the panel."""
        return self._context(t, i, market, thought, _row(t, i, thought))

    def _context(
        self, t: int, i: int, market: MarketBlock, thought: AnalysisBlock, row: dict[str, float]
    ) -> AggregatedContext | None:
        if not len(thought.views.bias):
            return None
        as_of = int(market.ts[t]) + market.step
        code = thought.regime.code[t, i]
        weights = self._weights[code, i]
        if thought.weights is not None:
            how = self._analysis.weighting
            weights = effective_weights(
                thought.weights[t], how.regime_weights, code, how.active[:, i]
            )
        return voices(
            self._opinions((t, i), as_of, thought, row),
            weights,
            context=thought.context,
            regime=thought.regime,
            cell=(t, i),
            as_of=as_of,
            heard=None if thought.corrected is None else thought.corrected[:, t, i].tolist(),
        )

    def _opinions(
        self, cell: tuple[int, int], as_of: int, thought: AnalysisBlock, row: dict[str, float]
    ) -> list[Opinion | Abstention]:
        panel = self._analysis.panel
        t, i = cell
        n = len(panel.names)
        views = zip(
            thought.views.bias[:n, t, i].tolist(),
            thought.views.confidence[:n, t, i].tolist(),
            strict=True,
        )
        instrument = self._instruments[i]
        opinions = panel.opinions(row, views, cell, instrument, as_of)
        return opinions + self._analysis.standing(instrument, as_of)


class QuietTicks:
    """Collects contexts and opinions of all ticks until a segment is full.

    Parameters
    ----------
    n_ticks : int
        Length of a segment.
    n_agents, n_instruments : int
    """

    def __init__(self, n_ticks: int, n_agents: int, n_instruments: int) -> None:
        shape = (n_ticks, n_instruments)
        panel = (n_ticks, n_agents, n_instruments)
        self._ts: IntArray = np.zeros(n_ticks, np.int64)
        self._arrays: dict[str, AnyArray] = {
            "close": np.zeros(shape),
            "context_bias": np.zeros(shape, np.float32),
            "context_confidence": np.zeros(shape, np.float32),
            "regime": np.zeros(shape, np.int8),
            "score": np.zeros(shape, np.float32),
            "confidence": np.zeros(shape, np.float32),
            "equity": np.zeros(n_ticks),
        }
        if n_agents:
            self._arrays["bias_by_agent"] = np.zeros(panel, np.float32)
            self._arrays["confidence_by_agent"] = np.zeros(panel, np.float32)
        else:
            # without agents there is no panel to speak of
            for name in ("context_bias", "context_confidence", "regime"):
                del self._arrays[name]
        self._n_ticks = n_ticks
        self._count = 0

    @property
    def room(self) -> int:
        """Ticks until the segment is full."""
        return self._n_ticks - self._count

    def add(self, market: MarketBlock, thought: AnalysisBlock, trace: Trace) -> None:
        """Take in a block no longer than ``room``."""
        rows = slice(self._count, self._count + len(market))
        self._ts[rows] = market.known_at
        values: dict[str, AnyArray] = {
            "close": market.close,
            "context_bias": thought.context.bias,
            "context_confidence": thought.context.confidence,
            "regime": thought.regime.code,
            "score": thought.signals.score,
            "confidence": thought.signals.confidence,
            "equity": trace.equity,
            "bias_by_agent": thought.views.bias.transpose(1, 0, 2),
            "confidence_by_agent": thought.views.confidence.transpose(1, 0, 2),
        }
        for name, array in self._arrays.items():
            array[rows] = values[name]
        self._count += len(market)

    def take(self) -> tuple[IntArray, Mapping[str, AnyArray]] | None:
        """Return what was collected and begin anew; None when that is nothing."""
        if not self._count:
            return None
        rows = slice(0, self._count)
        self._count = 0
        return self._ts[rows].copy(), {name: array[rows] for name, array in self._arrays.items()}


def agent_pnl(book: Book, names: tuple[str, ...]) -> dict[str, float]:
    """Return each agent's P&L of the day, quote currency."""
    return dict(zip(names, book.agent_day.tolist(), strict=True))
