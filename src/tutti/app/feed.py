"""Markets that a service can follow: made up from a seed, or replayed from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tutti.kernel.clock import SECOND
from tutti.ledger.kinds import DataSource
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.sandbox.market import MarketSpec, SimulatedMarket, familiar
from tutti.sandbox.market_regimes import RegimeChain, regimes_named
from tutti.universe.instruments import SAMPLE_BARS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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

    @property
    def terms(self) -> Mapping[str, Mapping[str, object]]:
        """Contract terms by instrument that are known rather than assumed; empty for none."""
        ...

    def sample(self) -> MarketBlock:
        """Return bars that show the steps of every instrument's prices, the same at each start."""
        ...

    def history(self, until: int) -> MarketBlock | None:
        """Return every bar known at or before ``until`` (ns UTC); None for none."""
        ...

    def ticks(self) -> Iterator[MarketBlock]:
        """Yield what follows the history, a tick at a time."""
        ...


class Bars(Protocol):
    """Endless source of bars."""

    def next_block(self, n: int) -> MarketBlock:
        """Return the next ``n`` bars of every instrument."""
        ...


class SideBySide:
    """Sources of bars over the same times, as one over the columns of all."""

    def __init__(self, sources: Sequence[Bars]) -> None:
        self._sources = tuple(sources)

    def next_block(self, n: int) -> MarketBlock:
        """Return the next ``n`` bars of every instrument."""
        blocks = [each.next_block(n) for each in self._sources]
        sides: dict[str, Any] = {
            name: np.concatenate([getattr(each, name) for each in blocks], axis=1)
            for name in ("open", "high", "low", "close", "volume", "funding")
        }
        instruments = tuple(name for each in blocks for name in each.instruments)
        return replace(blocks[0], instruments=instruments, **sides)


@dataclass(slots=True)
class MadeUpMarket:
    """Simulated market: everything follows from the configuration and the start."""

    start: int
    step: int
    market: Bars
    files: tuple[DataSource, ...] = ()
    terms: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    _opening: MarketBlock = field(init=False, repr=False)
    _next: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        # the market makes each bar once: these are handed out again as history or ticks
        self._opening = self.market.next_block(SAMPLE_BARS)

    def sample(self) -> MarketBlock:
        """Return the first bars."""
        return self._opening

    def history(self, until: int) -> MarketBlock | None:
        """Return every bar known at or before ``until`` (ns UTC); None for none."""
        count = max(0, (until - self.start) // self.step)
        self._next = count
        if count <= SAMPLE_BARS:
            return self._opening.rows(0, count) if count else None
        return _joined(self._opening, self.market.next_block(count - SAMPLE_BARS))

    def ticks(self) -> Iterator[MarketBlock]:
        """Yield what follows, without end."""
        for t in range(self._next, SAMPLE_BARS):
            yield self._opening.rows(t, t + 1)
        while True:
            block = self.market.next_block(_AHEAD)
            for t in range(len(block)):
                yield block.rows(t, t + 1)


@dataclass(slots=True)
class RecordedMarket:
    """Bars from files."""

    block: MarketBlock
    files: tuple[DataSource, ...]
    terms: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    _next: int = 0

    @property
    def step(self) -> int:
        """Length of a bar, ns."""
        return self.block.step

    @property
    def start(self) -> int:
        """Start of the first bar, ns UTC."""
        return int(self.block.ts[0])

    def sample(self) -> MarketBlock:
        """Return all bars: an instrument may begin late."""
        return self.block

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
    specs = [familiar(InstrumentId.parse(symbol)) for symbol in settings.symbols]
    chain = RegimeChain(regimes_named(*settings.regimes), mean_bars=float(settings.regime_ticks))
    seed = config.seed if settings.seed is None else settings.seed

    def make(some: list[MarketSpec], own: list[int] | None) -> SimulatedMarket:
        return SimulatedMarket(
            some, seed=seed, step=step, start=start, regime_schedule=chain,
            correlation=settings.correlation, own=own,
        )  # fmt: skip

    market: Bars = make(specs, None)
    if config.feed.symbols:
        # the path of each is the same whichever others there are, and at each exchange
        market = SideBySide([make([each], [*each.instrument.symbol.encode()]) for each in specs])
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


def in_columns(block: MarketBlock, instruments: Sequence[InstrumentId]) -> MarketBlock:
    """Return a block over other columns; NaN, and no funding, where it has none."""
    places = {each: i for i, each in enumerate(block.instruments)}
    before = [places.get(each, -1) for each in instruments]
    new = [i for i, old in enumerate(before) if old >= 0]
    old = [each for each in before if each >= 0]
    sides: dict[str, Any] = {}
    for name in ("open", "high", "low", "close", "volume", "funding"):
        blank = 0.0 if name == "funding" else np.nan
        sides[name] = np.full((len(block), len(before)), blank)
        sides[name][:, new] = getattr(block, name)[:, old]
    return replace(block, instruments=tuple(instruments), **sides)


def _joined(first: MarketBlock, second: MarketBlock) -> MarketBlock:
    sides: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("ts", "open", "high", "low", "close", "volume", "funding")
    }
    return replace(first, **sides)
