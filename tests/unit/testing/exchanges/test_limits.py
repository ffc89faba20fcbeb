"""Windows, decaying counters and rolling sums of requests."""

from __future__ import annotations

from tutti.kernel.clock import SECOND
from tutti.testing.exchanges.limits import Decaying, Rolling, Window


def test_window_begins_anew_on_the_minute() -> None:
    window = Window(10, 60)
    assert [window.add(4, now * SECOND) for now in (1, 2, 59)] == [True, True, False]
    assert window.wait_s(59 * SECOND) == 1
    assert window.add(4, 60 * SECOND)
    assert window.used == 4


def test_decaying_counter_falls_with_time_and_does_not_count_what_it_refuses() -> None:
    counter = Decaying(3, 0.5)
    assert [counter.add(1, 0) for _ in range(4)] == [True, True, True, False]
    assert not counter.add(1, SECOND)
    assert counter.add(1, 2 * SECOND)


def test_rolling_sum_forgets_what_is_older_than_its_stretch() -> None:
    limit = Rolling(2, 1.0)
    assert [limit.add(1, k * SECOND // 4) for k in (0, 1, 2)] == [True, True, False]
    assert limit.add(1, SECOND)
