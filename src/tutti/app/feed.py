"""Markets that a service can follow: made up from a seed, or replayed from files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tutti.kernel.clock import SECOND
from tutti.ledger.kinds import DataSource
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.sandbox.market import SimulatedMarket, familiar
from tutti.sandbox.market_regimes import RegimeChain, regimes_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.app.backtest import Source
    from tutti.app.settings import Config

_AHEAD = 64
"""Ticks made at once."""


class Market(Protocol):
    """Source of ticks that can be taken up again at any point, and gives the same ones."""

    @property
    def step(self) -> int:
        """Length of a bar, ns."""
        ...

    @property
    def start(self) -> int:
        """Start of the first bar, ns UTC."""
        ...

    @property
    def files(self) -> tuple[DataSource, ...]:
        """Files that are read."""
        ...

    def history(self, until: int) -> MarketBlock | None:
        """Return every bar known at or before ``until`` (ns UTC); None for none."""
        ...

    def ticks(self) -> Iterator[MarketBlock]:
        """Yield what follows the history, a tick at a time."""
        ...


@dataclass(slots=True)
class MadeUpMarket:
    """Simulated market: everything follows from the configuration and the start."""

    start: int
    step: int
    market: SimulatedMarket
    files: tuple[DataSource, ...] = ()

    def history(self, until: int) -> MarketBlock | None:
        """Return every bar known at or before ``until`` (ns UTC); None for none."""
        count = (until - self.start) // self.step
        return self.market.next_block(count) if count > 0 else None

    def ticks(self) -> Iterator[MarketBlock]:
        """Yield what follows, without end."""
        while True:
            block = self.market.next_block(_AHEAD)
            for t in range(len(block)):
                yield block.rows(t, t + 1)


@dataclass(slots=True)
class RecordedMarket:
    """Bars from files."""

    block: MarketBlock
    files: tuple[DataSource, ...]
    _next: int = 0

    @property
    def step(self) -> int:
        """Length of a bar, ns."""
        return self.block.step

    @property
    def start(self) -> int:
        """Start of the first bar, ns UTC."""
        return int(self.block.ts[0])

    def history(self, until: int) -> MarketBlock | None:
        """Return every bar known at or before ``until`` (ns UTC); None for none."""
        self._next = int(np.searchsorted(self.block.known_at, until, side="right"))
        return self.block.rows(0, self._next) if self._next else None

    def ticks(self) -> Iterator[MarketBlock]:
        """Yield what follows, to the end of the data."""
        for t in range(self._next, len(self.block)):
            yield self.block.rows(t, t + 1)


def made_up(config: Config, start: int) -> MadeUpMarket:
    """Return the simulated market of the configuration, from ``start`` (ns UTC) on.

    Raises
    ------
    ConfigError
        If it can't be made.
    """
    settings = config.feed.simulated
    step = round(config.feed.tick_s * SECOND)
    market = SimulatedMarket(
        [familiar(InstrumentId.parse(symbol)) for symbol in settings.symbols],
        seed=config.seed if settings.seed is None else settings.seed,
        step=step,
        start=start,
        regime_schedule=RegimeChain(
            regimes_named(*settings.regimes), mean_bars=float(settings.regime_ticks)
        ),
        correlation=settings.correlation,
    )
    return MadeUpMarket(start=start, step=step, market=market)


def recorded(source: Source) -> RecordedMarket:
    """Return the market of bars that were read.

    Raises
    ------
    ConfigError
        If there are none.
    """
    if not len(source.block):
        raise ConfigError("no bar to replay in the files and dates given; choose others")
    return RecordedMarket(source.block, source.files)
