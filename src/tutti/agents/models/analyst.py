"""Agents that run a plug-in model on bars of its timeframe.

An analyst makes bars of the model's timeframe out of those of the run, and asks the model once for
each one that closed. The opinion counts from that tick on and fades: linearly, to nothing at the end
of its time to live, which is the timeframe where nothing else is said. So it depends on bars alone,
and backtest, paper, live and replay compute the same; a model that asks somebody else is awaited
instead (`tutti.agents.models.awaited`).
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tutti.agents.models.answer import Fault, Prediction
from tutti.agents.models.asking import (
    Series,
    all_at_once,
    judge,
    judge_all,
    one_by_one,
    refuse_difference,
    samples,
)
from tutti.agents.models.frames import BarHistory, pandas
from tutti.agents.models.port import Declared, ModelSource, TradeModel, declared, span
from tutti.agents.models.resample import Resampler
from tutti.agents.models.standing import (
    AGE_S,
    CONFIDENCE,
    REASON,
    SIGNAL,
    Said,
    Spread,
    Standing,
)
from tutti.agents.models.worker import Broke, ModelThread, Question
from tutti.kernel.clock import DAY, MINUTE, SECOND
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Views

if TYPE_CHECKING:
    from tutti.agents.models.resample import ClosedBars
    from tutti.model.market import IntArray, MarketBlock

_log = logging.getLogger(__name__)

_SIDES = {1: "long", 0: "hold", -1: "short"}
_MOST_REASONS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalystTerms:
    """How an analyst runs its model.

    Parameters
    ----------
    name : str
        Of the agent.
    timeframe : str
        Bars that the model is shown, such as ``15m``; empty for the model's own.
    time_to_live : int
        Of an opinion, ns; 0 for the timeframe.
    timeout_s : float
        For one answer.
    instruments : frozenset of InstrumentId or None
        What it may speak about; None for everything. The model is not asked about others.
    params : mapping
        The model's configuration.
    """

    name: str
    timeframe: str = ""
    time_to_live: int = 0
    timeout_s: float = 2.0
    instruments: frozenset[InstrumentId] | None = None
    params: Mapping[str, Any]

    def config(self, instrument: InstrumentId | None = None) -> dict[str, Any]:
        """Return what the model's constructor is given."""
        given = dict(self.params)
        if self.timeframe:
            given["timeframe"] = self.timeframe
        if instrument is not None:
            given["instrument"] = str(instrument)
        return given


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Timeframes that a kind of analyst takes, in ns: from ``shortest`` to below ``longest``."""

    kind: str
    shortest: int
    longest: int
    told: str

    def span(self, source: ModelSource, terms: AnalystTerms, said: Declared) -> int:
        """Return the length of the bars that the model is shown.

        Raises
        ------
        ConfigError
            If no timeframe is given, or one of the other kind of analyst.
        """
        who = f"model {source.name} ({source.origin})"
        timeframe = terms.timeframe or said.timeframe
        if not timeframe:
            raise ConfigError(f"{who}: says no timeframe; write one under params, such as 15m")
        length = span(timeframe, who)
        if not self.shortest <= length < self.longest:
            raise ConfigError(
                f"{who}: timeframe {timeframe} is none of {self.kind}'s ({self.told}); "
                f"use {'lf_analyst' if length >= self.longest else 'hf_analyst'}, or another one"
            )
        return length


HIGH = Pace(kind="hf_analyst", shortest=SECOND, longest=15 * MINUTE, told="1s to below 15m")
LOW = Pace(kind="lf_analyst", shortest=15 * MINUTE, longest=DAY + 1, told="15m to 1d")


class Analyst:
    """Runs a model on bars of its timeframe and opines at every tick.

    Parameters
    ----------
    source : ModelSource
    terms : AnalystTerms
    pace : Pace

    Raises
    ------
    ConfigError
        If the model can't be made, or its timeframe is not one of this kind of analyst.
    """

    needs: tuple[str, ...] = ()

    def __init__(self, source: ModelSource, terms: AnalystTerms, pace: Pace) -> None:
        pandas()
        self.name = terms.name
        self.source = source
        self.terms = terms
        self._first = source.made(terms.config())
        self.declared: Declared = declared(source, self._first)
        self.span = pace.span(source, terms, self.declared)
        self.timeframe = terms.timeframe or self.declared.timeframe
        self.faults: Counter[str] = Counter()
        self.n_asked = 0
        self._first_fault = ""
        self.time_to_live = terms.time_to_live or self.span
        self._thread = ModelThread(f"model {terms.name}", terms.timeout_s)
        self._resampler = Resampler(self.span, f"agent {terms.name}")
        self._instruments: tuple[InstrumentId, ...] = ()
        self._models: list[TradeModel] = []
        self._history = BarHistory((), 1, 0)
        self._standing = Standing(0, self.time_to_live)
        self._last: Spread | None = None
        self._reasons = {
            f"no view yet: it takes {self.declared.lookback} bars of {self.timeframe}": 0,
            "its last opinion has expired": 1,
        }

    def opine_on(self, block: MarketBlock) -> Views:
        """Return bias and confidence of shape (t, n): the model's newest answer, faded.

        Raises
        ------
        ConfigError
            If bars of the timeframe can't be made of the block's, the model can't be made for an
            instrument, or its ``predict_all`` differs from its ``predict``.
        """
        if not self._models:
            self._begin(block.instruments)
        closed = self._resampler.advance(block)
        heard: Sequence[Sequence[Said]] = [()] * len(block.instruments)
        if len(closed.bars):
            heard = self._heard(closed, self._history.take(closed.bars))
        self._last = self._standing.spread(block.known_at, heard)
        return Views(self._last.bias, self._last.confidence)

    @property
    def doubt(self) -> str:
        """How many answers were refused, and why the first one was; empty for none."""
        if not self.faults:
            return ""
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(self.faults.items()))
        return (
            f"agent {self.name}: {self.faults.total():,} of {self.n_asked:,} answers of model "
            f"{self.source.name} were refused ({kinds}); the first: {self._first_fault}"
        )

    def evidence(self, t: int, i: int) -> dict[str, float]:
        """Return answer, age and reason at tick ``t`` of the last block."""
        assert self._last is not None
        return self._last.row(t, i)

    def explain(self, row: Mapping[str, float]) -> str:
        """Return what the model said and when, or why there is no view."""
        reason = int(row.get(REASON, 0.0))
        if reason >= 0:
            return next(text for text, number in self._reasons.items() if number == reason)
        side = _SIDES[int(row[SIGNAL])]
        return (
            f"{self.source.name} on bars of {self.timeframe}: {side} at {row[CONFIDENCE]:.2f}, "
            f"{row[AGE_S]:g} s ago"
        )

    def _begin(self, instruments: Sequence[InstrumentId]) -> None:
        shared, self._instruments = self.declared.shared, tuple(instruments)
        self._models = [
            self._first if shared else self.source.made(self.terms.config(instrument))
            for instrument in instruments
        ]
        n = len(instruments)
        self._history = BarHistory(self.declared.needs, self.declared.lookback, n)
        self._standing = Standing(n, self.time_to_live)

    def _heard(self, closed: ClosedBars, counted: Sequence[IntArray]) -> list[list[Said]]:
        asked = [self._asked(i, known) for i, known in enumerate(counted)]
        # in order of time, so that one model for all instruments is shown none's future
        order = sorted(
            (
                (each.when(q), i, q)
                for i, each in enumerate(asked)
                for q in range(len(each.questions))
            )
        )
        answers = self._thread.ask(
            [asked[i].questions[q] for _, i, q in order],
            len({int(closed.rows[k]) for each in asked for k in each.bars}),
        )
        by_question = {(i, q): answer for (_, i, q), answer in zip(order, answers, strict=True)}
        heard = []
        for i, each in enumerate(asked):
            mine = [by_question[i, q] for q in range(len(each.questions))]
            found = each.judged(mine, self.source)
            for answer in mine:
                self._note_traceback(answer)
            heard.append(
                [
                    self._said(int(closed.rows[k]), one)
                    for k, one in zip(each.bars, found, strict=True)
                ]
            )
        return heard

    def _asked(self, i: int, known: IntArray) -> _Asked:
        series = Series.of(self._history, i)
        lookback = self.declared.lookback
        n = len(series.ts)
        allowed = self.terms.instruments
        ends = range(max(n - len(known), lookback - 1), n)
        if allowed is not None and self._instruments[i] not in allowed:
            ends = range(0)
        bars = known[len(known) - len(ends) :].tolist()
        model = self._models[i]
        whole: Question | None = None
        singles: Sequence[int] = ends
        if self.declared.offers_all and len(ends) > 1:
            whole = all_at_once(model, series, ends, lookback)
            singles = samples(ends)
        questions = one_by_one(model, series, singles, lookback)
        return _Asked(
            series=series,
            lookback=lookback,
            bars=bars,
            ends=ends,
            singles=singles,
            questions=[*questions, *([whole] if whole else [])],
            at_once=whole is not None,
        )

    def _said(self, row: int, found: Prediction | Fault) -> Said:
        self.n_asked += 1
        if isinstance(found, Prediction):
            return Said(row=row, signal=float(found.signal), confidence=found.confidence, reason=-1)
        self.faults[found.kind] += 1
        self._first_fault = self._first_fault or found.told
        return Said(row=row, signal=math.nan, confidence=math.nan, reason=self._reason(found))

    def _reason(self, fault: Fault) -> int:
        text = fault.told
        if text not in self._reasons:
            if len(self._reasons) >= _MOST_REASONS:
                # a model that is wrong in a new way each time
                text = f"wrong answer ({fault.kind})"
            if text not in self._reasons:
                self._reasons[text] = len(self._reasons)
                _log.warning("model %s of agent %s: %s", self.source.name, self.name, text)
        return self._reasons[text]

    def _note_traceback(self, answer: object) -> None:
        if isinstance(answer, Broke) and not self.faults["broke"]:
            _log.error("model %s of agent %s", self.source.name, self.name, exc_info=answer.error)


class HFAnalyst(Analyst):
    """Runs a model on bars of a second up to, but not, a quarter of an hour."""

    def __init__(self, source: ModelSource, terms: AnalystTerms) -> None:
        super().__init__(source, terms, HIGH)


class LFAnalyst(Analyst):
    """Runs a model on bars of a quarter of an hour up to a day."""

    def __init__(self, source: ModelSource, terms: AnalystTerms) -> None:
        super().__init__(source, terms, LOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    # what is asked about one instrument: bars as numbers of those that closed, and where in the
    # series they end; where all are asked about at once, some are asked about singly beside it
    series: Series
    lookback: int
    bars: Sequence[int]
    ends: Sequence[int]
    singles: Sequence[int]
    questions: Sequence[Question]
    at_once: bool

    def when(self, question: int) -> int:
        # start of the last bar that a question is about
        end = self.singles[question] if question < len(self.singles) else self.ends[-1]
        return int(self.series.ts[end])

    def judged(self, answers: Sequence[object], source: ModelSource) -> list[Prediction | Fault]:
        ones = {
            end: judge(answer, int(self.series.ts[end]))
            for end, answer in zip(self.singles, answers, strict=False)
        }
        if not self.at_once:
            return [ones[end] for end in self.ends]
        n_rows = len(self.ends) + self.lookback - 1
        found = judge_all(answers[-1], n_rows, len(self.ends))
        for end, one in ones.items():
            refuse_difference(source, self.series, end, one, found[end - self.ends[0]])
        return found
