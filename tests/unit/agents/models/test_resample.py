"""Longer bars out of shorter ones: what they hold, and when they are known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.unit.agents.models.conftest import START, bars, walk

from tutti.agents.models.resample import Resampler
from tutti.kernel.clock import HOUR, MINUTE
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.model.market import IntArray, MarketBlock


def test_bar_closes_with_the_one_that_ends_it() -> None:
    closed = Resampler(4 * HOUR).advance(bars([1, 5, 3, 4, 6, 7, 8]))
    assert closed.rows.tolist() == [3]
    made = closed.bars
    assert (made.ts.tolist(), made.step) == ([START], 4 * HOUR)
    assert [made.open[0, 0], made.high[0, 0], made.low[0, 0], made.close[0, 0]] == [1, 6, 0, 4]
    assert made.volume[0, 0] == 4


def test_bar_whose_last_part_is_missing_closes_with_the_next_one() -> None:
    whole = bars([1, 2, 3, 4, 5, 6])
    gap = whole.rows(0, 3), whole.rows(4, 6)
    resampler = Resampler(4 * HOUR)
    assert not len(resampler.advance(gap[0]).bars)
    closed = resampler.advance(gap[1])
    assert closed.rows.tolist() == [0]
    assert closed.bars.close.tolist() == [[3.0]]


def test_bar_that_was_not_seen_from_its_begin_is_left_out() -> None:
    closed = Resampler(4 * HOUR).advance(bars(range(1, 9), start=START + HOUR))
    assert closed.bars.ts.tolist() == [START + 4 * HOUR]
    assert closed.bars.open.tolist() == [[3.0]]


def test_instrument_without_bars_has_none_of_the_longer_ones() -> None:
    nan = math.nan
    closed = Resampler(2 * HOUR).advance(bars([[1, nan], [2, nan], [3, nan], [4, 9]]))
    assert np.isnan(closed.bars.close[0, 1])
    assert np.isnan(closed.bars.volume[0, 1])
    assert closed.bars.close[1].tolist() == [4, 9]


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 7, 40])
def test_bars_are_the_same_however_blocks_are_cut(cut: int) -> None:
    block = walk(100, 2)
    keep = np.flatnonzero(np.random.default_rng(3).uniform(size=100) > 0.2)
    block = _without(block, keep)
    whole = Resampler(6 * HOUR).advance(block)
    parts, rows = [], []
    resampler = Resampler(6 * HOUR)
    for start in range(0, len(block), cut):
        closed = resampler.advance(block.rows(start, min(start + cut, len(block))))
        parts.append(closed.bars)
        rows += (closed.rows + start).tolist()
    assert rows == whole.rows.tolist()
    for name in ("ts", "open", "high", "low", "close", "volume"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole.bars, name))


def test_bars_of_the_run_are_passed_on_where_that_is_the_timeframe() -> None:
    block = bars([1, 2, 3], start=START + 17 * MINUTE)
    closed = Resampler(HOUR).advance(block)
    assert closed.bars is block
    assert closed.rows.tolist() == [0, 1, 2]


def test_timeframe_that_is_no_multiple_is_refused() -> None:
    with pytest.raises(ConfigError, match="bars: a timeframe of 90m can't be made of bars of 1h"):
        Resampler(90 * MINUTE).advance(bars([1, 2]))


def test_block_of_other_instruments_is_refused() -> None:
    resampler = Resampler(2 * HOUR)
    resampler.advance(bars([1, 2]))
    with pytest.raises(ValueError, match="other instruments"):
        resampler.advance(bars([[1, 2]]))


def _without(block: MarketBlock, keep: IntArray) -> MarketBlock:
    names = ("ts", "open", "high", "low", "close", "volume", "funding")
    return replace(block, **{name: getattr(block, name)[keep] for name in names})
