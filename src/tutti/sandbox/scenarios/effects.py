"""What can go wrong with a market: shocks, volatility, spreads, volume, outages, pegs, funding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from tutti.model.errors import ConfigError
from tutti.sandbox.scenarios.span import NO_TIME, Course, Span, Window

if TYPE_CHECKING:
    from collections.abc import Mapping

EVERYTHING = ("*",)
_ALWAYS_ABOVE = -1.0
_EIGHT_HOURS = Span("8h")


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0.0):
            raise ConfigError(f"{name} must be above 0, was {value!r}")


def _fraction(**values: float) -> None:
    for name, value in values.items():
        if not 0.0 <= value <= 1.0:
            raise ConfigError(f"{name} must be between 0 and 1, was {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shock:
    """Prices move by a fraction, stay there, and return in part or wholly.

    Parameters
    ----------
    size : float
        Fraction of the price, above -1: -0.2 takes a fifth off.
    over : Span
        Time that the move takes; 0 for a gap between two bars.
    hold : Span
        Time before anything returns.
    recover : float
        Share of the move that returns, [0, 1].
    recovery : Span
        Time that the return takes.
    after : Span
        From the scenario's start to this effect.
    on : tuple of str
        Patterns of instrument ids (``BTC-*``, ``*.BINANCE``) that it is about.
    """

    size: float
    over: Span = NO_TIME
    hold: Span = NO_TIME
    recover: float = 0.0
    recovery: Span = NO_TIME
    after: Span = NO_TIME
    on: tuple[str, ...] = EVERYTHING

    def __post_init__(self) -> None:
        if not (math.isfinite(self.size) and self.size > _ALWAYS_ABOVE):
            raise ConfigError(f"size must be above -1, was {self.size!r}")
        _fraction(recover=self.recover)

    def course(self, start: int, step: int) -> Course:
        """Return the logarithm of what prices are multiplied by."""
        down = start + self.after.ns(step) + self.over.ns(step)
        back = down + self.hold.ns(step)
        points = [
            (start + self.after.ns(step), 0.0),
            (down, math.log1p(self.size)),
        ]
        if self.recover:
            points += [
                (back, math.log1p(self.size)),
                (back + self.recovery.ns(step), math.log1p(self.size * (1.0 - self.recover))),
            ]
        return Course.through(points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volatility:
    """Every logarithmic return is multiplied by ``factor`` (0 or more) for a time."""

    factor: float
    lasts: Span
    after: Span = NO_TIME
    on: tuple[str, ...] = EVERYTHING

    def __post_init__(self) -> None:
        if not (math.isfinite(self.factor) and self.factor >= 0.0):
            raise ConfigError(f"factor must be 0 or more, was {self.factor!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The venues' spread is ``factor`` (above 0) times as wide for a time."""

    factor: float
    lasts: Span
    after: Span = NO_TIME
    on: tuple[str, ...] = EVERYTHING

    def __post_init__(self) -> None:
        _positive(factor=self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """``factor`` (above 0) times as much is traded for a time, so orders find less or more depth."""

    factor: float
    lasts: Span
    after: Span = NO_TIME
    on: tuple[str, ...] = EVERYTHING

    def __post_init__(self) -> None:
        _positive(factor=self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A venue takes no order and cancels none for a time.

    Parameters
    ----------
    venue : str
        Its name; empty for the venue of the first instrument.
    prices : str
        ``missing`` where it shows no bars either, ``shown`` where only its order entry is down.
    """

    lasts: Span
    venue: str = ""
    prices: Literal["missing", "shown"] = "missing"
    after: Span = NO_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Depeg:
    """A stablecoin is worth less than its unit: ``low`` of it, for a time.

    Parameters
    ----------
    low : float
        Worth at the worst, in (0, 1).
    currency : str
        Its name; empty for the first stablecoin that something is quoted in.
    over, hold, recovery : Span
        Time that the fall takes, until anything returns, and that the return takes.
    recover : float
        Share of the fall that returns, [0, 1].
    """

    low: float
    currency: str = ""
    over: Span = NO_TIME
    hold: Span = NO_TIME
    recover: float = 0.0
    recovery: Span = NO_TIME
    after: Span = NO_TIME

    def __post_init__(self) -> None:
        if not 0.0 < self.low < 1.0:
            raise ConfigError(f"low must be between 0 and 1, both excluded, was {self.low!r}")
        _fraction(recover=self.recover)

    def course(self, start: int, step: int) -> Course:
        """Return the logarithm of what the currency is worth."""
        return Shock(
            size=self.low - 1.0,
            over=self.over,
            hold=self.hold,
            recover=self.recover,
            recovery=self.recovery,
            after=self.after,
        ).course(start, step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """Perpetuals pay ``rate`` more at each settlement for a time.

    Parameters
    ----------
    rate : float
        Fraction of notional a settlement, on top of what is paid anyway; positive: longs pay.
    every : Span
        Time between settlements, counted from midnight UTC.
    """

    rate: float
    lasts: Span
    every: Span = _EIGHT_HOURS
    after: Span = NO_TIME
    on: tuple[str, ...] = EVERYTHING

    def __post_init__(self) -> None:
        if not abs(self.rate) < 1.0:
            raise ConfigError(f"rate must be a fraction between -1 and 1, was {self.rate!r}")


Effect: TypeAlias = Shock | Volatility | Spread | Volume | Outage | Depeg | Funding
Lasting: TypeAlias = Volatility | Spread | Volume | Outage | Funding

NAMES: Mapping[type, str] = {
    Shock: "shock",
    Volatility: "volatility",
    Spread: "spread",
    Volume: "volume",
    Outage: "outage",
    Depeg: "depeg",
    Funding: "funding",
}
"""What an effect is called in a file."""


def window_of(effect: Lasting, start: int, step: int) -> Window:
    """Return when a lasting effect is felt, in a scenario that starts at ``start`` (ns UTC)."""
    begin = start + effect.after.ns(step)
    return Window(begin, begin + effect.lasts.ns(step))
