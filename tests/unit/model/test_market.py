"""A block of bars has one shape and knows when each bar became known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock, Snapshot, TextEvent

_STEP = 60_000_000_000


def _block(**changes: Any) -> MarketBlock:
    shape = (4, 2)
    fields: dict[str, Any] = {
        "instruments": (InstrumentId("A", "X"), InstrumentId("B", "X")),
        "ts": np.arange(4, dtype=np.int64) * _STEP,
        "step": _STEP,
        **{
            name: np.arange(8.0).reshape(shape) + offset
            for offset, name in enumerate(("open", "high", "low", "close", "volume", "funding"))
        },
    }
    return MarketBlock(**{**fields, **changes})


def test_block_length_is_its_number_of_ticks() -> None:
    assert len(_block()) == 4


def test_block_bars_are_known_at_their_end() -> None:
    np.testing.assert_array_equal(_block().known_at, np.arange(1, 5) * _STEP)


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume", "funding"])
def test_block_field_of_another_shape_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} must have shape \(4, 2\)"):
        _block(**{name: np.zeros((4, 3))})


@pytest.mark.parametrize("step", [0, -1])
def test_block_step_that_is_not_positive_is_refused(step: int) -> None:
    with pytest.raises(ValueError, match="step must be positive"):
        _block(step=step)


def test_block_rows_are_views_of_the_same_memory() -> None:
    block = _block()
    rows = block.rows(1, 3)
    assert len(rows) == 2
    assert rows.instruments == block.instruments
    for name in ("ts", "open", "high", "low", "close", "volume", "funding"):
        np.testing.assert_array_equal(getattr(rows, name), getattr(block, name)[1:3])
        assert np.shares_memory(getattr(rows, name), getattr(block, name))


def test_snapshot_without_texts_has_none() -> None:
    instrument = InstrumentId("A", "X")
    bare = Snapshot(instrument=instrument, as_of=1, close=2.0, features={"rsi_14": 0.5})
    event = TextEvent(known_at=1, source="news", text="up", instruments=(instrument,))
    told = Snapshot(instrument=instrument, as_of=1, close=2.0, features={}, texts=(event,))
    assert bare.texts == ()
    assert told.texts[0].instruments == (instrument,)
