"""What a scenario means for a run: which columns it touches, at which times, and how much."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from tutti.model.errors import ConfigError
from tutti.model.market import FloatArray, IntArray
from tutti.sandbox.scenarios.effects import (
    NAMES,
    Depeg,
    Effect,
    Funding,
    Outage,
    Shock,
    Spread,
    Volatility,
    Volume,
    window_of,
)
from tutti.sandbox.scenarios.scenario import DoesNotApply, Scenario
from tutti.sandbox.scenarios.span import Course, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.instrument import Instrument

STABLECOINS = ("USDT", "USDC", "DAI", "BUSD", "TUSD", "FDUSD", "USDE", "UST")


@dataclass(frozen=True, slots=True)
class Factor:
    """What is multiplied by ``factors`` (float64 (n,)) in a window."""

    window: Window
    factors: FloatArray


@dataclass(frozen=True, slots=True)
class Settlements:
    """Funding paid on top in a window: ``rates`` (float64 (n,)) every ``every`` ns."""

    window: Window
    every: int
    rates: FloatArray


@dataclass(frozen=True, slots=True)
class Blackout:
    """Venue that takes no orders in a window, and shows no prices where ``is_dark``."""

    venue: str
    window: Window
    is_dark: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """A scenario, laid over the columns and the calendar of one run.

    Parameters
    ----------
    start, end : int
        From its first effect to its last, ns UTC.
    courses : tuple of (Course, ndarray of int64)
        Logarithm of what prices are multiplied by, and the columns that it is about; each column
        has one at most.
    worth : dict of str to Course
        Logarithm of what a currency is worth.
    """

    scenario: Scenario
    start: int
    end: int
    step: int
    courses: tuple[tuple[Course, IntArray], ...]
    volatility: tuple[Factor, ...]
    spreads: tuple[Factor, ...]
    volumes: tuple[Factor, ...]
    funding: tuple[Settlements, ...]
    blackouts: tuple[Blackout, ...]
    worth: dict[str, Course]


def conditions(
    scenario: Scenario, instruments: Sequence[Instrument], start: int, step: int
) -> Conditions:
    """Return what ``scenario`` does to ``instruments`` when it starts at ``start`` (ns UTC).

    Raises
    ------
    DoesNotApply
        If an effect has nothing to act on.
    """
    at = _Place(scenario, instruments, start, step)
    worth = _worth(at)
    windows = [
        window_of(each, start, step)
        for each in scenario.effects
        if not isinstance(each, Shock | Depeg)
    ]
    curves = [
        each.course(start, step) for each in scenario.effects if isinstance(each, Shock | Depeg)
    ]
    return Conditions(
        scenario=scenario,
        start=start,
        end=max([window.end for window in windows] + [int(each.times[-1]) for each in curves]),
        step=step,
        courses=_courses(at, worth),
        volatility=_factors(at, Volatility),
        spreads=_factors(at, Spread),
        volumes=_factors(at, Volume),
        funding=_settlements(at),
        blackouts=_blackouts(at),
        worth=worth,
    )


def currencies(symbol: str) -> tuple[str, str]:
    """Return base and quote of a symbol such as ``BTC-USDT-PERP``; the quote is empty without one."""
    base, *rest = symbol.upper().split("-")
    return base, rest[0] if rest else ""


class _Place:
    """Where a scenario is to happen."""

    def __init__(
        self, scenario: Scenario, instruments: Sequence[Instrument], start: int, step: int
    ) -> None:
        self.scenario = scenario
        self.instruments = instruments
        self.start, self.step = start, step

    def columns(self, effect: Effect, patterns: Sequence[str]) -> FloatArray:
        """Return 1 for each column that ``patterns`` mean, else 0."""
        names = [str(each.id) for each in self.instruments]
        if not patterns:
            raise self.misfit(effect, "on names no instrument", names)
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise self.misfit(effect, f"on {pattern!r} means no instrument of this run", names)
        return np.array(
            [float(any(fnmatchcase(name, pattern) for pattern in patterns)) for name in names]
        )

    def misfit(self, effect: Effect, problem: str, there: Sequence[str]) -> DoesNotApply:
        known = ", ".join(dict.fromkeys(there)) or "none"
        return DoesNotApply(
            f"scenario {self.scenario.name}: {NAMES[type(effect)]}: {problem}; there are {known}"
        )


def _worth(at: _Place) -> dict[str, Course]:
    found: dict[str, list[Course]] = {}
    pairs = [currencies(each.id.symbol) for each in at.instruments]
    for effect in at.scenario.effects:
        if not isinstance(effect, Depeg):
            continue
        quotes = [quote for _, quote in pairs]
        stable = [quote for quote in quotes if quote in STABLECOINS]
        currency = effect.currency or next(iter(stable), "")
        if not currency:
            raise at.misfit(effect, "nothing here is quoted in a stablecoin", quotes)
        if not any(currency in pair for pair in pairs):
            raise at.misfit(
                effect,
                f"currency {currency!r} is in no pair of this run",
                [name for pair in pairs for name in pair],
            )
        found.setdefault(currency, []).append(effect.course(at.start, at.step))
    return {currency: Course.total(courses) for currency, courses in found.items()}


def _courses(at: _Place, worth: dict[str, Course]) -> tuple[tuple[Course, IntArray], ...]:
    moved: dict[int, list[Course]] = {}
    for effect in at.scenario.effects:
        if isinstance(effect, Shock):
            course = effect.course(at.start, at.step)
            for i in np.flatnonzero(at.columns(effect, effect.on)).tolist():
                moved.setdefault(i, []).append(course)
    for i, each in enumerate(at.instruments):
        base, quote = currencies(each.id.symbol)
        # the world's price of the base stays: what is paid in a lesser currency is more of it
        if quote in worth:
            moved.setdefault(i, []).append(Course(worth[quote].times, -worth[quote].levels))
        if base in worth:
            moved.setdefault(i, []).append(worth[base])
    alike: dict[tuple[int, ...], list[int]] = {}
    for i, courses in moved.items():
        key = tuple(hash((each.times.tobytes(), each.levels.tobytes())) for each in courses)
        alike.setdefault(key, []).append(i)
    return tuple(
        (Course.total(moved[columns[0]]), np.array(columns, np.int64)) for columns in alike.values()
    )


def _factors(
    at: _Place, kind: type[Volatility] | type[Spread] | type[Volume]
) -> tuple[Factor, ...]:
    return tuple(
        Factor(
            window_of(effect, at.start, at.step),
            np.where(at.columns(effect, effect.on) > 0.0, effect.factor, 1.0),
        )
        for effect in at.scenario.effects
        if isinstance(effect, kind)
    )


def _settlements(at: _Place) -> tuple[Settlements, ...]:
    found = []
    perpetual = np.array([float(each.is_perpetual) for each in at.instruments])
    for effect in at.scenario.effects:
        if not isinstance(effect, Funding):
            continue
        if not perpetual.any():
            raise at.misfit(
                effect,
                "only perpetuals pay funding, and none trades here",
                [str(each.id) for each in at.instruments],
            )
        if (every := effect.every.ns(at.step)) <= 0:
            raise ConfigError(
                f"scenario {at.scenario.name}: funding: every must be above 0; write every: 8h"
            )
        rates = effect.rate * perpetual * at.columns(effect, effect.on)
        found.append(Settlements(window_of(effect, at.start, at.step), every, rates))
    return tuple(found)


def _blackouts(at: _Place) -> tuple[Blackout, ...]:
    found = []
    venues = [each.id.venue for each in at.instruments]
    for effect in at.scenario.effects:
        if not isinstance(effect, Outage):
            continue
        venue = effect.venue or venues[0]
        if venue not in venues:
            raise at.misfit(effect, f"nothing trades at venue {venue!r}", venues)
        window = window_of(effect, at.start, at.step)
        found.append(Blackout(venue, window, effect.prices == "missing"))
    return tuple(found)
