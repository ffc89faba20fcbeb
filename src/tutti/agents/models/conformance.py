"""What every model has to keep: a suite that is run over one, and what it finds.

A model is made several times and shown windows of made-up bars, one after another, as an analyst
would show them. A model may remember what it was shown: two of one kind are always shown the same, so
that only what it can't know, or what is left to chance, makes them differ.

- ``shape``: an answer that is none, an exception, a timestamp that is not the last row's;
- ``range``: a signal that is not -1, 0 or 1, a confidence outside [0, 1], NaN;
- ``look_ahead``: an answer about a row that hangs on later ones, on the date itself, or on files
  that are read while it predicts; ``predict_all`` whose rows change with later rows; calls that
  read later rows;
- ``nondeterministic``: two models that are shown the same and answer differently;
- ``slow``: a prediction takes longer than its budget;
- ``import_error``: the model can't be imported or made.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from statistics import quantiles
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.models.answer import RANGE, SHAPE, Fault, Prediction, instant, judged, sided
from tutti.agents.models.asking import judge_all
from tutti.agents.models.frames import BarHistory, frame_of, index_of
from tutti.agents.models.port import ModelSource, declared
from tutti.agents.models.tables import fault_of, foreseen, futures
from tutti.agents.models.told import Misshapen, Table, parts_of
from tutti.kernel.clock import DAY, iso
from tutti.model.errors import ConfigError
from tutti.model.market import MarketBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.models.port import Declared, TradeModel
    from tutti.model.market import FloatArray, IntArray

LOOK_AHEAD, NONDETERMINISTIC, SLOW, IMPORT_ERROR = (
    "look_ahead",
    "nondeterministic",
    "slow",
    "import_error",
)
CODES = (IMPORT_ERROR, SHAPE, RANGE, LOOK_AHEAD, NONDETERMINISTIC, SLOW)
"""Everything that can be found, worst first."""

WINDOWS = 40
"""Windows that a model is shown in a row."""

_FEW, _FEWEST = 5, 2
_HOPELESS = 4.0
_SAME = 1e-5
_SAME_CALENDAR = 1461 * 7 * DAY
"""28 years: weekdays, dates and leap years fall alike."""
_SLOWEST_SHARE = 10
_LEAST_AGAIN, _AGAIN_S = 8, 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a model does wrong; ``code`` is one of `CODES`."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A model with the bars that it is tried on.

    Parameters
    ----------
    config : mapping
        What the model is made with.
    bars : MarketBlock
        Of one instrument and of the model's timeframe.
    budget_s : float
        For one prediction.
    making, predicting : callable
        What the making of a model and each prediction (told whether it is the first) happen in.
    """

    source: ModelSource
    config: Mapping[str, Any]
    bars: MarketBlock
    budget_s: float
    making: Callable[[], AbstractContextManager[None]]
    predicting: Callable[[bool], AbstractContextManager[None]]


@dataclass(slots=True, kw_only=True)
class _Findings:
    # of each code and subject only the first, with how often it came again
    told: dict[tuple[str, str], str] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, code: str, subject: str, message: str) -> None:
        key = code, subject
        self.told.setdefault(key, message)
        self.counts[key] = self.counts.get(key, 0) + 1

    def listed(self) -> tuple[Finding, ...]:
        return tuple(
            Finding(code=key[0], message=self._message(key))
            for key in sorted(self.told, key=lambda key: CODES.index(key[0]))
        )

    def _message(self, key: tuple[str, str]) -> str:
        again = self.counts[key] - 1
        return self.told[key] + (f" (and {again} times more)" if again else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of a trial.

    Parameters
    ----------
    answers : tuple
        Signal and confidence of each window, None for an answer that is none.
    seconds : tuple of float
        That each took.
    """

    findings: tuple[Finding, ...]
    answers: tuple[tuple[int, float] | None, ...]
    seconds: tuple[float, ...]


def tried(trial: Trial) -> Tried:
    """Return everything that is wrong with a model."""
    found = _Findings()
    try:
        with trial.making():
            model = trial.source.made(trial.config)
            said = declared(trial.source, model)
    except ConfigError as error:
        found.add(IMPORT_ERROR, "", str(error))
        return Tried(findings=found.listed(), answers=(), seconds=())
    rows = _Rows(trial, said, found)
    if rows.count < 1:
        found.add(SHAPE, "lookback", f"lookback {said.lookback} is longer than any trial")
        return Tried(findings=found.listed(), answers=(), seconds=())
    first = rows.shown(model)
    answers = rows.judged(first)
    if len(first) == _FEWEST:
        # waiting for it over and over would find out nothing that helps
        _judge_speed(first, first, trial, found)
        return _ended(found, answers, first)
    n = _affordable(first)
    second = rows.shown(trial.source.made(trial.config), n)
    _judge_speed(first, second, trial, found)
    _judge_chance(rows, trial, answers, rows.unjudged(second), found)
    _judge_tables(rows, first, found)
    if not found.told:
        later = rows.shown(trial.source.made(trial.config), n, shifted=_SAME_CALENDAR)
        moved = rows.unjudged(later, shifted=_SAME_CALENDAR)
        _same(answers, moved, found, LOOK_AHEAD, _BY_DATE)
    if said.shared:
        _judge_memory(rows, model, answers, found)
    if said.offers_all:
        _judge_batches(rows, model, answers, found)
    return _ended(found, answers, first)


def answers_of(trial: Trial) -> tuple[tuple[int, float] | None, ...]:
    """Return what a model answers to each window, with nothing else tried.

    Raises
    ------
    ConfigError
        If it can't be made.
    """
    with trial.making():
        model = trial.source.made(trial.config)
        said = declared(trial.source, model)
    rows = _Rows(trial, said, _Findings())
    first = rows.shown(model)
    return _ended(_Findings(), rows.unjudged(first), first).answers


def _affordable(first: Sequence[_Shown]) -> int:
    # how many windows are shown again: models are made anew several times
    usual = sum(each.seconds for each in first) / len(first)
    return min(len(first), max(_LEAST_AGAIN, int(_AGAIN_S / max(usual, 1e-9))))


def _ended(
    found: _Findings, answers: Sequence[Prediction | None], shown: Sequence[_Shown]
) -> Tried:
    return Tried(
        findings=found.listed(),
        answers=tuple(None if each is None else (each.signal, each.confidence) for each in answers),
        seconds=tuple(each.seconds for each in shown),
    )


_BY_MEMORY = (
    "the first model answered {first} and a second one, shown the same, {second} at {ts}, as the "
    "third did: it remembers later bars from one model to the next"
)
_BY_CHANCE = "two models that were shown the same answered {first} and {second} at {ts}"
BY_DATE = "on the same bars 28 years later"
"""What a finding says whose cause is the date alone."""

_BY_DATE = (
    f"answered {{first}} at {{ts}}, and {{second}} {BY_DATE}: it hangs on the date itself, not on the "
    "bars"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    end: int
    answer: object
    error: BaseException | None
    seconds: float

    @property
    def is_table(self) -> bool:
        return self.error is None and isinstance(parts_of(self.answer), Table)


class _Rows:
    # the bars of a trial with features, and a model shown windows of them
    def __init__(self, trial: Trial, said: Declared, found: _Findings) -> None:
        history = BarHistory(said.needs, 0, 1)
        history.take(trial.bars)
        self.ts, self.values = history.series(0)
        self.columns = history.columns
        self.lookback = said.lookback
        self.count = len(self.ts) - self.lookback + 1
        self.ends = range(self.lookback - 1, len(self.ts))[-WINDOWS:]
        self.absent: list[str] = []
        self._trial = trial
        self._found = found

    def frame(
        self, start: int, stop: int, values: FloatArray | None = None, shifted: int = 0
    ) -> Any:
        chosen = self.values if values is None else values
        return frame_of(index_of(self.ts[start:stop] + shifted), chosen[start:stop], self.columns)

    def shown(self, model: TradeModel, n: int | None = None, shifted: int = 0) -> list[_Shown]:
        # all windows, or a few where each takes too long
        shown: list[_Shown] = []
        for end in self.ends[:n]:
            frame = self.frame(end - self.lookback + 1, end + 1, shifted=shifted)
            shown.append(self.asked(model, frame, end, is_first=not shown))
            budget = self._trial.budget_s
            hopeless = all(each.seconds > _HOPELESS * budget for each in shown)
            enough = _FEWEST if hopeless else _FEW
            if len(shown) == enough and all(each.seconds > budget for each in shown):
                break
        return shown

    def asked(self, model: TradeModel, frame: Any, end: int, *, is_first: bool) -> _Shown:
        answer: object = None
        error: BaseException | None = None
        began = time.perf_counter()
        try:
            with self._trial.predicting(is_first):
                answer = _answer(model, frame)
        except (Exception, SystemExit) as raised:  # noqa: BLE001 (the boundary to models' code)
            error = raised
        return _Shown(end=end, answer=answer, error=error, seconds=time.perf_counter() - began)

    def judged(self, shown: Sequence[_Shown]) -> list[Prediction | None]:
        # notes each fault, unlike the next one
        answers: list[Prediction | None] = []
        earlier: list[tuple[Fault, str]] = []
        for each in shown:
            found = self._one(each, 0)
            if isinstance(found, Fault) and each.is_table:
                if self._of_table(each, 0) is None:
                    self.absent.append(found.told)
                else:
                    self._found.add(found.kind, found.told[:11], found.told)
            elif isinstance(found, Fault):
                row = self._earlier(each)
                if row is None:
                    self._found.add(found.kind, found.told.split(",")[0][:24], found.told)
                else:
                    earlier.append((found, self._changed(each, row)))
            answers.append(found if isinstance(found, Prediction) else None)
        # that some windows' sides stay the same though later rows change, proves nothing
        peeks = [peek for _, peek in earlier if peek]
        for stale, _ in [] if peeks else earlier:
            self._found.add(SHAPE, "stale", stale.told)
        for peek in peeks:
            self._found.add(LOOK_AHEAD, "early", peek)
        return answers

    def unjudged(self, shown: Sequence[_Shown], shifted: int = 0) -> list[Prediction | None]:
        made = [self._one(each, shifted) for each in shown]
        return [each if isinstance(each, Prediction) else None for each in made]

    def _one(self, each: _Shown, shifted: int) -> Prediction | Fault:
        if each.error is not None:
            said = " ".join(str(each.error).split())
            return Fault(kind=SHAPE, told=f"predict raised {type(each.error).__name__}: {said}")
        return self._of_table(each, shifted) or judged(
            each.answer, int(self.ts[each.end]) + shifted
        )

    def _of_table(self, each: _Shown, shifted: int) -> Fault | None:
        said = parts_of(each.answer)
        return fault_of(said, self.window(each) + shifted) if isinstance(said, Table) else None

    def window(self, each: _Shown) -> IntArray:
        # starts of the bars that were shown
        return self.ts[each.end - self.lookback + 1 : each.end + 1]

    def peek(self, each: _Shown) -> str:
        # how an answer about several bars hangs on what follows each of them
        start = each.end - self.lookback + 1

        def ask(values: FloatArray) -> object:
            shown = self.values.copy()
            shown[start : each.end + 1] = values
            frame = self.frame(start, each.end + 1, shown)
            model = self._trial.source.made(self._trial.config)
            return self.asked(model, frame, each.end, is_first=True).answer

        return foreseen(ask, self.window(each), self.values[start : each.end + 1])

    def _earlier(self, each: _Shown) -> int | None:
        # the row before the last one that an answer is about
        answer = parts_of(each.answer)
        if isinstance(answer, Table | Misshapen):
            return None
        stamp = instant(answer["timestamp"])
        if stamp is None:
            return None
        row = int(np.searchsorted(self.ts, stamp))
        within = each.end - self.lookback < row < each.end
        return row if within and self.ts[row] == stamp else None

    def _changed(self, each: _Shown, row: int) -> str:
        # what it says of a row must not change with the rows that follow it
        for values in futures(self.values, row + 1):
            frame = self.frame(each.end - self.lookback + 1, each.end + 1, values)
            model = self._trial.source.made(self._trial.config)
            other = self.asked(model, frame, each.end, is_first=True).answer
            if _pair(other) not in (None, _pair(each.answer)):
                return (
                    f"answers about {iso(int(self.ts[row]))}, {each.end - row} rows before the "
                    "last one, and says something else when the rows after it change"
                )
        return ""


def _answer(model: TradeModel, frame: Any) -> object:
    answer = model.predict(frame)
    if inspect.isawaitable(answer):
        return asyncio.run(_awaited(answer))
    return answer


async def _awaited(answer: Any) -> object:
    return await answer


def _pair(answer: object) -> Prediction | Fault | None:
    parts = parts_of(answer)
    if isinstance(parts, Table | Misshapen):
        return None
    return sided(parts["signal"], parts["confidence"])


def _judge_chance(
    rows: _Rows,
    trial: Trial,
    answers: Sequence[Prediction | None],
    second: Sequence[Prediction | None],
    found: _Findings,
) -> None:
    if all(map(_equal, answers, second)):
        return
    third = rows.unjudged(rows.shown(trial.source.made(trial.config), len(second)))
    # one that was shown the whole before knows what comes; chance would say something else again
    knows = all(map(_equal, second, third))
    code, words = (LOOK_AHEAD, _BY_MEMORY) if knows else (NONDETERMINISTIC, _BY_CHANCE)
    _same(answers, second, found, code, words)


def _judge_tables(rows: _Rows, first: Sequence[_Shown], found: _Findings) -> None:
    tables = [each for each in first if each.is_table]
    if not tables:
        return
    peek = ""
    if NONDETERMINISTIC not in {code for code, _ in found.told}:
        few = tables if len(tables) < _FEWEST else (tables[0], tables[len(tables) // 2], tables[-1])
        peek = next((told for each in few if (told := rows.peek(each))), "")
    if peek:
        found.add(LOOK_AHEAD, "rows", peek)
        return
    # an answer for which later rows have to be known was told above
    for each in rows.absent:
        found.add(SHAPE, "absent", each)


def _judge_speed(
    first: Sequence[_Shown], second: Sequence[_Shown], trial: Trial, found: _Findings
) -> None:
    # the quicker of two times: a machine that has others to serve makes nobody slow
    seconds = [min(a.seconds, b.seconds) for a, b in zip(first, second, strict=False)]
    # the first one may load what the others use
    seconds = seconds[1:] or seconds
    slow = quantiles(seconds, n=_SLOWEST_SHARE)[-1] if len(seconds) > 1 else seconds[0]
    if slow > trial.budget_s:
        found.add(
            SLOW,
            "",
            f"a prediction takes {1000 * slow:.0f} ms (one in ten takes longer); the budget is "
            f"{1000 * trial.budget_s:g} ms",
        )


def _same(
    first: Sequence[Prediction | None],
    second: Sequence[Prediction | None],
    found: _Findings,
    code: str,
    template: str,
) -> None:
    for k, (one, other) in enumerate(zip(first, second, strict=False)):
        if not _equal(one, other):
            words = template.format(first=_said(one), second=_said(other), ts=f"window {k + 1}")
            found.add(code, "", words)
            return


def _equal(one: Prediction | None, other: Prediction | None, tolerance: float = 0.0) -> bool:
    if one is None or other is None:
        return one is other
    return one.signal == other.signal and math.isclose(
        one.confidence, other.confidence, rel_tol=0.0, abs_tol=tolerance
    )


def _said(answer: Prediction | None) -> str:
    return "nothing valid" if answer is None else f"{answer.signal:+d} at {answer.confidence:g}"


def _judge_memory(
    rows: _Rows, model: TradeModel, answers: Sequence[Prediction | None], found: _Findings
) -> None:
    # one object serves all instruments: what it was shown before must not matter
    backwards = list(rows.ends[: len(answers)])[::-1]
    for end in backwards:
        frame = rows.frame(end - rows.lookback + 1, end + 1)
        again = rows.unjudged([rows.asked(model, frame, end, is_first=False)])[0]
        if not _equal(answers[end - rows.ends[0]], again):
            found.add(
                NONDETERMINISTIC,
                "shared",
                "says that it is shared, and what it answers hangs on what it was shown before",
            )
            return


def _judge_batches(
    rows: _Rows, model: Any, answers: Sequence[Prediction | None], found: _Findings
) -> None:
    start, stop = rows.ends[0] - rows.lookback + 1, rows.ends[0] + len(answers)
    n = len(answers)

    def batch(until: int, values: FloatArray | None = None) -> list[Prediction | Fault]:
        try:
            made = model.predict_all(rows.frame(start, until, values))
        except (Exception, SystemExit) as error:  # noqa: BLE001 (the boundary to models' code)
            told = f"predict_all raised {type(error).__name__}: {error}"
            return [Fault(kind=SHAPE, told=told)] * n
        return judge_all(made, until - start, n - (stop - until))

    whole = batch(stop)
    if (fault := next((each for each in whole if isinstance(each, Fault)), None)) is not None:
        found.add(fault.kind, "all", f"predict_all: {fault.told}")
        if fault.kind == SHAPE:
            return
    cut = rows.ends[0] + max(n // 2, 1)
    others = [
        batch(cut),
        *(batch(stop, values)[: cut - stop + n] for values in futures(rows.values, cut)),
    ]
    for other in others:
        for k, each in enumerate(other):
            if not _equal(_valid(whole[k]), _valid(each), _SAME):
                found.add(
                    LOOK_AHEAD,
                    "all",
                    f"predict_all says {_said(_valid(whole[k]))} of row {k + 1}, and "
                    f"{_said(_valid(each))} when the rows after it change or are left out",
                )
                return
    for k, (one, each) in enumerate(zip(answers, whole, strict=True)):
        if not _equal(one, _valid(each), _SAME):
            found.add(
                SHAPE,
                "all",
                f"predict_all says {_said(_valid(each))} of window {k + 1}, predict {_said(one)}; "
                f"does it read more than the last {rows.lookback} rows?",
            )
            return


def _valid(answer: Prediction | Fault) -> Prediction | None:
    return answer if isinstance(answer, Prediction) else None
