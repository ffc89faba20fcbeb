"""Regimes of the simulated market: what each does to the bars, and which follows which."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator


class MarketRegime(IntEnum):
    """State of the simulated market; the integer is its code in arrays."""

    TREND_UP = 0
    TREND_DOWN = 1
    RANGE = 2
    CRASH = 3
    HIGH_VOLATILITY = 4


class RegimeShape(NamedTuple):
    """What a regime does to the bars.

    ``drift`` a bar, in standard deviations of a calm bar; ``volatility`` and ``volume`` as factors;
    ``correlation`` is the least share of variance that is common; ``pull`` is the share of the
    distance to where the regime began that a bar closes; ``length`` scales its mean duration;
    ``lifted`` says whether it takes a share in making up for crashes.
    """

    drift: float
    volatility: float
    volume: float
    correlation: float = 0.0
    pull: float = 0.0
    length: float = 1.0
    lifted: bool = True


SHAPES: dict[MarketRegime, RegimeShape] = {
    MarketRegime.TREND_UP: RegimeShape(0.2, 1.0, 1.2),
    MarketRegime.TREND_DOWN: RegimeShape(-0.2, 1.1, 1.2),
    MarketRegime.RANGE: RegimeShape(0.0, 0.7, 0.8, pull=0.05, lifted=False),
    MarketRegime.CRASH: RegimeShape(
        -1.4, 3.5, 5.0, correlation=0.9, length=1.0 / 6.0, lifted=False
    ),
    MarketRegime.HIGH_VOLATILITY: RegimeShape(0.0, 2.5, 2.5, correlation=0.5),
}


def regimes_named(*names: str) -> tuple[MarketRegime, ...]:
    """Return regimes by name (``range``, ``crash`` ...); ``trend`` is both trends.

    Raises
    ------
    ConfigError
        If no regime is called so.
    """
    found: list[MarketRegime] = []
    for name in names:
        if name == "trend":
            found += [MarketRegime.TREND_UP, MarketRegime.TREND_DOWN]
        elif name.upper() in MarketRegime.__members__:
            found.append(MarketRegime[name.upper()])
        else:
            known = ", ".join(regime.lower() for regime in ("trend", *MarketRegime.__members__))
            raise ConfigError(f"no market regime is called {name!r}; there are {known}")
    return tuple(dict.fromkeys(found))


class RegimeSchedule(Protocol):
    """Which regime follows which, and how long each lasts."""

    @property
    def lift(self) -> float:
        """Drift added in the regimes that are lifted, in standard deviations of a calm bar."""
        ...

    def spells(self, rng: np.random.Generator, /) -> Iterator[tuple[MarketRegime, int]]:
        """Yield regimes and their numbers of bars, without end."""
        ...


@dataclass(frozen=True, slots=True)
class RegimeList:
    """Regimes and numbers of bars in a fixed order, over and over."""

    entries: tuple[tuple[MarketRegime, int], ...]

    def __post_init__(self) -> None:
        if not self.entries or any(bars < 1 for _, bars in self.entries):
            raise ConfigError(f"regimes need at least one bar each, were {self.entries!r}")

    @property
    def lift(self) -> float:
        """None: a fixed list is followed to the letter."""
        return 0.0

    def spells(self, _rng: np.random.Generator, /) -> Iterator[tuple[MarketRegime, int]]:
        """Yield the entries, without end."""
        while True:
            yield from self.entries


@dataclass(frozen=True, slots=True)
class RegimeChain:
    """Markov chain: a regime lasts a geometric number of bars, then any other follows.

    Parameters
    ----------
    regimes : tuple of MarketRegime
        Those that occur, each once.
    mean_bars : float
        Mean duration; a crash is six times as short.
    """

    regimes: tuple[MarketRegime, ...] = tuple(MarketRegime)
    mean_bars: float = 240.0

    def __post_init__(self) -> None:
        if not self.regimes or len(set(self.regimes)) < len(self.regimes):
            raise ConfigError(f"regimes must be given once each, were {self.regimes!r}")
        if not 1.0 <= self.mean_bars < np.inf:
            raise ConfigError(f"regimes last at least 1 bar on average, was {self.mean_bars!r}")

    @property
    def lift(self) -> float:
        """What makes up for crashes, so that prices don't fall for ever."""
        if MarketRegime.CRASH not in self.regimes:
            return 0.0
        crash = SHAPES[MarketRegime.CRASH]
        lifted = sum(SHAPES[r].length for r in self.regimes if SHAPES[r].lifted)
        return -crash.drift * crash.length / lifted if lifted else 0.0

    def spells(self, rng: np.random.Generator, /) -> Iterator[tuple[MarketRegime, int]]:
        """Yield regimes drawn with ``rng``, without end."""
        at = int(rng.integers(len(self.regimes)))
        while True:
            regime = self.regimes[at]
            mean = max(1.0, self.mean_bars * SHAPES[regime].length)
            yield regime, int(rng.geometric(1.0 / mean))
            if len(self.regimes) > 1:
                at = (at + int(rng.integers(1, len(self.regimes)))) % len(self.regimes)
