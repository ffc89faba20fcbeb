"""What effects may be, and the curves that they make."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.kernel.clock import HOUR
from tutti.model.errors import ConfigError
from tutti.sandbox.scenarios.effects import (
    Depeg,
    Funding,
    Shock,
    Spread,
    Volatility,
    Volume,
    window_of,
)
from tutti.sandbox.scenarios.span import Span

if TYPE_CHECKING:
    from collections.abc import Callable

_HOUR = Span("1h")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Shock(size=-1.0), "size must be above -1"),
        (lambda: Shock(size=math.nan), "size must be above -1"),
        (lambda: Shock(size=-0.1, recover=1.1), "recover must be between 0 and 1"),
        (lambda: Volatility(factor=-0.1, lasts=_HOUR), "factor must be 0 or more"),
        (lambda: Spread(factor=0.0, lasts=_HOUR), "factor must be above 0"),
        (lambda: Volume(factor=math.inf, lasts=_HOUR), "factor must be above 0"),
        (lambda: Depeg(low=1.0), "low must be between 0 and 1"),
        (lambda: Depeg(low=0.9, recover=-1.0), "recover must be between 0 and 1"),
        (lambda: Funding(rate=1.0, lasts=_HOUR), "rate must be a fraction"),
    ],
)
def test_effect_out_of_bounds_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()


def test_shock_that_recovers_in_part_ends_between_bottom_and_start() -> None:
    shock = Shock(size=-0.2, over=Span("2h"), hold=_HOUR, recover=0.5, recovery=Span("2h"))
    hours = np.arange(8, dtype=np.int64) * HOUR
    levels = np.exp(shock.course(HOUR, HOUR).at(hours))
    expected = [1.0, 1.0, math.sqrt(0.8), 0.8, 0.8, math.sqrt(0.8 * 0.9), 0.9, 0.9]
    assert levels == pytest.approx(expected)


def test_depeg_is_worth_its_low_until_it_recovers() -> None:
    depeg = Depeg(low=0.88, over=_HOUR, hold=_HOUR, recover=1.0, recovery=_HOUR, after=_HOUR)
    hours = np.arange(6, dtype=np.int64) * HOUR
    assert np.exp(depeg.course(0, HOUR).at(hours)) == pytest.approx([1, 1, 0.88, 0.88, 1, 1])


def test_window_begins_after_the_start_and_lasts() -> None:
    window = window_of(Spread(factor=5.0, lasts=Span("2 bars"), after=_HOUR), 10 * HOUR, HOUR)
    assert (window.begin, window.end) == (11 * HOUR, 13 * HOUR)
