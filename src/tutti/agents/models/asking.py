"""Putting windows of bars to a model: one by one, or a whole history where the model offers that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.models.answer import SHAPE, Fault, Prediction, judged, sided
from tutti.agents.models.frames import frame_of, index_of
from tutti.agents.models.worker import Broke, Late, Question
from tutti.model.errors import ConfigError
from tutti.model.market import FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.models.frames import BarHistory
    from tutti.agents.models.port import ModelSource, TradeModel

LATE, BROKE = "late", "broke"
"""Kinds of fault beside those of an answer."""

_SAME = 1e-5
_LONGEST = 120
_COLUMNS = ("signal", "confidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Bars of one instrument with features; ``ts`` of shape (k,), ``values`` of shape (k, c)."""

    ts: IntArray
    values: FloatArray
    columns: tuple[str, ...]
    index: Any

    @classmethod
    def of(cls, history: BarHistory, i: int) -> Series:
        """Return the bars that are kept of instrument ``i``."""
        ts, values = history.series(i)
        return cls(ts=ts, values=values, columns=history.columns, index=index_of(ts))

    def window(self, end: int, lookback: int) -> Any:
        """Return the frame of the ``lookback`` bars that end with number ``end``."""
        cut = slice(end - lookback + 1, end + 1)
        return frame_of(self.index[cut], self.values[cut], self.columns)


def one_by_one(
    model: TradeModel, series: Series, ends: Sequence[int], lookback: int
) -> list[Question]:
    """Return a question for each bar in ``ends``: the window that ends with it."""

    def about(end: int) -> Question:
        return Question(call=lambda: model.predict(series.window(end, lookback)))

    return [about(end) for end in ends]


def judge(answer: object, ts: int) -> Prediction | Fault:
    """Return the prediction in what came of a question about the bar at ``ts``, or the fault."""
    if isinstance(answer, Late):
        return Fault(kind=LATE, told=answer.told)
    if isinstance(answer, Broke):
        said = " ".join(str(answer.error).split())[:_LONGEST]
        return Fault(kind=BROKE, told=f"broke: {type(answer.error).__name__}: {said}")
    return judged(answer, ts)


def all_at_once(model: Any, series: Series, ends: Sequence[int], lookback: int) -> Question:
    """Return one question for all bars in ``ends``, which follow each other."""
    whole = slice(ends[0] - lookback + 1, ends[-1] + 1)
    return Question(
        call=lambda: model.predict_all(
            frame_of(series.index[whole], series.values[whole], series.columns)
        ),
        n=len(ends),
    )


def judge_all(answer: object, n_rows: int, n: int) -> list[Prediction | Fault]:
    """Return what ``predict_all`` says of the last ``n`` of ``n_rows`` bars, or their faults."""
    whole: Fault | None = None
    if isinstance(answer, Late | Broke):
        fault = judge(answer, 0)
        assert isinstance(fault, Fault)
        whole = fault
    elif not all(hasattr(answer, "columns") and name in answer.columns for name in _COLUMNS):
        told = "predict_all must return a DataFrame with columns signal and confidence"
        whole = Fault(kind=SHAPE, told=told)
    elif len(answer) != n_rows:  # type: ignore[arg-type]
        told = f"predict_all returned {len(answer)} rows for {n_rows}"  # type: ignore[arg-type]
        whole = Fault(kind=SHAPE, told=told)
    if whole is not None:
        return [whole] * n
    found: Any = answer
    signals, sure = (np.asarray(found[name])[n_rows - n :].tolist() for name in _COLUMNS)
    return [sided(*pair) for pair in zip(signals, sure, strict=True)]


def samples(ends: Sequence[int]) -> list[int]:
    """Return which of the bars that were asked about at once are asked about again, one by one."""
    return sorted({ends[0], ends[len(ends) // 2], ends[-1]})


def refuse_difference(
    source: ModelSource,
    series: Series,
    end: int,
    one: Prediction | Fault,
    batch: Prediction | Fault,
) -> None:
    """Refuse a model whose ``predict_all`` says something else than its ``predict``.

    Raises
    ------
    ConfigError
        If they differ by more than rounding; a late answer is not compared.
    """
    if isinstance(one, Fault) or isinstance(batch, Fault):
        return
    if one.signal == batch.signal and abs(one.confidence - batch.confidence) <= _SAME:
        return
    stamp = np.datetime64(int(series.ts[end]), "ns")
    raise ConfigError(
        f"model {source.name} ({source.origin}): predict_all says {batch.signal} at "
        f"{batch.confidence:g} of the bar at {stamp}, predict {one.signal} at {one.confidence:g}; "
        "make them equal, or remove predict_all"
    )
