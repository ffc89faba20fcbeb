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

import math
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from tutti.agents.models.answer import SHAPE, Fault, Prediction
from tutti.agents.models.asking import judge_all
from tutti.agents.models.port import declared
from tutti.agents.models.tables import futures
from tutti.agents.models.windows import (
    FEWEST,
    IMPORT_ERROR,
    LOOK_AHEAD,
    NONDETERMINISTIC,
    SLOW,
    Finding,
    Findings,
    Rows,
    Shown,
    Trial,
)
from tutti.kernel.clock import DAY
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.models.port import TradeModel
    from tutti.model.market import FloatArray

_SAME = 1e-5
_SAME_CALENDAR = 1461 * 7 * DAY
"""28 years: weekdays, dates and leap years fall alike."""
_SLOWEST_SHARE = 10
_LEAST_AGAIN, _AGAIN_S = 8, 4.0


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
    found = Findings()
    try:
        with trial.making():
            model = trial.source.made(trial.config)
            said = declared(trial.source, model)
    except ConfigError as error:
        found.add(IMPORT_ERROR, "", str(error))
        return Tried(findings=found.listed(), answers=(), seconds=())
    rows = Rows(trial, said, found)
    if rows.count < 1:
        found.add(SHAPE, "lookback", f"lookback {said.lookback} is longer than any trial")
        return Tried(findings=found.listed(), answers=(), seconds=())
    first = rows.shown(model)
    answers = rows.judged(first)
    if len(first) == FEWEST:
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
    rows = Rows(trial, said, Findings())
    first = rows.shown(model)
    return _ended(Findings(), rows.unjudged(first), first).answers


def _affordable(first: Sequence[Shown]) -> int:
    # how many windows are shown again: models are made anew several times
    usual = sum(each.seconds for each in first) / len(first)
    return min(len(first), max(_LEAST_AGAIN, int(_AGAIN_S / max(usual, 1e-9))))


def _ended(found: Findings, answers: Sequence[Prediction | None], shown: Sequence[Shown]) -> Tried:
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


def _judge_chance(
    rows: Rows,
    trial: Trial,
    answers: Sequence[Prediction | None],
    second: Sequence[Prediction | None],
    found: Findings,
) -> None:
    if all(map(_equal, answers, second)):
        return
    third = rows.unjudged(rows.shown(trial.source.made(trial.config), len(second)))
    # one that was shown the whole before knows what comes; chance would say something else again
    knows = all(map(_equal, second, third))
    code, words = (LOOK_AHEAD, _BY_MEMORY) if knows else (NONDETERMINISTIC, _BY_CHANCE)
    _same(answers, second, found, code, words)


def _judge_tables(rows: Rows, first: Sequence[Shown], found: Findings) -> None:
    tables = [each for each in first if each.is_table]
    if not tables:
        return
    peek = ""
    if NONDETERMINISTIC not in {code for code, _ in found.told}:
        few = tables if len(tables) < FEWEST else (tables[0], tables[len(tables) // 2], tables[-1])
        peek = next((told for each in few if (told := rows.peek(each))), "")
    if peek:
        found.add(LOOK_AHEAD, "rows", peek)
        return
    # an answer for which later rows have to be known was told above
    for each in rows.absent:
        found.add(SHAPE, "absent", each)


def _judge_speed(
    first: Sequence[Shown], second: Sequence[Shown], trial: Trial, found: Findings
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
    found: Findings,
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
    rows: Rows, model: TradeModel, answers: Sequence[Prediction | None], found: Findings
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
    rows: Rows, model: Any, answers: Sequence[Prediction | None], found: Findings
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
