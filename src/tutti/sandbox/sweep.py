"""A grid of configurations: which settings take which values, and all their combinations."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Setting = bool | int | float | str | None

_RANGE = re.compile(r"^(-?[\d.eE+-]+?)\.\.(-?[\d.eE+-]+?)(?::([\d.eE+-]+))?$")
_MOST = 1_000_000
_EXACT = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One setting and the values that it takes.

    Parameters
    ----------
    key : str
        Dotted key of the configuration.
    """

    key: str
    values: tuple[Setting, ...]


def parse_axis(text: str) -> Axis:
    """Return the axis that is written as ``key=values``.

    Values are a range with its end, ``5..50`` in steps of 1 or ``0.1..0.5:0.1`` in others, or a
    list, ``0.5,0.65`` or ``notional,fixed_fraction``.

    Raises
    ------
    ConfigError
        If it is written otherwise.
    """
    key, equals, written = text.partition("=")
    key, written = key.strip(), written.strip()
    if not equals or not key or not written:
        raise ConfigError(f"--grid {text!r}: write it as KEY=VALUES, such as policy.fast=5..50")
    if (found := _RANGE.match(written)) is not None:
        return Axis(key=key, values=_range(text, *found.groups()))
    values = tuple(_value(each.strip()) for each in written.split(","))
    if "" in values:
        raise ConfigError(f"--grid {text!r}: a value is missing between commas")
    return Axis(key=key, values=values)


def _range(text: str, start: str, stop: str, step: str | None) -> tuple[Setting, ...]:
    try:
        first, last, by = float(start), float(stop), float(step or 1)
    except ValueError:
        raise ConfigError(f"--grid {text!r}: a range is of numbers, such as 5..50:5") from None
    if not (by > 0.0 and first <= last and math.isfinite(last - first)):
        raise ConfigError(f"--grid {text!r}: a range rises from its first number, such as 5..50:5")
    count = math.floor((last - first) / by * (1 + _EXACT) + _EXACT) + 1
    if count > _MOST:
        raise ConfigError(f"--grid {text!r}: that is {count:,} values; take larger steps")
    if all(_is_whole(each) for each in (start, stop, step or "1")):
        return tuple(int(first) + k * int(by) for k in range(count))
    # so that 0.1 + 0.2 is written 0.3
    return tuple(float(f"{first + k * by:.12g}") for k in range(count))


def _is_whole(text: str) -> bool:
    return text.lstrip("-").isdigit()


def _value(text: str) -> Setting:
    if text in {"true", "false"}:
        return text == "true"
    if text == "null":
        return None
    if _is_whole(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def size_of(axes: Sequence[Axis]) -> int:
    """Return the number of combinations."""
    return math.prod(len(axis.values) for axis in axes)


def combinations(
    axes: Sequence[Axis], most: int | None = None, random: np.random.Generator | None = None
) -> Iterator[dict[str, Setting]]:
    """Yield the combinations, the last axis changing fastest.

    Parameters
    ----------
    most : int, optional
        Draw so many of them, different ones, where there are more; needs ``random``.

    Raises
    ------
    ConfigError
        If a key is given twice, or the combinations are too many to go through.
    """
    keys = [axis.key for axis in axes]
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigError(f"--grid names {key} twice; put all its values into one")
    count = size_of(axes)
    if most is not None and most < count:
        assert random is not None
        places = np.sort(random.choice(count, most, replace=False)) if count <= _MOST else None
        if places is None:
            places = np.unique(random.integers(0, count, most))
        for place in places.tolist():
            yield _at(axes, place)
        return
    if count > _MOST:
        raise ConfigError(f"--grid makes {count:,} combinations; draw some of them with --sample")
    for values in itertools.product(*(axis.values for axis in axes)):
        yield dict(zip(keys, values, strict=True))


def _at(axes: Sequence[Axis], place: int) -> dict[str, Setting]:
    chosen: dict[str, Setting] = {}
    for axis in reversed(axes):
        place, k = divmod(place, len(axis.values))
        chosen[axis.key] = axis.values[k]
    return {axis.key: chosen[axis.key] for axis in axes}
