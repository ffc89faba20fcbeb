"""Parameters of an agent as a configuration gives them, checked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def numbers(
    agent: str, params: Mapping[str, object] | None, known: Sequence[str]
) -> dict[str, float]:
    """Return the parameters as floats.

    Raises
    ------
    ConfigError
        If one is not among the known names, or is not a finite number.
    """
    given = dict(params or {})
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ConfigError(f"{agent}: unknown parameters {unknown}; there are {', '.join(known)}")
    checked = {}
    for name, value in given.items():
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise ConfigError(f"{agent}: {name} must be a number, was {value!r}")
        checked[name] = float(value)
    return checked
