"""Ids sort by time, repeat in a replay and never collide between runs."""

from __future__ import annotations

import re

from tutti.kernel.ids import IdSource

_MS = 1_000_000


def test_id_is_32_lower_case_hexadecimal_digits() -> None:
    assert re.fullmatch("[0-9a-f]{32}", IdSource("run").new(1_704_067_200_000 * _MS))


def test_ids_of_one_run_sort_by_time_then_by_order_of_making() -> None:
    source = IdSource("run")
    ids = [source.new(ts * _MS) for ts in (1, 1, 2, 300, 70_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5


def test_same_run_and_calls_give_the_same_ids() -> None:
    first, second = IdSource("run"), IdSource("run")
    assert [first.new(t) for t in range(5)] == [second.new(t) for t in range(5)]


def test_ids_of_two_runs_differ() -> None:
    assert IdSource("a").new(0) != IdSource("b").new(0)


def test_source_started_past_the_last_counter_goes_on_where_it_ended() -> None:
    whole, before = IdSource("run"), IdSource("run")
    ids = [whole.new(0) for _ in range(4)]
    assert [before.new(0), before.new(0)] == ids[:2]
    after = IdSource("run", start=2)
    assert [after.new(0), after.new(0)] == ids[2:]


def test_counter_beyond_its_digits_wraps_without_growing_the_id() -> None:
    assert len(IdSource("run", start=(1 << 24) + 5).new(0)) == 32
