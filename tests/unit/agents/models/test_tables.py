"""Answers about several bars: what is wrong with one, and what of it hangs on later bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tutti.agents.models.answer import RANGE, SHAPE
from tutti.agents.models.tables import fault_of, foreseen, futures
from tutti.agents.models.told import Table
from tutti.kernel.clock import DAY, HOUR

TS = 19_900 * DAY + HOUR * np.arange(8)
VALUES = 100.0 + np.arange(8.0).reshape(-1, 1)


def table(stamps: Any = TS, signals: Any = 1, confidences: Any = 0.5) -> Table:
    n = len(stamps)
    return Table(
        stamps=tuple(stamps),
        signals=tuple(np.broadcast_to(signals, n)),
        confidences=tuple(np.broadcast_to(confidences, n)),
    )


def test_rows_in_order_of_bars_that_were_shown_are_right_though_some_are_missing() -> None:
    assert fault_of(table(), TS) is None
    assert fault_of(table(TS[[1, 4, 7]]), TS) is None
    assert fault_of(table([]), TS) is None


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (table(["soon"]), SHAPE, "timestamp is no time: 'soon'"),
        (table([*TS, TS[-1] + HOUR]), SHAPE, "which it was not shown"),
        (table([TS[0], TS[0]]), SHAPE, "comes twice"),
        (table(TS[::-1]), SHAPE, "comes after a later one"),
        (table(signals=[1, 1, 2, 1, 1, 1, 1, 1]), RANGE, "signal must be"),
        (table(confidences=np.nan), RANGE, "confidence is nan"),
    ],
)
def test_row_that_can_not_be_is_told(answer: Table, kind: str, told: str) -> None:
    found = fault_of(answer, TS)
    assert found is not None
    assert found.kind == kind
    assert told in found.told


def test_futures_share_what_came_before_and_nothing_else() -> None:
    for other in futures(VALUES, 5):
        assert (other[:5] == VALUES[:5]).all()
        assert (other[5:] != VALUES[5:]).all()


def answered(signal: Any) -> Any:
    """Return who answers about each bar with a signal made of all closes."""

    def ask(values: Any) -> object:
        return {"timestamp": TS, "signal": signal(values[:, 0]), "confidence": 0.5}

    return ask


def test_rows_that_hang_on_earlier_bars_are_not_foreseen() -> None:
    assert (
        foreseen(answered(lambda close: np.sign(np.diff(close, prepend=100.0))), TS, VALUES) == ""
    )
    assert (
        foreseen(
            lambda values: {"timestamp": TS[-1:], "signal": [1], "confidence": [1]}, TS, VALUES
        )
        == ""
    )
    assert foreseen(lambda values: None, TS, VALUES) == ""


@pytest.mark.parametrize(
    ("signal", "ahead"),
    [
        (lambda close: np.sign(np.append(np.diff(close), 0)), 1),
        (lambda close: (close > close.mean()).astype(int), 1),
        (lambda close: np.sign(np.append(close[3:], close[:3]) - close) * (TS[-3] > TS), 3),
    ],
)
def test_rows_that_hang_on_later_bars_are_told(signal: Any, ahead: int) -> None:
    told = foreseen(answered(signal), TS, VALUES)
    assert f"{ahead} rows before the last one" in told
    assert told.endswith("says something else when the rows after it change")


def test_row_that_is_left_out_when_others_come_is_told() -> None:
    def ask(values: Any) -> object:
        n = 8 if values[-1, 0] < 120 else 4
        return {"timestamp": TS[:n], "signal": [1] * n, "confidence": 0.5}

    assert "rows before the last one" in foreseen(ask, TS, VALUES)
