"""Answers of models: what is taken, and what each wrong one is told."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from tutti.agents.models.answer import RANGE, SHAPE, Fault, Prediction, instant, judged
from tutti.kernel.clock import DAY, SECOND

TS = 19_900 * DAY + 15 * SECOND


def said(signal: Any = 1, confidence: Any = 0.5, timestamp: Any = TS) -> dict[str, Any]:
    return {"timestamp": timestamp, "signal": signal, "confidence": confidence}


@pytest.mark.parametrize(
    ("signal", "confidence"),
    [
        (1, 0.5),
        (-1, 0),
        (0, 1),
        (np.int64(1), np.float32(0.5)),
        (1.0, 0.1234567),
        (True, 0.5),
        (np.False_, 0.5),
        (np.array(-1), np.array(0.5)),
    ],
)
def test_prediction_is_taken(signal: Any, confidence: Any) -> None:
    found = judged(said(signal, confidence), TS)
    assert found == Prediction(signal=int(signal), confidence=round(float(confidence), 6))


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (None, SHAPE, "answered with nothing, not with a dict"),
        ([1], SHAPE, "answered with list"),
        ({"signal": 1}, SHAPE, "without timestamp, confidence"),
        (said(timestamp="yesterday"), SHAPE, "timestamp is no time: 'yesterday'"),
        (said(timestamp=True), SHAPE, "timestamp is no time"),
        (said(timestamp=TS + SECOND), SHAPE, "timestamp is .*:16.000Z, not that of the last row"),
        (said("buy"), SHAPE, "signal is str, not a number"),
        (said(1, True), SHAPE, "confidence is bool"),
        (said({TS: 1}), SHAPE, "signal is dict"),
        (said(timestamp=pd.NaT), SHAPE, "timestamp is no time: NaT"),
        ((TS, 1, 0.5), SHAPE, "answered with tuple"),
        ([], SHAPE, "answered with list"),
        ([said(), 1], SHAPE, "answered with list"),
        ([said(), {"signal": 1}], SHAPE, "without timestamp, confidence"),
        (pd.DataFrame({"close": [1.0]}), SHAPE, "without timestamp, signal, confidence"),
        (pd.DataFrame([said()])[:0], SHAPE, "none of its 0 rows is about the last bar"),
        (pd.DataFrame([said(timestamp=TS - SECOND)]), SHAPE, "none of its 1 rows is about"),
        (said([1, 0], timestamp=[TS]), SHAPE, "answered with 2 of signal for 1 timestamps"),
        (said(1, [0.5], [TS - 1, TS]), SHAPE, "answered with 1 of confidence for 2 timestamps"),
        (pd.DataFrame([said(2)]), RANGE, "signal must be -1, 0 or 1, was 2"),
        (said(1, 1.0000001), RANGE, r"confidence must be in \[0, 1\], was 1.0000001"),
        (said(np.array([1])), SHAPE, "signal is ndarray"),
        (said(2), RANGE, "signal must be -1, 0 or 1, was 2"),
        (said(0.5), RANGE, "signal must be -1, 0 or 1, was 0.5"),
        (said(math.nan), RANGE, "signal is nan"),
        (said(1, None), SHAPE, "confidence is nothing"),
        (said(1, 1.2), RANGE, r"confidence must be in \[0, 1\], was 1.2"),
        (said(1, -0.1), RANGE, "confidence must be"),
        (said(1, math.nan), RANGE, "confidence is nan"),
        (said(1, math.inf), RANGE, "confidence is inf"),
    ],
)
def test_wrong_answer_is_refused_with_its_kind(answer: Any, kind: str, told: str) -> None:
    found = judged(answer, TS)
    assert isinstance(found, Fault)
    assert found.kind == kind
    assert re.search(told, found.told)


class Named(NamedTuple):
    timestamp: Any
    signal: int
    confidence: float


_INDEX = pd.DatetimeIndex([TS - SECOND, TS], tz="UTC")


@pytest.mark.parametrize(
    "answer",
    [
        Named(TS, 1, 0.5),
        SimpleNamespace(**said()),
        pd.Series(said()),
        pd.DataFrame([said(-1, timestamp=TS - SECOND), said()]),
        pd.DataFrame({"signal": [-1, 1], "confidence": 0.5}, index=_INDEX),
        pd.DataFrame([said()]).set_index("timestamp"),
        said(pd.Series([-1, 1]), pd.Series([0.1, 0.5]), _INDEX),
        said(np.array([-1, 1]), 0.5, _INDEX.to_numpy()),
        said([False, True], [0, 0.5], [str(each) for each in _INDEX]),
        [said(-1, timestamp=TS - SECOND), said()],
        (Named(TS, 1, 0.5),),
    ],
)
def test_prediction_is_taken_in_every_form_that_names_its_parts(answer: Any) -> None:
    assert judged(answer, TS) == Prediction(signal=1, confidence=0.5)


@pytest.mark.parametrize(
    "value",
    [
        TS,
        TS // SECOND,
        TS / SECOND,
        TS // 1_000_000,
        TS // 1000,
        np.int64(TS),
        pd.Timestamp(TS, tz="UTC"),
        pd.Timestamp(TS),
        np.datetime64(TS, "ns"),
        np.array(TS, "datetime64[ns]"),
        np.array(TS),
        np.datetime64(TS // SECOND, "s"),
        datetime.fromtimestamp(TS // SECOND, tz=UTC),
        datetime.fromtimestamp(TS // SECOND, tz=UTC).replace(tzinfo=None),
        datetime.fromtimestamp(TS // SECOND, tz=UTC).isoformat(),
    ],
)
def test_time_is_understood_in_every_form(value: Any) -> None:
    assert instant(value) == TS


@pytest.mark.parametrize("value", [None, math.nan, 1e30, -99e9, "soon", False, object(), pd.NaT])
def test_what_is_no_time_is_none(value: Any) -> None:
    assert instant(value) is None
