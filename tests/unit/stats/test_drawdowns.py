from __future__ import annotations

import pytest

from tutti.stats.drawdowns import Drawdown, drawdown, max_drawdown, worst_drawdown


def test_drawdown_is_the_fraction_lost_from_the_peak_so_far() -> None:
    falls = drawdown([100.0, 80.0, 120.0, 90.0, 120.0])
    assert falls == pytest.approx([0.0, 0.2, 0.0, 0.25, 0.0])


def test_drawdown_at_ruin_is_everything() -> None:
    assert drawdown([100.0, -5.0, 40.0]).tolist() == [0.0, 1.0, 1.0]


def test_max_drawdown_of_equity_that_only_rises_is_nothing() -> None:
    assert max_drawdown([1.0, 2.0, 3.0]) == 0.0


def test_worst_drawdown_lasts_from_its_last_peak_to_the_return() -> None:
    fall = worst_drawdown([100.0, 120.0, 120.0, 90.0, 100.0, 120.0, 110.0])
    assert fall == Drawdown(depth=0.25, peak=2, trough=3, end=5, is_recovered=True)
    assert fall.length == 3


def test_worst_drawdown_without_a_return_lasts_to_the_end() -> None:
    fall = worst_drawdown([100.0, 50.0, 60.0, 70.0])
    assert (fall.length, fall.is_recovered) == (3, False)


@pytest.mark.parametrize("equity", [[5.0], [5.0, 5.0], [5.0, 6.0]])
def test_worst_drawdown_of_equity_that_never_falls_is_nothing(equity: list[float]) -> None:
    fall = worst_drawdown(equity)
    assert (fall.depth, fall.length) == (0.0, 0)
