"""Monte Carlo of a configured strategy: thousands of markets like the recorded one, whole accounting."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.app.config import Config
from tutti.app.studies.fan_out import cut, fan_out
from tutti.app.studies.strategy import Strategy, ticks_at_once
from tutti.app.tiers import run_fast
from tutti.model.arrays import Signals
from tutti.model.errors import ConfigError
from tutti.model.market import MarketBlock
from tutti.sandbox.montecarlo.garch_market import GarchMarket
from tutti.sandbox.montecarlo.noise import NoiseSettings, draw_fees, draw_noise
from tutti.sandbox.montecarlo.outcome import (
    MonteCarlo,
    Paths,
    Yardstick,
    fan_of,
    index_of,
    no_paths,
    share_of,
    spreads_of,
    together,
)
from tutti.sandbox.montecarlo.resample import Recording, default_block, stationary_rows
from tutti.sandbox.montecarlo.trades import drawn_equity, trade_returns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tutti.model.market import FloatArray, IntArray

    Progress = Callable[[int, int, str], None]

_BATCH = 250
_TRADE_BLOCK = 5.0
_RUIN_AT = 0.5


class Method(StrEnum):
    """What is drawn anew."""

    BOOTSTRAP = "bootstrap"
    TRADES = "trades"
    GARCH = "garch"
    NOISE = "noise"


class SignalsOf(StrEnum):
    """What decides on a bootstrapped market.

    ``RECOMPUTED``: every path is analysed from its bars, as a backtest would. ``RESAMPLED``: the
    signals of a recorded bar travel with it, which leaves out what analysis would have made of the
    seams; for panels that take a minute a path.
    """

    RECOMPUTED = "recomputed"
    RESAMPLED = "resampled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What is asked for.

    Parameters
    ----------
    n_paths : int
    block : float or None
        Mean length of a block, bars, or trades for ``TRADES``; None for the usual one.
    ruin_at : float
        Fraction of the starting balance at which an account counts as ruined, in (0, 1).

    Raises
    ------
    ConfigError
        If a value is out of its range, or the combination makes no sense.
    """

    method: Method = Method.BOOTSTRAP
    n_paths: int = 1000
    seed: int = 7
    block: float | None = None
    signals: SignalsOf = SignalsOf.RECOMPUTED
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    ruin_at: float = _RUIN_AT

    def __post_init__(self) -> None:
        if self.n_paths < 1:
            raise ConfigError(f"--paths must be at least 1, was {self.n_paths}")
        if not 0.0 < self.ruin_at < 1.0:
            raise ConfigError(f"--ruin-at must lie between 0 and 1, was {self.ruin_at!r}")
        if self.block is not None and not self.block >= 1.0:
            raise ConfigError(f"--block must be at least 1, was {self.block!r}")
        if self.signals is SignalsOf.RESAMPLED and self.method is not Method.BOOTSTRAP:
            raise ConfigError(
                f"--signals resampled goes with --method bootstrap, not {self.method}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    config: Config
    block: MarketBlock
    draw: Draw
    signals: Signals | None
    numbers: range


def run_montecarlo(
    config: Config,
    block: MarketBlock,
    draw: Draw,
    progress: Progress,
    *,
    workers: int = 0,
    cluster: str = "",
) -> MonteCarlo:
    """Return what a strategy might have come to.

    Every path has a generator of its own, from the seed and its number, so that neither the number
    of workers nor that of paths changes a path.

    Parameters
    ----------
    block : MarketBlock
        Recorded bars.
    workers, cluster
        See ``fan_out``.

    Raises
    ------
    ConfigError, DataError
        If the configuration or the bars don't do.
    """
    began = time.perf_counter()
    if draw.method is Method.TRADES:
        paths, recorded, ts = _draw_trades(config, block, draw, progress)
    else:
        paths, recorded, ts = _draw_markets(config, block, draw, progress, workers, cluster)
    seconds = time.perf_counter() - began
    figures = paths.figures
    made = 0 if draw.method is Method.TRADES else int(np.isfinite(block.close).sum()) * draw.n_paths
    return MonteCarlo(
        method=draw.method.value,
        signals=_signals(draw),
        n_paths=draw.n_paths,
        seed=draw.seed,
        settings=_settings(draw, block.step),
        instruments=tuple(map(str, block.instruments)),
        balance=Strategy(config, block).balance,
        ts=ts,
        fan=fan_of(paths),
        recorded=recorded.curves[0],
        spreads=spreads_of(paths, recorded.figures[0]),
        loss=share_of(figures[:, index_of("total_return")] < 0.0),
        ruin=share_of(figures[:, index_of("lowest")] <= draw.ruin_at),
        ruin_at=draw.ruin_at,
        symbol_bars=made,
        seconds=seconds,
    )


def _draw_markets(
    config: Config, block: MarketBlock, draw: Draw, progress: Progress, workers: int, cluster: str
) -> tuple[Paths, Paths, IntArray]:
    walker = _Walker(config, block, draw, None)
    recorded = no_paths(1, len(walker.yardstick.rows))
    walker.measure(walker.recording.market(np.arange(len(block)), walker.chunk), None, recorded, 0)
    signals = walker.all_signals() if draw.signals is SignalsOf.RESAMPLED else None
    parts = [
        _Work(config=config, block=block, draw=draw, signals=signals, numbers=numbers)
        for numbers in cut(draw.n_paths, workers, _BATCH)
    ]
    found: dict[int, Paths] = {}
    done = 0
    progress(0, draw.n_paths, "paths")
    for first, batch in fan_out(_walk, parts, workers=workers, cluster=cluster):
        found[first] = batch
        done += len(batch.figures)
        progress(done, draw.n_paths, "paths")
    paths = together([found[first] for first in sorted(found)])
    return paths, recorded, walker.yardstick.ts


def _walk(work: _Work) -> tuple[int, Paths]:
    walker = _Walker(work.config, work.block, work.draw, work.signals)
    paths = no_paths(len(work.numbers), len(walker.yardstick.rows))
    for row, number in enumerate(work.numbers):
        walker.walk(number + 1, paths, row)
    return work.numbers[0], paths


class _Walker:
    """Makes paths, one after the other."""

    def __init__(
        self, config: Config, block: MarketBlock, draw: Draw, signals: Signals | None
    ) -> None:
        self.strategy = Strategy(config, block)
        self.recording = Recording(block)
        self.chunk = ticks_at_once(len(block.instruments))
        self.yardstick = Yardstick(block.known_at, self.strategy.balance)
        self._draw, self._signals = draw, signals
        self._mean_block = draw.block or default_block(block.step)
        self._garch = GarchMarket(self.recording) if draw.method is Method.GARCH else None

    def walk(self, number: int, paths: Paths, row: int) -> None:
        """Make path ``number``, from 1 on."""
        random = np.random.default_rng([self._draw.seed, number])
        count = len(self.recording)
        if self._garch is not None:
            self.measure(self._garch.market(random, self.chunk), None, paths, row)
        elif self._draw.method is Method.NOISE:
            market = self.recording.market(np.arange(count), self.chunk)
            self.measure(market, random, paths, row)
        else:
            rows = stationary_rows(count, count, self._mean_block, random)
            self.measure(self.recording.market(rows, self.chunk), None, paths, row, rows)

    def measure(
        self,
        market: Iterator[MarketBlock],
        random: np.random.Generator | None,
        paths: Paths,
        row: int,
        rows: IntArray | None = None,
    ) -> None:
        equity, fees, n_fills = self.played(market, random, rows)
        self.yardstick.measure(equity, fees, n_fills, paths, row)

    def played(
        self,
        market: Iterator[MarketBlock],
        random: np.random.Generator | None,
        rows: IntArray | None = None,
    ) -> tuple[FloatArray, float, int]:
        """Return equity, fees and number of fills; ``random`` draws noise."""
        strategy, block = self.strategy, self.recording.block
        terms = noise = None
        if random is not None:
            setup = strategy.plan.setup
            terms = draw_fees(self._draw.noise, setup.terms, random)
            noise = draw_noise(
                self._draw.noise, len(block), block.step, setup.costs.half_spread_bps, random
            )
        tier = strategy.tier(int(block.ts[0]), len(block), terms, noise)
        source = None if rows is None or self._signals is None else _travelling(self._signals, rows)
        played = strategy.play(market, tier, source)
        return played.found.trace.equity, played.fees, len(played.found.fills.whole)

    def all_signals(self) -> Signals:
        """Return the signals of the recorded bars."""
        analysis = self.strategy.analysis()
        market = self.recording.market(np.arange(len(self.recording)), self.chunk)
        parts = [analysis.advance(chunk).signals for chunk in market]
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in Signals._fields
        }
        return Signals(**joined)


def _travelling(signals: Signals, rows: IntArray) -> Callable[[MarketBlock], Signals]:
    at = 0

    def of(chunk: MarketBlock) -> Signals:
        nonlocal at
        taken = rows[at : at + len(chunk)]
        at += len(chunk)
        return Signals(
            score=signals.score[taken],
            confidence=signals.confidence[taken],
            size=signals.size[taken],
            lead=signals.lead[taken],
        )

    return of


def _draw_trades(
    config: Config, block: MarketBlock, draw: Draw, progress: Progress
) -> tuple[Paths, Paths, IntArray]:
    strategy = Strategy(config, block)
    outcome = run_fast(strategy.config, strategy.plan, block, progress)
    balance = strategy.balance
    gains = trade_returns(outcome.trades, block.known_at, outcome.trace.equity, balance)
    # trades take the place of ticks, evenly over the same time
    known_at = np.linspace(block.known_at[0], block.known_at[-1], len(gains)).astype(np.int64)
    yardstick = Yardstick(known_at, balance)
    paths = no_paths(draw.n_paths, len(yardstick.rows))
    recorded = no_paths(1, len(yardstick.rows))
    mean_block = draw.block or _TRADE_BLOCK
    fees, count = outcome.fees, len(outcome.fills)
    as_traded = np.asarray(balance * np.cumprod(1.0 + gains), np.float64)
    yardstick.measure(as_traded, fees, count, recorded, 0)
    for number in range(draw.n_paths):
        random = np.random.default_rng([draw.seed, number + 1])
        yardstick.measure(
            drawn_equity(gains, balance, mean_block, random), fees, count, paths, number
        )
    progress(draw.n_paths, draw.n_paths, "paths")
    return paths, recorded, yardstick.ts


def _signals(draw: Draw) -> str:
    if draw.method is Method.TRADES:
        return "none"
    return draw.signals.value


def _settings(draw: Draw, step: int) -> dict[str, float]:
    match draw.method:
        case Method.BOOTSTRAP:
            return {"mean_block_bars": draw.block or default_block(step)}
        case Method.TRADES:
            return {"mean_block_trades": draw.block or _TRADE_BLOCK}
        case Method.NOISE:
            return asdict(draw.noise)
        case Method.GARCH:
            return {}
