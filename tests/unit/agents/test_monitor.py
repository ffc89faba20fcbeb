from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.agents.monitor import AgentMonitor, Window, information_ratio


def _monitor(names: tuple[str, ...] = ("a",), patience: int = 3) -> AgentMonitor:
    return AgentMonitor(names, window=10, span=1, per_year=100.0, patience=patience)


def _fed(excess: np.ndarray, patience: int = 3) -> list[Window]:
    monitor = _monitor(patience=patience)
    ts = np.arange(1, len(excess) + 1)
    ended = monitor.advance(ts, excess[:, None], np.ones((len(ts), 1), bool))
    return ended + monitor.close(len(excess))


def _noise(mean: float, n: int, seed: int = 1) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(0.0, 1.0, n)
    return np.asarray(drawn - drawn.mean() + mean)


def test_ratio_is_mean_over_deviation_annualised() -> None:
    excess = _noise(0.5, 10)
    window = _fed(excess)[0]
    assert window.ratio == pytest.approx(excess.mean() / excess.std(ddof=1) * 10.0)
    assert (window.start, window.end, window.bad) == (0, 10, 0)


def test_third_bad_window_in_a_row_is_an_alert() -> None:
    excess = np.concatenate([_noise(-0.5, 10, seed) for seed in range(4)])
    found = _fed(excess)
    assert [each.bad for each in found] == [1, 2, 3, 4]
    assert [each.is_alert for each in found] == [False, False, True, True]


def test_good_window_ends_the_row() -> None:
    means = (-0.5, -0.5, 0.5, -0.5)
    excess = np.concatenate([_noise(mean, 10, k) for k, mean in enumerate(means)])
    assert [each.bad for each in _fed(excess)] == [1, 2, 0, 1]


def test_silent_window_says_nothing_and_ends_no_row() -> None:
    monitor = _monitor(patience=2)
    ts = np.arange(1, 31)
    excess = np.concatenate([_noise(-0.5, 10), np.zeros(10), _noise(-0.5, 10)])[:, None]
    spoke = (excess != 0.0).astype(bool)
    found = monitor.advance(ts, excess, spoke) + monitor.close(30)
    assert math.isnan(found[1].ratio)
    assert [each.bad for each in found] == [1, 1, 2]
    assert [each.is_alert for each in found] == [False, False, True]


def test_windows_are_the_same_however_the_gains_are_cut() -> None:
    excess = _noise(0.1, 45)[:, None]
    ts, spoke = np.arange(1, 46), np.ones((45, 1), bool)
    whole = _monitor().advance(ts, excess, spoke)
    monitor, parts = _monitor(), []
    for cut in (slice(0, 3), slice(3, 11), slice(11, 40), slice(40, 45)):
        parts += monitor.advance(ts[cut], excess[cut], spoke[cut])
    assert parts == whole
    assert len(whole) == 4


def test_window_seen_only_at_its_end_says_nothing() -> None:
    monitor = _monitor()
    found = monitor.advance(
        np.array([9, 10, 11]), np.ones((3, 1)), np.ones((3, 1), bool)
    ) + monitor.close(11)
    assert len(found) == 1
    assert math.isnan(found[0].ratio)


def test_window_under_way_is_not_closed() -> None:
    assert _monitor().close(100) == []
    monitor = _monitor()
    monitor.advance(np.array([1, 2]), np.ones((2, 1)), np.ones((2, 1), bool))
    assert monitor.close(9) == []


def test_ratio_of_what_does_not_vary_is_not_known() -> None:
    assert math.isnan(information_ratio(np.ones(5)))
    assert math.isnan(information_ratio(np.ones(1)))


def test_window_must_be_whole_spans() -> None:
    with pytest.raises(ValueError, match="whole number"):
        AgentMonitor(["a"], window=10, span=3, per_year=1.0)
