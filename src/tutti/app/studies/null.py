"""Strategies in worlds whose truth is known: how often luck is taken for skill, and skill is seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.agents.quant import QUANT_AGENTS
from tutti.app.config import Config, override
from tutti.app.studies.fan_out import cut, fan_out
from tutti.app.studies.strategy import Strategy, ticks_at_once
from tutti.model.arrays import Signals
from tutti.model.errors import ConfigError
from tutti.model.market import MarketBlock
from tutti.sandbox.montecarlo.resample import Recording
from tutti.sandbox.worlds.found import Found, NullStudy, Observed, found_in
from tutti.sandbox.worlds.judge import Verdict, gross_profits, judge, of_equity
from tutti.sandbox.worlds.moves import Walk, block_of, mirrored, recorded_moves, walk_moves
from tutti.sandbox.worlds.null import World, coins, null_world
from tutti.sandbox.worlds.planted import Edge, informed, planted_world
from tutti.stats.account import periods_per_year

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Progress = Callable[[int, int, str], None]

POLICIES = ("hybrid", "ema_cross")
STRATEGIES = (*POLICIES, *QUANT_AGENTS)
"""Strategies that come with Tutti, by name: the policies, and each agent by itself."""

_BATCH = 20
_META = "strategy_optimizer"
_NOTIONAL = 1_000.0

_UNDISTURBED: dict[str, object] = {
    "agents": (),
    "policy.name": "ema_cross",
    "policy.sizing.method": "notional",
    "policy.sizing.base_notional": _NOTIONAL,
    "risk.max_notional_multiple": None,
    "risk.max_instrument_fraction": None,
    "risk.max_venue_fraction": None,
    "risk.max_gross_fraction": None,
    "risk.max_drawdown": 1.0,
    "risk.max_daily_loss": None,
    "risk.max_bar_move": None,
    "risk.care.take_profit": 0.0,
    "risk.care.stop_loss": 0.0,
    "risk.care.stale_after_s": 0.0,
    "risk.care.cooldown_s": 0.0,
}
"""Rules under which the informed trader's true Sharpe ratio is the planted one, not that of a stop."""


def named_strategy(name: str, config: Config) -> Config:
    """Return the configuration of a strategy that comes with Tutti.

    Parameters
    ----------
    name : str
        One of ``STRATEGIES``. An agent is followed by itself: the policy is its opinion. The
        strategy optimizer, which has opinions of the other agents' opinions only, hears them all.
    config : Config
        For everything else.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if name in POLICIES:
        return override(config, {"policy.name": name})
    if name not in QUANT_AGENTS:
        raise ConfigError(f"no strategy is called {name!r}; there are {', '.join(STRATEGIES)}")
    heard = QUANT_AGENTS if name == _META else (name,)
    alone = {"momentum": 0.0, "mean_reversion": 0.0, "pairs": 0.0, "context": 1.0}
    agents = [{"name": each, "weight": 1.0 if each == name else 0.0} for each in heard]
    return override(config, {"agents": agents, "policy.name": "hybrid", "policy.weights": alone})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    config: Config
    world: World | None
    numbers: range
    seed: int
    walk: Walk
    recorded: MarketBlock | None
    edge: Edge


def run_null(  # noqa: PLR0913 - what is run where, and with what means
    config: Config,
    name: str,
    worlds: Sequence[World],
    n_seeds: int,
    progress: Progress,
    *,
    seed: int = 7,
    walk: Walk | None = None,
    recorded: MarketBlock | None = None,
    workers: int = 0,
    cluster: str = "",
) -> NullStudy:
    """Run a strategy in null worlds, with whole accounting, and count how often it is found good.

    Parameters
    ----------
    config : Config
        Of the strategy.
    name : str
        What it is called.
    n_seeds : int
        For each world.
    walk : Walk, optional
        The market made of chance.
    recorded : MarketBlock, optional
        Bars that are mirrored at random, bar by bar, instead of one made of chance.

    Raises
    ------
    ConfigError
        If the strategy can't be run so.
    """
    walk = walk or Walk()
    tally = _Tally(config, n_seeds, seed, walk, recorded, progress, workers, cluster)
    by_world = {world: tally.verdicts(world) for world in worlds}
    everything = [verdict for verdicts in by_world.values() for verdict in verdicts]
    observed = None
    if recorded is not None:
        own = [each.z for each in by_world.get(World.RANDOM_WALK, everything)]
        observed = _observed(config, recorded, own)
    return NullStudy(
        strategy=name,
        worlds={world.value: found_in(verdicts) for world, verdicts in by_world.items()},
        together=found_in(everything),
        observed=observed,
        n_instruments=walk.n_instruments if recorded is None else len(recorded.instruments),
        n_ticks=walk.n_ticks if recorded is None else len(recorded),
    )


def run_power(  # noqa: PLR0913 - likewise
    config: Config,
    edge: Edge,
    n_seeds: int,
    progress: Progress,
    *,
    seed: int = 7,
    walk: Walk | None = None,
    workers: int = 0,
    cluster: str = "",
) -> Found:
    """Plant an edge, let somebody trade who knows it, and count how often it is found.

    Parameters
    ----------
    config : Config
        For fees and spreads; sizes, stops and limits are such that they leave the edge as it is.
    walk : Walk, optional
        The market; three years of hours if left out.
    """
    walk = walk or Walk(n_ticks=3 * 8760)
    undisturbed = override(config, _UNDISTURBED)
    tally = _Tally(undisturbed, n_seeds, seed, walk, None, progress, workers, cluster, edge)
    return found_in(tally.verdicts(None))


class _Tally:
    def __init__(  # noqa: PLR0913 - likewise
        self, config: Config, n_seeds: int, seed: int, walk: Walk, recorded: MarketBlock | None,
        progress: Progress, workers: int, cluster: str, edge: Edge | None = None,
    ) -> None:  # fmt: skip
        if n_seeds < 1:
            raise ConfigError(f"--seeds must be at least 1, was {n_seeds}")
        self._config, self._n_seeds, self._seed = config, n_seeds, seed
        self._walk, self._recorded, self._edge = walk, recorded, edge or Edge()
        self._progress, self._workers, self._cluster = progress, workers, cluster

    def verdicts(self, world: World | None) -> list[Verdict]:
        """Return the verdict of each seed, in order; of the planted edge for None."""
        parts = [
            _Work(
                config=self._config, world=world, numbers=numbers, seed=self._seed,
                walk=self._walk, recorded=self._recorded, edge=self._edge,
            )
            for numbers in cut(self._n_seeds, self._workers, _BATCH)
        ]  # fmt: skip
        note = world.value.replace("_", " ") if world else "planted edge"
        found: dict[int, list[Verdict]] = {}
        self._progress(0, self._n_seeds, note)
        for first, verdicts in fan_out(
            _judge_all, parts, workers=self._workers, cluster=self._cluster
        ):
            found[first] = verdicts
            self._progress(sum(map(len, found.values())), self._n_seeds, note)
        return [verdict for first in sorted(found) for verdict in found[first]]


def _judge_all(work: _Work) -> tuple[int, list[Verdict]]:
    return work.numbers[0], [_judge_one(work, number) for number in work.numbers]


def _judge_one(work: _Work, number: int) -> Verdict:
    walk, recorded = work.walk, work.recorded
    random = np.random.default_rng([work.seed, number])
    instruments, ts, step = walk.instruments, walk.ts, walk.step
    start = np.full(walk.n_instruments, 100.0)
    if work.world is None:
        moves, sides = planted_world(walk, work.edge, random)
        block = block_of(moves, instruments, ts, step, start)
        return play_and_judge(work.config, block, informed(sides, _NOTIONAL))[0]
    if recorded is None:
        base = walk_moves(walk, random)
    else:
        recording = Recording(recorded)
        instruments, ts, step = recorded.instruments, recorded.ts, recorded.step
        start = recording.reference[0]
        base = mirrored(recorded_moves(recording), coins(len(recorded), random))
    seen, traded = null_world(work.world, base, random)
    block = block_of(traded, instruments, ts, step, start)
    if seen is traded:
        return play_and_judge(work.config, block)[0]
    shown = block_of(seen, instruments, ts, step, start)
    return play_and_judge(work.config, block, signals_on(work.config, shown))[0]


def signals_on(config: Config, block: MarketBlock) -> Signals:
    """Return the signals of a configuration on some bars."""
    analysis = Strategy(config, block).analysis()
    parts = [analysis.advance(chunk).signals for chunk in _chunks(block)]
    return Signals(
        score=np.concatenate([part.score for part in parts]),
        confidence=np.concatenate([part.confidence for part in parts]),
        size=np.concatenate([part.size for part in parts]),
        lead=np.concatenate([part.lead for part in parts]),
    )


def play_and_judge(
    config: Config, block: MarketBlock, signals: Signals | None = None
) -> tuple[Verdict, float]:
    """Return verdict and total return of a configuration, or of signals under its rules."""
    strategy = Strategy(config, block)
    tier = strategy.tier(int(block.ts[0]), len(block))
    source = None if signals is None else _in_turn(signals)
    played = strategy.play(_chunks(block), tier, source)
    found, balance = played.found, strategy.balance
    equity = found.trace.equity
    gross = gross_profits(found, block, strategy.plan.setup.terms, balance)
    verdict = judge(
        of_equity(gross, equity, balance),
        of_equity(np.diff(equity, prepend=balance), equity, balance),
        periods_per_year(block.step),
        len(found.fills.whole),
    )
    return verdict, float(equity[-1] / balance - 1.0)


def _chunks(block: MarketBlock) -> Iterator[MarketBlock]:
    length = ticks_at_once(len(block.instruments))
    for start in range(0, len(block), length):
        yield block.rows(start, min(start + length, len(block)))


def _in_turn(signals: Signals) -> Callable[[MarketBlock], Signals]:
    at = 0

    def of(chunk: MarketBlock) -> Signals:
        nonlocal at
        rows = slice(at, at + len(chunk))
        at += len(chunk)
        return Signals(
            score=signals.score[rows],
            confidence=signals.confidence[rows],
            size=signals.size[rows],
            lead=signals.lead[rows],
        )

    return of


def _observed(config: Config, recorded: MarketBlock, own: Sequence[float]) -> Observed:
    verdict, _ = play_and_judge(config, recorded)
    known = [z for z in own if math.isfinite(z)]
    higher = sum(z >= verdict.z for z in known)
    p_own = (1 + higher) / (1 + len(known)) if math.isfinite(verdict.z) else 1.0
    return Observed(verdict=verdict, p_own=p_own)
