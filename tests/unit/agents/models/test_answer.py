"""Answers of models: what is taken, and what each wrong one is told."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

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
    [(1, 0.5), (-1, 0), (0, 1), (np.int64(1), np.float32(0.5)), (1.0, 0.1234567)],
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
        (said(True), SHAPE, "signal is bool"),
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
        np.datetime64(TS // SECOND, "s"),
        datetime.fromtimestamp(TS // SECOND, tz=UTC),
        datetime.fromtimestamp(TS // SECOND, tz=UTC).replace(tzinfo=None),
        datetime.fromtimestamp(TS // SECOND, tz=UTC).isoformat(),
    ],
)
def test_time_is_understood_in_every_form(value: Any) -> None:
    assert instant(value) == TS


@pytest.mark.parametrize("value", [None, math.nan, 1e30, "soon", False, object()])
def test_what_is_no_time_is_none(value: Any) -> None:
    assert instant(value) is None
