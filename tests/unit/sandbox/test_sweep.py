"""Grids as people write them, and the combinations that they make."""

from __future__ import annotations

import numpy as np
import pytest

from tutti.model.errors import ConfigError
from tutti.sandbox.sweep import Axis, Setting, combinations, parse_axis, size_of


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("5..8", (5, 6, 7, 8)),
        ("5..20:5", (5, 10, 15, 20)),
        ("-2..2:2", (-2, 0, 2)),
        ("0.1..0.5:0.2", (0.1, 0.3, 0.5)),
        ("0.1..0.3:0.1", (0.1, 0.2, 0.3)),
        ("7", (7,)),
        ("0.5, 0.65", (0.5, 0.65)),
        ("true,false,null", (True, False, None)),
        ("notional,fixed_fraction", ("notional", "fixed_fraction")),
    ],
)
def test_axis_of_a_range_or_a_list_has_its_values(
    written: str, values: tuple[Setting, ...]
) -> None:
    assert parse_axis(f"policy.key = {written}") == Axis(key="policy.key", values=values)
    assert [type(each) for each in parse_axis(f"k={written}").values] == list(map(type, values))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("policy.fast", "KEY=VALUES"),
        ("=1..2", "KEY=VALUES"),
        ("k=", "KEY=VALUES"),
        ("k=1,,2", "a value is missing"),
        ("k=5..1", "rises from its first number"),
        ("k=1..5:0", "rises from its first number"),
        ("k=1..2-3", "a range is of numbers"),
        ("k=0..1:1e-9", "take larger steps"),
    ],
)
def test_axis_written_otherwise_is_refused(written: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_axis(written)


def test_combinations_are_all_of_them_the_last_axis_first() -> None:
    axes = [Axis(key="a", values=(1, 2)), Axis(key="b", values=("x", "y", "z"))]
    made = list(combinations(axes))
    assert len(made) == size_of(axes) == 6
    assert made[:2] == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}]


def test_combinations_of_a_key_given_twice_are_refused() -> None:
    axes = [parse_axis("a=1"), parse_axis("a=2")]
    with pytest.raises(ConfigError, match="names a twice"):
        list(combinations(axes))


def test_sampled_combinations_are_different_and_of_the_seed() -> None:
    axes = [parse_axis("a=1..30"), parse_axis("b=1..30")]
    first, again = (list(combinations(axes, 50, np.random.default_rng(1))) for _ in range(2))
    assert first == again
    assert len({tuple(each.values()) for each in first}) == 50
    assert {key for each in first for key in each} == {"a", "b"}


def test_sample_of_more_than_there_are_is_all() -> None:
    assert len(list(combinations([parse_axis("a=1..3")], 5, np.random.default_rng(1)))) == 3


def test_grid_too_large_to_go_through_takes_a_sample() -> None:
    axes = [parse_axis(f"{key}=1..1000") for key in "abc"]
    with pytest.raises(ConfigError, match="1,000,000,000 combinations; draw some of them"):
        list(combinations(axes))
    assert len(list(combinations(axes, 20, np.random.default_rng(2)))) == 20
